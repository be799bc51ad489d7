"""The bytes of an upload that comes in pieces, each an object of the store.

A piece is an object of its own, not a part of an S3 multipart upload: it is as durable as any object once it is put,
whatever its size, and can be read before the others have come. Only the last piece is smaller than ``LEAST_BYTES``:
what follows it is put together with it. The bytes that complete an upload are kept nowhere but in the track that it
becomes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from anyio import to_thread

from phonoscope.db.library.uploads import folder_of, keep_pieces, pieces_of
from phonoscope.db.schema.uploads import UploadPieceRow
from phonoscope.errors import NotFound, StoreUnavailable, UploadBusy, UploadEnded, UploadTooLarge
from phonoscope.ids import new_id
from phonoscope_gateway.forms import new_spool, spooling
from phonoscope_gateway.uploads.held import HeldUpload

PIECE_BYTES = 8 << 20
LEAST_BYTES = 256 << 10
MEDIA_TYPE = "application/octet-stream"
Made = TypeVar("Made")


@contextmanager
def lost_pieces() -> Iterator[None]:
    """Within it an object that the store does not have ends the upload. Raises ``UploadEnded``."""
    try:
        yield
    except NotFound as error:
        raise UploadEnded("the store has lost a part of this upload; begin another one") from error


class Pieces:
    """What a request adds to an upload.

    Args:
        deferred: whether nothing is kept before ``keep`` is called, because all of it may have to be discarded.
    """

    def __init__(self, upload: HeldUpload, *, deferred: bool) -> None:
        self._upload = upload
        self._deferred = deferred
        self._total = upload.row.size_bytes
        self._start = self._put_until = self.offset = upload.row.offset_bytes
        self._replaced: list[str] = []
        self._kept = 0
        self.pieces: list[UploadPieceRow] = []
        """In the store, from the upload's start; not those that are to be put again."""
        self.last = new_spool()
        """The bytes after them."""

    async def begin(self) -> None:
        """Reads where the upload stands. Raises ``Unavailable``, or ``UploadEnded`` where a piece is lost."""
        self.pieces = await to_thread.run_sync(self._read_pieces)
        if self.pieces and self.pieces[-1].size_bytes < LEAST_BYTES:
            tail = self.pieces.pop()
            self._start = tail.start
            self._replaced = [tail.object_key]
            read = self._upload.state.store.read_bytes
            with lost_pieces():
                self.last.write(await self._run(lambda: read(tail.object_key, 0, tail.size_bytes)))
        self._kept = len(self.pieces)

    @property
    def whole(self) -> bool:
        """Whether no byte is missing."""
        return self.offset == self._total

    async def add(self, chunk: bytes) -> None:
        """Raises ``UploadTooLarge``, ``UploadBusy``, ``SpoolFull`` or ``Unavailable``."""
        if self.offset + len(chunk) > self._total:
            raise UploadTooLarge(f"the upload has {self._total:,} bytes; this brings more")
        rest = memoryview(chunk)
        while rest:
            room = PIECE_BYTES - (self.offset - self._start)
            if not room:
                await self._put()
                continue
            with spooling():
                self.last.write(rest[:room])
            self.offset += len(rest[:room])
            rest = rest[room:]

    async def keep(self) -> None:
        """Keeps all that has come. Raises ``UploadBusy`` or ``Unavailable``."""
        if self.offset > self._put_until:
            await self._put()
        await self._commit()

    async def discard(self) -> None:
        """Erases what was put and not kept; what cannot be erased now goes with the upload."""
        keys = [piece.object_key for piece in self.pieces[self._kept :]]
        if keys:
            with suppress(StoreUnavailable):
                await self._run(lambda: self._upload.state.store.delete(keys))
        self.last.close()

    def _read_pieces(self) -> list[UploadPieceRow]:
        with self._upload.state.database.autocommit() as session:
            return pieces_of(session, self._upload.id)

    async def _put(self) -> None:
        key = f"{folder_of(self._upload.id)}{new_id('pce')}"
        await self._run(lambda: self._upload.state.store.put(key, self.last, MEDIA_TYPE))
        size = self.offset - self._start
        piece = UploadPieceRow(upload_id=self._upload.id, start=self._start, size_bytes=size, object_key=key)
        self.pieces.append(piece)
        self._start = self._put_until = self.offset
        self.last.seek(0, os.SEEK_SET)
        self.last.truncate()
        if not self._deferred:
            await self._commit()

    async def _commit(self) -> None:
        added = self.pieces[self._kept :]
        if not added:
            return
        # They may be kept though the answer of the database is lost, or nobody waits for it any more.
        before, self._kept = self._kept, len(self.pieces)
        try:
            await to_thread.run_sync(self._add_rows, added)
        except UploadBusy:
            self._kept = before
            raise
        gone, self._replaced = self._replaced, []
        if gone:
            with suppress(StoreUnavailable):
                await self._run(lambda: self._upload.state.store.delete(gone))

    def _add_rows(self, added: list[UploadPieceRow]) -> None:
        upload = self._upload
        with upload.state.database.transaction() as session:
            keep_pieces(session, upload.id, upload.writer, added, upload.expires_in)

    async def _run(self, call: Callable[[], Made]) -> Made:
        return await self._upload.state.uploads.run(self._upload.row.owner_id, call)
