"""Ways into a file from which its packets follow as they do from its start."""

from __future__ import annotations

import re
import zlib
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from phonoscope.audio.tags import Span

if TYPE_CHECKING:
    import av


class Way(Enum):
    """How a container is entered: at a byte, at a time of its index, or past a part that is declared void."""

    BYTE = auto()
    TIME = auto()
    VOID = auto()


_WAYS = {
    **dict.fromkeys(("aac", "ac3", "au", "eac3", "flac", "loas", "mp3", "ogg", "wv"), Way.BYTE),
    **dict.fromkeys(("3gp", "caf", "mov", "mp4", "tta"), Way.TIME),
    **dict.fromkeys(("matroska", "webm"), Way.VOID),
}
_SETTLING = frozenset(
    {"aac", "aac_latm", "ac3", "alac", "dca", "eac3", "flac", "mp1", "mp2", "mp3", "opus", "tta", "vorbis", "wavpack"}
)
"""Codecs whose decoder gives the same a second later, wherever it has begun."""
SETTLED_AFTER_S = 1.0
# A cluster, its size and its time (RFC 9559, 5.1.3), after a checksum perhaps; no sound looks like it.
_CLUSTER = re.compile(rb"\x1fC\xb6u.{1,8}?(?:\xbf\x84.{4})?\xe7[\x81-\x88]", re.DOTALL)
_LEAST_BYTES, _MOST_BYTES = 1 << 16, 16 << 20
_VOID, _LONG = b"\xec", 1 << 56
VOID_BYTES = 9
"""The least that can be declared void."""


def way_into(container: str, codec: str) -> Way | None:
    """``None`` where there is none, or what is decoded depends on all that is before it."""
    return _WAYS.get(container) if codec in _SETTLING or codec.startswith("pcm_") else None


def checksum(packet: av.Packet[av.AudioStream]) -> int:
    return zlib.crc32(packet)


def cluster_before(file: BinaryIO, position: int) -> int | None:
    """Where the cluster of Matroska begins in which a byte lies; ``None`` when none begins in the 16 MiB before it.

    The file's position does not change.
    """
    stands, size = file.tell(), _LEAST_BYTES
    try:
        while True:
            start = max(0, position - size)
            file.seek(start)
            found = deque(_CLUSTER.finditer(file.read(position - start)), maxlen=1)
            if found:
                return start + found[0].start()
            if not start or size >= _MOST_BYTES:
                return None
            size *= 4
    finally:
        file.seek(stands)


class Passage(NamedTuple):
    """A packet that was read.

    Args:
        at_s: how much sound was decoded before.
        position: its byte.
        time: its time stamp, in ticks.
    """

    at_s: float
    position: int
    time: int | None


class Bypassed:
    """A Matroska file in which a part is declared void, so that its reader passes over it. Positions stay as they are.

    Args:
        void: the part, of nine bytes at least.
    """

    def __init__(self, file: BinaryIO, void: Span) -> None:
        self._file = file
        self._start = void.start
        self._element = _VOID + (_LONG | void.end - void.start - VOID_BYTES).to_bytes(8, "big")

    def read(self, size: int = -1) -> bytes:
        start = self._file.tell()
        found = self._file.read(size)
        first, last = (min(max(0, edge - start), len(found)) for edge in (self._start, self._start + VOID_BYTES))
        if first == last:
            return found
        skipped = max(0, start - self._start)
        return found[:first] + self._element[skipped : skipped + last - first] + found[last:]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Raises ``OSError`` for a position before the start."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
