"""The indexer: makes the indexes of large libraries' vectors while everything goes on, and measures their recall.

Several indexers may run; a lock lets one of them make or measure at a time. No search waits for an index: until it is
whole, the library is searched without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from time import monotonic

from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, lock_of_connection
from phonoscope.db.search.indexes import Change, apply, changes
from phonoscope.db.search.recall import LEAST_RECALL, measure_recall
from phonoscope.db.service.walks import INDEXES, RECALL, continue_walk
from phonoscope.errors import Unavailable
from phonoscope.logs import get_logger
from phonoscope.settings import Settings

EVERY_S = 60.0
_INDEXES_EVERY = timedelta(minutes=5)
_RECALL_EVERY = timedelta(days=1)
_log = get_logger(__name__)


@dataclass
class Indexer:
    """Makes indexes that are missing, drops those that nobody needs, and measures what they find once a day."""

    database: Database
    settings: Settings

    def index(self, stopped: Event, every: timedelta = _INDEXES_EVERY) -> int:
        """Does what is to be done; returns how many indexes were made or dropped.

        Zero where another courier does it, or has done it less than ``every`` ago. Raises ``DatabaseUnavailable``.
        """
        with self.database.autocommit() as session, lock_of_connection(session, Lock.INDEX) as free:
            if not free or continue_walk(session, INDEXES, every) is None:
                return 0
            rows = {"exact_rows": self.settings.search_exact_rows, "quantised_rows": self.settings.search_bits_rows}
            todo = changes(session, **rows)
            return sum(_applied(session, change) for change in todo if not stopped.is_set())

    def measure(self, stopped: Event, every: timedelta = _RECALL_EVERY) -> int:
        """Measures the recall of all spaces; returns how many there are, and zero as ``index`` does.

        After each query it waits for as long as the query took. Raises ``DatabaseUnavailable``.
        """
        with self.database.autocommit() as session, lock_of_connection(session, Lock.INDEX) as free:
            if not free or continue_walk(session, RECALL, every) is None:
                return 0
            found = measure_recall(self.database, stopped.wait, exact_rows=self.settings.search_exact_rows)
        for each in found:
            log = _log.info if (each.recall or 0.0) >= LEAST_RECALL else _log.warning
            log("search.recall", model=each.model, digest=each.digest, recall=each.recall, queries=each.queries)
        return len(found)

    def run(self, stopped: Event) -> None:
        """Looks once a minute what is to be done, until it must stop; a service that is down only delays it."""
        while not stopped.wait(EVERY_S):
            _attempt(self.index, stopped)
            _attempt(self.measure, stopped)


def _applied(session: Session, change: Change) -> bool:
    began = monotonic()
    try:
        apply(session, change)
    except Exception:  # noqa: BLE001 - one index that cannot be made must not keep the others waiting
        _log.exception("index.failed", index=change.name)
        return False
    what = "index.made" if change.rung else "index.dropped"
    _log.info(what, index=change.name, rows=change.rows, seconds=round(monotonic() - began, 1))
    return True


def _attempt(round_: Callable[[Event], int], stopped: Event) -> None:
    try:
        round_(stopped)
    except Unavailable as error:
        _log.warning("indexer.postponed", code=error.code)
    except Exception:  # noqa: BLE001 - one bad round must not end all others
        _log.exception("indexer.failed")
