"""Wakes whoever waits for events: one database connection listens."""

from __future__ import annotations

from collections.abc import Callable

from phonoscope.db import notices
from phonoscope.db.jobs import EVENT_CHANNEL


async def listen(database_url: str, wake: Callable[[], None]) -> None:
    """Calls ``wake`` at every new event, and when some may have been missed, until it is cancelled."""
    await notices.listen(database_url, "phonoscope-events", (EVENT_CHANNEL,), lambda _: wake(), wake)
