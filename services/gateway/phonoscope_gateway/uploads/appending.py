"""Adds the body of a request to an upload, and finishes it with the last byte."""

from __future__ import annotations

from collections.abc import Callable

from anyio import CancelScope, to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect

from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import OffsetConflict, UploadEnded, UploadTooLarge
from phonoscope_gateway.state import State
from phonoscope_gateway.uploads.held import HeldUpload, held
from phonoscope_gateway.uploads.pieces import Pieces
from phonoscope_gateway.uploads.protocol import Checksum
from phonoscope_gateway.uploads.service import check_way, finish, read_upload, refuse


async def append(
    state: State, caller: Caller, upload_id: str, offset: int, request: Request, checksum: Checksum | None
) -> UploadRow:
    """Adds the body of a request, and returns the upload as it is then.

    Of a body that is cut off, what has come is kept; with a checksum all of it is, or nothing.

    Raises:
        NotFound, UploadEnded, UploadBusy: as ``take_upload`` does; ``UploadEnded`` also where a piece is lost.
        OffsetConflict: the upload goes on at another offset.
        UploadTooLarge: there is more than the upload was to have.
        ChecksumMismatch: the body is another one.
        PhonoscopeError: as ``finish`` does.
    """
    async with held(state, caller.owner_id, upload_id) as upload:
        _check(upload, offset, request)
        pieces = Pieces(upload, deferred=checksum is not None)
        try:
            await _begin(pieces, upload)
            await _read(pieces, request, checksum)
            if not pieces.whole:
                await pieces.keep()
                return await _run(state, caller, lambda: read_upload(state, caller.owner_id, upload_id))
            keys = [piece.object_key for piece in pieces.pieces]
            return await _run(state, caller, lambda: finish(upload, caller, keys, pieces.last))
        finally:
            with CancelScope(shield=True):
                await pieces.discard()


def _check(upload: HeldUpload, offset: int, request: Request) -> None:
    row = upload.row
    check_way(row, direct=False)
    if offset != row.offset_bytes:
        raise OffsetConflict(f"the upload goes on at {row.offset_bytes:,}, not at {offset:,}")
    announced = request.headers.get("content-length", "0")
    if offset + int(announced) > row.size_bytes:
        raise UploadTooLarge(f"the upload has {row.size_bytes:,} bytes; this brings more")


async def _begin(pieces: Pieces, upload: HeldUpload) -> None:
    try:
        await pieces.begin()
    except UploadEnded as error:
        await to_thread.run_sync(refuse, upload, error, upload.row.offset_bytes)
        raise


async def _read(pieces: Pieces, request: Request, checksum: Checksum | None) -> None:
    try:
        async for chunk in request.stream():
            if checksum is not None:
                checksum.update(chunk)
            await pieces.add(chunk)
    except ClientDisconnect:
        if checksum is None and not pieces.whole:
            await pieces.keep()
        raise
    if checksum is not None:
        checksum.check()


async def _run(state: State, caller: Caller, call: Callable[[], UploadRow]) -> UploadRow:
    return await state.uploads.run(caller.owner_id, call)
