"""A file that is elsewhere, of which a sandboxed process has those parts fetched that it reads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, Self

from phonoscope.errors import UndecodableRecording

PART_BYTES = 256 * 1024
"""A process asks for whole parts, each of them once."""
MOST_PARTS = 16
"""It asks for so many at once at most."""


class PartialFile:
    """A file on disk with holes, which are filled when they are asked for.

    Args:
        size_bytes: the size of the whole.
        read: gives as many bytes of the whole as its second argument, from the offset that its first one is.

    Attributes:
        fetched_bytes: how many were read.
    """

    def __init__(self, size_bytes: int, read: Callable[[int, int], bytes]) -> None:
        self._size_bytes = size_bytes
        self._read = read
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the block's end
        self._file.truncate(size_bytes)
        self.fetched_bytes = 0

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        """Nothing waits to be written."""

    def fetch(self, asked: Any) -> range:
        """Fills an offset and a size, which are a sandboxed process's word; returns the numbers of the parts.

        Raises:
            UndecodableRecording: no process asks so for what is there.
            Exception: as ``read`` does.
        """
        offset, size = self._believed(asked)
        self._file.seek(offset)
        self._file.write(self._read(offset, size))
        self._file.flush()
        self.fetched_bytes += size
        first = offset // PART_BYTES
        return range(first, first - (-size // PART_BYTES))

    def _believed(self, asked: Any) -> tuple[int, int]:
        match asked:
            case [int(offset), int(size)] if 0 <= offset < offset + size <= self._size_bytes:
                whole = size % PART_BYTES == 0 or offset + size == self._size_bytes
                if offset % PART_BYTES == 0 and whole and size <= MOST_PARTS * PART_BYTES:
                    return offset, size
        raise UndecodableRecording("the file makes its decoder fail")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
