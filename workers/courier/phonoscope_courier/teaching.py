"""Goes on with classifiers: has examples embedded, teaches again where labels changed, notes teachings that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from phonoscope.catalogue import AUTO
from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, stay_open, try_lock
from phonoscope.db.classifiers.rounds import Due, due, go_on
from phonoscope.db.service.usage import Limits
from phonoscope.errors import LimitReached, LockTimeout, TransactionConflict, Unavailable
from phonoscope.logs import get_logger
from phonoscope.waker import Waker

EVERY_S = 1.0
ROUND_S = 1.0
"""Seconds after which a round serves no further classifier."""
_log = get_logger(__name__)


@dataclass
class Teacher:
    """Makes the next jobs of classifiers, of those first that were served longest ago.

    Args:
        limits: the quotas of each owner, which its jobs count to.
        default_model: embeds the examples of classifiers that choose their space.
    """

    database: Database
    waker: Waker
    limits: Limits
    default_model: str = AUTO
    _served: dict[Due, float] = field(default_factory=dict)

    def teach(self, stopped: Event, lasts_s: float = ROUND_S) -> int:
        """One round, in one courier at a time; returns how many classifiers it served.

        It ends after ``lasts_s`` seconds, and serves one at least; the next round goes on with the others. One that
        fails is logged and keeps none of them waiting.

        Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; the sweeper sends again what was not sent.
        """
        ends = monotonic() + lasts_s
        with self.database.transaction() as locked:
            if not try_lock(locked, Lock.TEACH) or not (found := due(locked)):
                return 0
            stay_open(locked)
            served = 0
            for each in self._in_turn(found):
                self._go_on(each)
                served += 1
                if stopped.is_set() or monotonic() >= ends:
                    break
        return served

    def run(self, stopped: Event) -> None:
        """Does a round every second, until it must stop; a service that is down only delays it."""
        while not stopped.wait(EVERY_S):
            try:
                self.teach(stopped)
            except Unavailable as error:
                _log.warning("teacher.postponed", code=error.code)
            except Exception:  # noqa: BLE001 - one bad round must not end all others
                _log.exception("teacher.failed")

    def _in_turn(self, found: list[Due]) -> list[Due]:
        self._served = {each: self._served.get(each, float("-inf")) for each in found}
        return sorted(found, key=self._served.__getitem__)

    def _go_on(self, each: Due) -> None:
        self._served[each] = monotonic()
        try:
            queues = go_on(self.database, each, self.limits, self.default_model)
        except (LockTimeout, TransactionConflict, LimitReached) as error:
            _log.warning("teaching.postponed", classifier_id=each.classifier_id, code=error.code)
            return
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - one that fails must not keep the others waiting
            _log.exception("teaching.failed", classifier_id=each.classifier_id)
            return
        self.waker.wake(queues)
