"""When keys and sessions were used last, noted beside the requests that use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from phonoscope.db.access.engine import Database
from phonoscope.db.service.sessions import note_credential_use
from phonoscope.errors import DatabaseUnavailable


class KeyUses:
    """Notes uses in threads that no request waits for; one at a time for each."""

    def __init__(self, database: Database, threads: ThreadPoolExecutor) -> None:
        self._database = database
        self._threads = threads
        self._being_noted: set[str] = set()

    def note(self, credential_id: str) -> None:
        """Notes that a key or a session is used now, unless that is under way; a database that is away hears later."""
        if credential_id not in self._being_noted:
            self._being_noted.add(credential_id)
            self._threads.submit(self._write, credential_id)

    def _write(self, credential_id: str) -> None:
        try:
            with suppress(DatabaseUnavailable), self._database.autocommit() as session:
                note_credential_use(session, credential_id)
        finally:
            self._being_noted.discard(credential_id)
