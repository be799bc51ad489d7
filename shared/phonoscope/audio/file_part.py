"""A part of a file, as a file of its own."""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

from phonoscope.audio.tags import Span


class FilePart:
    """A part of a file, with a position of its own and without a name, which the library would take as a hint.

    Positions count from the part's start.
    """

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file = file
        self._span = span
        self._position = span.start

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._span.end - self._position)
        if not left:
            # Damaged sizes lead to positions to which no file can go.
            return b""
        self._file.seek(self._position)
        found = self._file.read(left if size < 0 else min(size, left))
        self._position += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raises ``OSError`` for a position before the start."""
        position = (self._span.start, self._position, self._span.end)[whence] + offset
        if position < self._span.start:
            raise OSError(errno.EINVAL, "a position before the file's start")
        self._position = position
        return self.tell()

    def tell(self) -> int:
        return self._position - self._span.start
