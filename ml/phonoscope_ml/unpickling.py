"""Reads the tensors of a published ``.pt`` file in a child process with limits, and keeps them as safetensors.

``python -m phonoscope_ml.unpickling`` reads the file from its standard input and writes safetensors to its standard
output. It opens no path, and needs no network.
"""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from phonoscope.confinement import confine, confined_command, confined_environment
from phonoscope.errors import DownloadFailed, UnreadableWeights

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 256 * 1024**2
"""The largest file, and the most that its tensors may take together."""
_MOST_MEMORY_BYTES = 3 * MOST_BYTES
_MOST_CPU_S = 120
_LONGEST_S = 300.0
_REFUSED = 3
_MOST_REASON_BYTES = 300


def unpickle(source: Path, target: Path) -> None:
    """Writes the tensors of a ``.pt`` file to a safetensors file, which then has them all or does not exist.

    Raises:
        UnreadableWeights: the file is a link, too large or not a dictionary of plain tensors, or it has code, or
            reading it takes more memory or time than it may.
        DownloadFailed: no child process can be started, or the target cannot be written.
    """
    draft = target.with_name(f"{target.name}.draft")
    try:
        with _opened(source) as file, draft.open("wb") as output:
            _run(source.name, file, output)
        draft.replace(target)
    except OSError as error:
        raise DownloadFailed(f"{target.name} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _opened(source: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnreadableWeights(f"{source.name} cannot be opened as a file: {error.strerror}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= MOST_BYTES:
        os.close(descriptor)
        raise UnreadableWeights(f"{source.name} is not a file of 1 to {MOST_BYTES:,} bytes")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        yield file


def _run(name: str, file: BinaryIO, output: BinaryIO) -> None:
    with tempfile.TemporaryFile() as complaints:
        try:
            done = subprocess.run(
                confined_command("phonoscope_ml.unpickling"),
                stdin=file,
                stdout=output,
                stderr=complaints,
                env=confined_environment() | {"OMP_NUM_THREADS": "1"},
                cwd="/",
                timeout=_LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UnreadableWeights(f"{name}: reading it takes longer than {_LONGEST_S:g} s") from error
        if done.returncode == _REFUSED:
            raise UnreadableWeights(f"{name}: {_last_line(complaints)}")
        if done.returncode < 0:
            raise UnreadableWeights(f"{name}: its reader was ended by signal {-done.returncode}")
        if done.returncode:
            raise UnreadableWeights(f"{name}: its reader failed: {_last_line(complaints)}")


def _last_line(complaints: IO[bytes]) -> str:
    size = complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, size - _MOST_REASON_BYTES))
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


def _read() -> None:
    """What the child does: reads standard input, writes standard output."""
    import psutil
    import torch
    from safetensors.torch import save

    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    torch.set_num_threads(1)
    confine(
        psutil.Process().memory_info().vms + _MOST_MEMORY_BYTES, file_bytes=MOST_BYTES + (1 << 20), cpu_s=_MOST_CPU_S
    )
    found = torch.load(sys.stdin.buffer, map_location="cpu", weights_only=True)
    content = save({name: value.detach().clone().contiguous() for name, value in _plain(found).items()})
    with open(output, "wb") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(content)


def _plain(found: Any) -> dict[str, Tensor]:
    """The dictionary, after checking that it has dense tensors of numbers alone, of a size that can be."""
    import torch

    numbers = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    numbers |= {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool}
    if not isinstance(found, dict) or not found:
        raise TypeError("it is not a dictionary of tensors")
    for name, value in found.items():
        if not isinstance(name, str) or type(value) not in {torch.Tensor, torch.nn.Parameter}:
            raise TypeError(f"{str(name)[:80]!r} is not a plain tensor")
        if value.layout != torch.strided or value.device.type != "cpu" or value.dtype not in numbers:
            raise TypeError(f"{name[:80]!r} is not a dense tensor of numbers")
    total = sum(value.numel() * value.element_size() for value in found.values())
    if total > MOST_BYTES:
        raise ValueError(f"its tensors take {total:,} bytes together")
    return found


def main() -> None:
    """Runs the child; its standard error ends with a reason when it refuses the file."""
    try:
        _read()
    except pickle.UnpicklingError:
        # The error's own text advises to run the code.
        reason = "it is not an archive of tensors alone"
    except MemoryError:
        reason = "reading it takes more memory than it may"
    except Exception as error:  # noqa: BLE001 - the parent names the reason
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:_MOST_REASON_BYTES]
    else:
        return
    sys.stderr.write(f"\n{reason}\n")
    sys.stderr.flush()
    os._exit(_REFUSED)


if __name__ == "__main__":
    main()
