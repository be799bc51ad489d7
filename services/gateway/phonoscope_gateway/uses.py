"""When keys were used last, noted beside the requests that use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from phonoscope.db.access.engine import Database
from phonoscope.db.service.keys import note_use
from phonoscope.errors import DatabaseUnavailable


class KeyUses:
    """Notes uses in threads that no request waits for; one at a time for each key."""

    def __init__(self, database: Database, threads: ThreadPoolExecutor) -> None:
        self._database = database
        self._threads = threads
        self._being_noted: set[str] = set()

    def note(self, key_id: str) -> None:
        """Notes that a key is used now, unless that is under way. A database that is away is told with a later use."""
        if key_id not in self._being_noted:
            self._being_noted.add(key_id)
            self._threads.submit(self._write, key_id)

    def _write(self, key_id: str) -> None:
        try:
            with suppress(DatabaseUnavailable), self._database.autocommit() as session:
                note_use(session, key_id)
        finally:
            self._being_noted.discard(key_id)
