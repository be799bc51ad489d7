"""Goes on with reembeddings: makes their next jobs, a few at a time, while the sweeper mends leases beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, stay_open, try_lock
from phonoscope.db.spaces.reembedding import Reembedding, go_on, under_way
from phonoscope.errors import LockTimeout, TransactionConflict, Unavailable
from phonoscope.logs import get_logger
from phonoscope.waker import Waker

EVERY_S = 1.0
ROUND_S = 1.0
"""Seconds after which a round serves no further reembedding; one of them takes a part of a second."""
_log = get_logger(__name__)


@dataclass
class Reembedder:
    """Makes the next jobs of reembeddings, those first that were served longest ago."""

    database: Database
    waker: Waker
    _served: dict[Reembedding, float] = field(default_factory=dict)

    def reembed(self, stopped: Event, lasts_s: float = ROUND_S) -> int:
        """One round, in one courier at a time; returns how many jobs were made.

        It ends after ``lasts_s`` seconds, and serves one reembedding at least; the next round goes on with the others.
        One that fails is logged and keeps none of them waiting.

        Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; the sweeper sends again what was not sent.
        """
        ends = monotonic() + lasts_s
        with self.database.transaction() as locked:
            if not (found := under_way(locked)) or not try_lock(locked, Lock.REEMBED):
                return 0
            stay_open(locked)
            made = 0
            for each in self._in_turn(found):
                made += self._go_on(each)
                if stopped.is_set() or monotonic() >= ends:
                    break
        return made

    def run(self, stopped: Event) -> None:
        """Does a round every second, until it must stop; a service that is down only delays it."""
        while not stopped.wait(EVERY_S):
            try:
                self.reembed(stopped)
            except Unavailable as error:
                _log.warning("reembedder.postponed", code=error.code)
            except Exception:  # noqa: BLE001 - one bad round must not end all others
                _log.exception("reembedder.failed")

    def _in_turn(self, found: list[Reembedding]) -> list[Reembedding]:
        self._served = {each: self._served.get(each, float("-inf")) for each in found}
        return sorted(found, key=self._served.__getitem__)

    def _go_on(self, each: Reembedding) -> int:
        self._served[each] = monotonic()
        try:
            queues = go_on(self.database, each)
        except (LockTimeout, TransactionConflict) as error:
            _log.warning("reembedding.postponed", owner_id=each.owner_id, space_id=each.space_id, code=error.code)
            return 0
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - one that fails must not keep the others waiting
            _log.exception("reembedding.failed", owner_id=each.owner_id, space_id=each.space_id)
            return 0
        self.waker.wake(queues)
        return len(queues)
