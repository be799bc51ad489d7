"""A ZIP archive written while it is sent: what is in it is read from the store piece by piece."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from typing_extensions import Buffer

Member: TypeAlias = tuple[str, Iterable[bytes]]
"""A name and its content."""


class _Outbox(io.RawIOBase):
    """Takes what is written, until it is taken away; nobody can go back in it."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        self._held.append(bytes(data))
        return len(self._held[-1])

    def taken(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive's bytes. Members are stored as they are: sound is compressed already, or meant not to be."""
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as file:
        for name, content in members:
            with file.open(name, "w", force_zip64=True) as member:
                for chunk in content:
                    member.write(chunk)
                    yield outbox.taken()
    yield outbox.taken()
