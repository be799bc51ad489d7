"""The sweeper: sends queued tasks again whose message was lost, hands back tasks whose worker fell silent, and tidies.

Any number of sweepers may run; an advisory lock lets one of them work at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic

from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.orphans import expired_tracks, forget_jobs, unknown_keys
from phonoscope.db.library.tracks import delete_track
from phonoscope.db.service.idempotency import forget_old_keys
from phonoscope.db.tasks.requeue import Lease, expired_leases, hand_back, overdue_messages
from phonoscope.db.webhooks.events import forget_old_events
from phonoscope.errors import NotFound, Unavailable, WorkerLost
from phonoscope.logs import get_logger
from phonoscope.queue import Queue
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore

EVERY_S = 1.0
TIDY_EVERY_S = 60.0
RESEND_AFTER = timedelta(seconds=30)
BELIEVED_AFTER_S = 4.0
"""For so long an expired lease must stay as it was: a live worker renews it, whatever the database's clock does."""
_MOST_ERASED = 100
_LOCK = 0x50484F4E
_log = get_logger(__name__)


@dataclass
class Sweeper:
    """One sweeper process: what it sweeps, and since when it has seen which lease expired."""

    database: Database
    queue: Queue
    store: ObjectStore
    settings: Settings
    _suspects: dict[Lease, float] = field(default_factory=dict)

    def sweep(self) -> int:
        """One quick round; returns how many messages were sent.

        Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; what was not sent is due again in a later round.
        """
        with self.database.transaction() as session:
            if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
                return 0
            lost = self._lost(expired_leases(session))
            due = hand_back(session, lost, WorkerLost("its worker fell silent"))
            due += overdue_messages(session, RESEND_AFTER)
        self.queue.wake(due)
        if lost or due:
            _log.info("sweeper.mended", lost=len(lost), sent=len(due))
        return len(due)

    def tidy(self) -> int:
        """One slow round: recordings past their time, objects that no row knows, old keys and events.

        Returns how many objects were erased. Raises ``DatabaseUnavailable`` or ``StoreUnavailable``.
        """
        erased = 0
        if self.settings.retention_days:
            erased += self._erase_expired(timedelta(days=self.settings.retention_days))
        with self.database.transaction() as session:
            forget_old_keys(session)
            forget_old_events(session)
        before = datetime.now(UTC) - timedelta(seconds=self.settings.orphan_grace_s)
        for page in self.store.pages("tracks/"):
            old = [key for key, stored_at in page if stored_at < before]
            with self.database.autocommit() as session:
                orphans = unknown_keys(session, old) if old else []
            self.store.delete(orphans)
            erased += len(orphans)
        if erased:
            _log.info("sweeper.tidied", objects=erased)
        return erased

    def run(self, stopped: Event) -> None:
        """Sweeps every second, and tidies every minute, until told to stop; services being away only delays it."""
        tidied_at = monotonic()
        while not stopped.wait(EVERY_S):
            _attempt(self.sweep)
            if monotonic() - tidied_at > min(TIDY_EVERY_S, self.settings.orphan_grace_s):
                _attempt(self.tidy)
                tidied_at = monotonic()

    def _lost(self, expired: set[Lease]) -> list[str]:
        now = monotonic()
        self._suspects = {lease: self._suspects.get(lease, now) for lease in expired}
        return [lease.token for lease, since in self._suspects.items() if now - since >= BELIEVED_AFTER_S]

    def _erase_expired(self, older_than: timedelta) -> int:
        with self.database.autocommit() as session:
            old = expired_tracks(session, older_than, _MOST_ERASED)
        erased = 0
        for owner_id, track_id in old:
            with self.database.transaction() as session:
                try:
                    keys = {*delete_track(session, owner_id, track_id), *self.store.keys(f"tracks/{track_id}/")}
                except NotFound:
                    continue
                self.store.delete(sorted(keys))
            erased += len(keys)
            _log.info("track.expired", track_id=track_id)
        with self.database.autocommit() as session:
            forget_jobs(session, older_than)
        return erased


def _attempt(round_: Callable[[], int]) -> None:
    try:
        round_()
    except Unavailable as error:
        _log.warning("sweeper.postponed", code=error.code)
    except Exception:  # noqa: BLE001 - one bad round must not end all others
        _log.exception("sweeper.failed")
