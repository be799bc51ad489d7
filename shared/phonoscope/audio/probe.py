"""What an upload is, and whether it can be analysed.

Libraries that read what strangers send crash and swell now and then: ``probe`` lets a child process of limited memory
and time look at the file, so that whatever is in it costs the caller no more than an error, and no library's memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from phonoscope.audio.sandbox import Sandbox

_LOOK = "phonoscope.audio.examine:look"
_LONGEST_LOOK_S = 120.0
_SILENCE = (
    struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 68, b"WAVE", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16, b"data", 32)
    + b"\0" * 32
)


@dataclass(frozen=True)
class Probe:
    """What a recording is, for most of its length where rate or channels change in it.

    ``duration_s`` is what there is to hear, not what the header claims.
    """

    container: str
    codec: str
    media_type: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    warnings: list[str]


def probe(file: BinaryIO, *, max_duration_s: float) -> Probe:
    """What the recording is, found out in a process apart; ``file`` is left where it stands.

    Raises:
        RecordingError: as ``examine`` does; and ``UndecodableRecording`` when the file makes the reader crash, or takes
            more than two minutes or 512 MiB.
        Unavailable: no process can be started.
    """
    with probing(file, max_duration_s=max_duration_s) as finish:
        return finish()


@contextmanager
def probing(file: BinaryIO, *, max_duration_s: float) -> Iterator[Callable[[], Probe]]:
    """A probe that goes on while its caller does something else; what is given waits for its end, as ``probe`` does.

    The file may be read meanwhile.
    """
    with _sandbox.calling(file, max_duration_s) as finish:
        yield lambda: Probe(**finish())


def warm_up() -> None:
    """Starts the process that probes, so that the first one is as fast as the others. Raises ``Unavailable``."""
    _sandbox.start()


_sandbox = Sandbox(_LOOK, longest_s=_LONGEST_LOOK_S, sample=_SILENCE)
