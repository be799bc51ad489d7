"""A file that is elsewhere, of which a sandboxed process has those parts fetched that it reads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, Self

from phonoscope.errors import UndecodableRecording


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

    def fetch(self, part: Any) -> int:
        """Fills an offset and a size, which are a sandboxed process's word; returns the size in bytes.

        Raises:
            UndecodableRecording: there is no such part.
            Exception: as ``read`` does.
        """
        offset, size = self._believed(part)
        self._file.seek(offset)
        self._file.write(self._read(offset, size))
        self._file.flush()
        self.fetched_bytes += size
        return size

    def _believed(self, part: Any) -> tuple[int, int]:
        match part:
            case [int(offset), int(size)] if 0 <= offset < offset + size <= self._size_bytes:
                return offset, size
        raise UndecodableRecording("the file makes its decoder fail")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
