"""Wakes the courier when there are new events, by one database connection with ``LISTEN``."""

from __future__ import annotations

from collections.abc import Callable

from phonoscope.db.access import notifications
from phonoscope.db.access.channels import EVENT_CHANNEL
from phonoscope.db.access.listeners import Listener


async def listen(database_url: str, wake: Callable[[], None]) -> None:
    """Calls ``wake`` at each new event, and whenever one may have been missed, until it is cancelled."""
    await notifications.listen(database_url, Listener.COURIER, (EVENT_CHANNEL,), lambda _: wake(), wake)
