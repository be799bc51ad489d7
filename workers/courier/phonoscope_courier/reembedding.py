"""Goes on with reembeddings: makes their next jobs, a few at a time."""

from __future__ import annotations

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, stay_open, try_lock
from phonoscope.db.spaces.reembedding import go_on, under_way
from phonoscope.waker import Waker


def reembed(database: Database, waker: Waker) -> int:
    """One round, in one courier at a time; returns how many jobs were made.

    Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; the sweeper sends again what was not sent.
    """
    with database.transaction() as locked:
        if not (found := under_way(locked)) or not try_lock(locked, Lock.REEMBED):
            return 0
        stay_open(locked)
        queues = [queue for each in found for queue in go_on(database, each)]
    waker.wake(queues)
    return len(queues)
