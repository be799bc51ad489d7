"""Writes a ZIP archive while it is sent; its members are read from the store piece by piece."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from typing_extensions import Buffer

Member: TypeAlias = tuple[str, Iterable[bytes]]
"""A name and its content."""


class _WriteBuffer(io.RawIOBase):
    """An unseekable file that buffers what was written until it is taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self._written.append(bytes(data))
        return len(self._written[-1])

    def taken(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """Yields the archive's bytes. Members are not compressed: audio is compressed already, or must not be."""
    buffer = _WriteBuffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, content in members:
            with file.open(name, "w", force_zip64=True) as member:
                for chunk in content:
                    member.write(chunk)
                    yield buffer.taken()
    yield buffer.taken()
