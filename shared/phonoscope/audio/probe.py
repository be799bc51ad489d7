"""Finds out what an upload is, and whether it can be analysed.

Libraries that read untrusted files can crash or use much memory. ``probe`` therefore reads the file in a child process
with limits on memory and time: a bad file costs the caller no more than an error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from phonoscope.audio.sandbox import Sandbox

_FUNCTION = "phonoscope.audio.examine:examine_as_json"
_LONGEST_CALL_S = 120.0
SILENCE = (
    struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 68, b"WAVE", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16, b"data", 32)
    + b"\0" * 32
)
"""A file for rehearsals."""


@dataclass(frozen=True)
class Probe:
    """The format and duration of a recording; rate and channels are those of most of it.

    ``duration_s`` is the duration of the decodable audio, not the header's.
    """

    container: str
    codec: str
    media_type: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    warnings: list[str]


def probe(file: BinaryIO, *, max_duration_s: float, owner: str = "") -> Probe:
    """Probes a recording in a child process; the file's position does not change.

    Args:
        owner: whom the recording belongs to. Owners share the processes by turns.

    Raises:
        RecordingError: as ``examine`` does; ``UndecodableRecording`` also when the reader crashes, or needs more than
            two minutes or 512 MiB; ``TooCostlyToRead`` when it takes more processor time than its size allows.
        Unavailable: no process can be started.
    """
    with probing(file, max_duration_s=max_duration_s, owner=owner) as finish:
        return finish()


@contextmanager
def probing(file: BinaryIO, *, max_duration_s: float, owner: str = "") -> Iterator[Callable[[], Probe]]:
    """Probes a recording while the caller does something else; the yielded function waits for the result, as ``probe``.

    The file may be read meanwhile.
    """
    with _sandbox.calling(file, max_duration_s, owner) as finish:
        yield lambda: Probe(**finish())


def warm_up() -> None:
    """Starts the probing process, so that the first probe is fast. Raises ``Unavailable``."""
    _sandbox.start()


_sandbox = Sandbox(_FUNCTION, longest_s=_LONGEST_CALL_S, sample=SILENCE)
