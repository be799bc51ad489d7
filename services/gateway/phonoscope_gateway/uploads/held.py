"""An upload that one request writes to, in any gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from anyio import CancelScope, to_thread

from phonoscope.db.library.uploads import RENEW_EVERY_S, release_upload, renew_upload, take_upload
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.errors import Unavailable, UploadBusy
from phonoscope.ids import new_id
from phonoscope_gateway.state import State


@dataclass(frozen=True)
class HeldUpload:
    """An upload while this request writes to it, as it was when that began."""

    state: State
    row: UploadRow
    writer: str

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def expires_in(self) -> timedelta:
        return timedelta(seconds=self.state.settings.upload_expiry_s)


@asynccontextmanager
async def held(state: State, owner_id: str, upload_id: str, *, ended: bool = False) -> AsyncIterator[HeldUpload]:
    """Holds an upload for as long as the request takes; of a gateway that dies it is free after ``LEASE``.

    Raises as ``take_upload`` does.
    """
    writer = new_id("wrt")

    def take() -> UploadRow:
        with state.database.transaction() as session:
            return take_upload(session, owner_id, upload_id, writer, ended=ended)

    upload = HeldUpload(state, await to_thread.run_sync(take), writer)
    renewing = asyncio.create_task(_renewing(upload))
    try:
        yield upload
    finally:
        renewing.cancel()
        with CancelScope(shield=True), suppress(Unavailable):
            await to_thread.run_sync(_release, upload)


async def _renewing(upload: HeldUpload) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        try:
            await to_thread.run_sync(_renew, upload)
        except UploadBusy:
            return
        except Unavailable:
            continue


def _renew(upload: HeldUpload) -> None:
    with upload.state.database.transaction() as session:
        renew_upload(session, upload.id, upload.writer)


def _release(upload: HeldUpload) -> None:
    with upload.state.database.transaction() as session:
        release_upload(session, upload.id, upload.writer)
