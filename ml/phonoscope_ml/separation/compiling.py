"""Compiles networks' cores for this machine and keeps them; a file is used only if it has the recorded digest.

``python -m phonoscope_ml.separation.compiling MODEL_FOLDER CACHE_FOLDER`` compiles all networks of a model. It takes 20
seconds and 1.1 GB for a network of full size, and so runs in a process of its own. The process ends when its standard
input does.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Lock, Thread

from phonoscope.catalogue import MANIFEST, StemManifest, check_weights, read_manifest
from phonoscope.errors import InvalidManifest
from phonoscope.logs import get_logger
from phonoscope_ml.separation import heap

_log = get_logger(__name__)
_running: dict[tuple[Path, Path], Thread] = {}
_guard = Lock()


@dataclass(frozen=True)
class CoreFiles:
    """A compiled core on disk: a graph, its weights, and the digest of both, which is written last."""

    graph: Path

    @classmethod
    def of(cls, cache: Path, sha256: str) -> CoreFiles:
        """The files of a network with these weights, for the installed version of OpenVINO."""
        return cls(cache / f"{sha256[:16]}-{version('openvino')}.xml")

    @property
    def exists(self) -> bool:
        return self._digest.exists()

    @property
    def intact(self) -> bool:
        """Whether the files have the recorded digest. Reads them in full."""
        try:
            return self._digest.read_text() == _digest_of(self.graph)
        except (OSError, ValueError):
            return False

    def remove(self) -> None:
        """Removes the files, complete or not, once no process writes them."""
        with self.locked():
            self._remove()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Takes the files' lock; waits for another process that writes them."""
        with self.graph.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def write(self, folder: Path, index: int) -> None:
        """Compiles the network with that index; the caller has the lock."""
        from phonoscope_ml.separation.core import save_core
        from phonoscope_ml.separation.networks import load_network, open_manifest

        self._remove()
        try:
            save_core(load_network(open_manifest(folder), folder, index), self.graph)
            draft = self._digest.with_suffix(".draft")
            draft.write_text(_digest_of(self.graph))
            draft.replace(self._digest)
        except BaseException:
            self._remove()
            raise

    @property
    def _digest(self) -> Path:
        return self.graph.with_suffix(".sha256")

    def _remove(self) -> None:
        # The digest first, so that no process uses files that are being removed.
        for path in (self._digest, self._digest.with_suffix(".draft"), self.graph, self.graph.with_suffix(".bin")):
            path.unlink(missing_ok=True)


def cores_of(manifest: StemManifest, cache: Path) -> list[CoreFiles]:
    """The files of each network's core."""
    return [CoreFiles.of(cache, weights.sha256) for weights in manifest.weights]


def compile_cores(folder: Path, cache: Path) -> None:
    """Compiles the cores that are missing or damaged. A process that waited for another one finds them done.

    Raises ``InvalidManifest`` or ``WeightsMismatch``.
    """
    cache.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(folder / MANIFEST)
    if not isinstance(manifest, StemManifest):
        raise InvalidManifest(f"{folder / MANIFEST}: kind: {manifest.kind} is not separation")
    check_weights(manifest, folder)
    for index, files in enumerate(cores_of(manifest, cache)):
        with files.locked():
            if not files.intact:
                files.write(folder, index)


def start_compiling(folder: Path, cache: Path) -> None:
    """Compiles a model's cores in a process in the background, unless one does so; a thread waits for its end.

    It has normal priority: the sooner it ends, the sooner waiting recordings are done.
    """
    key = (folder, cache)
    with _guard:
        if key in _running and _running[key].is_alive():
            return
        _running[key] = Thread(target=partial(compile_in_process, folder, cache), name="compiler", daemon=True)
        _running[key].start()


def compile_in_process(folder: Path, cache: Path) -> bool:
    """Compiles a model's cores in a child process and waits for it; returns whether that succeeded."""
    command = [sys.executable, "-m", "phonoscope_ml.separation.compiling", str(folder), str(cache)]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            status = process.wait()
    except OSError as error:
        status = error.errno or 1
    if status:
        _log.warning("separation.not_compiled", model=folder.name, status=status)
    return not status


def _digest_of(graph: Path) -> str:
    digests = []
    for path in (graph, graph.with_suffix(".bin")):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return " ".join(digests)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_parent, daemon=True).start()
    heap.free_at_once()
    compile_cores(Path(sys.argv[1]), Path(sys.argv[2]))
