"""Open streams of events: each counts for its owner until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import TypeVar

from anyio import to_thread

from phonoscope.db.access.engine import Database
from phonoscope.db.service.streams import RENEW_EVERY_S, close_stream, open_stream, renew_streams
from phonoscope.errors import DatabaseUnavailable
from phonoscope.ids import new_id
from phonoscope_gateway.background import in_background

Item = TypeVar("Item")


class OpenStreams:
    """This gateway's open streams. ``renewing`` tells the others that they are still open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def opened(self, owner_id: str, most: int) -> str:
        """Counts a stream as open for a minute, in which it must begin; returns its id.

        Raises ``OpenStreamQuotaExceeded`` or ``DatabaseUnavailable``.
        """
        stream_id = new_id("str")
        await to_thread.run_sync(self._write_open, owner_id, stream_id, most)
        return stream_id

    async def close(self, stream_id: str) -> None:
        """Counts it no more; when the database is away, it counts for another minute."""
        self._open.discard(stream_id)
        with suppress(DatabaseUnavailable):
            await to_thread.run_sync(self._write_closed, stream_id)

    async def until_closed(self, stream_id: str, items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """The stream's items; it is closed after the last, or when its client leaves."""
        self._open.add(stream_id)
        try:
            async with aclosing(items):
                async for item in items:
                    yield item
        finally:
            # The client's leaving cancels this task, but not the other.
            closing = asyncio.create_task(self.close(stream_id))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    def renewing(self) -> AbstractAsyncContextManager[None]:
        """Renews the open streams for as long as the context lasts."""
        return in_background(self._renew(), "open-streams")

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            if self._open:
                with suppress(DatabaseUnavailable):
                    await to_thread.run_sync(self._write_renewed, list(self._open))

    def _write_open(self, owner_id: str, stream_id: str, most: int) -> None:
        with self._database.transaction() as session:
            open_stream(session, owner_id, stream_id, most)

    def _write_renewed(self, stream_ids: list[str]) -> None:
        with self._database.autocommit() as session:
            renew_streams(session, stream_ids)

    def _write_closed(self, stream_id: str) -> None:
        with self._database.autocommit() as session:
            close_stream(session, stream_id)
