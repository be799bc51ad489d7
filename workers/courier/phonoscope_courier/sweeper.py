"""The sweeper: sends queued tasks again whose message was lost, and hands back tasks whose worker fell silent.

Any number of sweepers may run; an advisory lock lets one of them work at a time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import timedelta
from typing import NoReturn

from sqlalchemy import text

from phonoscope.db.engine import Database
from phonoscope.db.tasks import overdue_messages, requeue_expired
from phonoscope.errors import Unavailable
from phonoscope.logs import get_logger
from phonoscope.queue import Queue
from phonoscope.states import Pool

EVERY_S = 5.0
RESEND_AFTER = timedelta(seconds=60)
_LOCK = 0x50484F4E
_log = get_logger(__name__)


def sweep(database: Database, queue: Queue) -> int:
    """One round; returns how many messages were sent.

    Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; what was not sent is due again in a later round.
    """
    with database.transaction() as session:
        if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return 0
        due = requeue_expired(session) + overdue_messages(session, RESEND_AFTER)
    pools: dict[str, set[Pool]] = defaultdict(set)
    for job_id, pool in due:
        pools[job_id].add(pool)
    for job_id, wanted in pools.items():
        queue.send(job_id, wanted)
        _log.info("sweeper.sent_again", job_id=job_id, pools=sorted(wanted))
    return len(pools)


def run(database: Database, queue: Queue) -> NoReturn:
    """Sweeps every few seconds until the process is told to stop; services being away only delays it."""
    while True:
        time.sleep(EVERY_S)
        try:
            sweep(database, queue)
        except Unavailable as error:
            _log.warning("sweeper.postponed", code=error.code)
        except Exception:  # noqa: BLE001 - one bad round must not end all others
            _log.exception("sweeper.failed")
