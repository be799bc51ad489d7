"""The sweeper: requeues tasks whose lease expired, resends lost messages, and erases what was left behind.

Several sweepers may run; advisory locks let one of them sweep and one tidy at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event
from time import monotonic

from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, stay_open, try_lock
from phonoscope.db.library.clips import abandoned_clips
from phonoscope.db.library.orphans import unknown_keys
from phonoscope.db.library.uploads import keys_without_upload
from phonoscope.db.service.audit import Actor, forget_audit
from phonoscope.db.service.idempotency import forget_old_keys
from phonoscope.db.service.rates import forget_rates
from phonoscope.db.service.sessions import forget_ended_sessions
from phonoscope.db.service.streams import forget_dead_streams
from phonoscope.db.service.usage import forget_old_days
from phonoscope.db.service.walks import ORPHANS, PIECES, continue_walk, save_position
from phonoscope.db.service.workers import forget_silent_workers
from phonoscope.db.spaces.reembedding import mark_complete
from phonoscope.db.tasks.requeue import Lease, expired_leases, hand_back, overdue_messages
from phonoscope.erasure import erase_track
from phonoscope.errors import NotFound, Unavailable, WorkerLost
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker

EVERY_S = 1.0
TIDY_EVERY_S = 60.0
RESEND_AFTER = timedelta(seconds=30)
BELIEVED_AFTER_S = 4.0
"""Seconds for which an expired lease must stay unchanged before it counts as lost: a live worker renews it, even if the
database's clock jumps."""
CLIP_GRACE_S = 300.0
"""Seconds for which a clip stays after its search must have ended, as its upload and its probe take time too."""
_MOST_ERASED = 100
_PAGE_KEYS = 1000
_PAGES_A_ROUND = 20
_log = get_logger(__name__)


@dataclass
class Sweeper:
    """Sweeps and tidies; remembers which expired leases it has seen since when."""

    database: Database
    waker: Waker
    store: ObjectStore
    settings: Settings
    _suspects: dict[Lease, float] = field(default_factory=dict)

    def sweep(self) -> int:
        """One quick round; returns how many messages were sent.

        Raises ``DatabaseUnavailable`` or ``BrokerUnavailable``; messages that were not sent are due again in a later
        round.
        """
        with self.database.transaction() as session:
            if not try_lock(session, Lock.SWEEP):
                return 0
            lost = self._lost(expired_leases(session))
            due = hand_back(session, lost, WorkerLost("the worker stopped sending heartbeats"))
            due += overdue_messages(session, RESEND_AFTER)
        recorder().leases_lost("sweeper", len(lost))
        self.waker.wake(due)
        if lost or due:
            _log.info("sweeper.mended", lost=len(lost), sent=len(due))
        return len(due)

    def tidy(self) -> int:
        """Does one slow round, in one courier at a time: erases abandoned clips, orphans, and old keys and entries
        of the audit log, and notes which spaces are complete.

        A round checks 20,000 objects at most; the next one, a minute later in any courier, continues there. So a
        million objects take an hour, and no round takes long. Until then an orphan only takes up space.

        Returns how many objects were erased; 0 when another courier tidies or has just done so. Raises
        ``DatabaseUnavailable`` or ``StoreUnavailable``.
        """
        with self.database.transaction() as locked:
            if not try_lock(locked, Lock.TIDY):
                return 0
            stay_open(locked)
            with self.database.autocommit() as session:
                after = continue_walk(session, ORPHANS, timedelta(seconds=self._tidy_every_s))
            return 0 if after is None else self._tidy(after)

    def run(self, stopped: Event) -> None:
        """Sweeps every second and tidies every minute, until it must stop; a service that is down only delays it."""
        tidied_at = monotonic()
        while not stopped.wait(EVERY_S):
            _attempt(self.sweep)
            if monotonic() - tidied_at > self._tidy_every_s:
                _attempt(self.tidy)
                tidied_at = monotonic()

    def _lost(self, expired: set[Lease]) -> list[str]:
        now = monotonic()
        self._suspects = {lease: self._suspects.get(lease, now) for lease in expired}
        return [lease.token for lease, since in self._suspects.items() if now - since >= BELIEVED_AFTER_S]

    @property
    def _tidy_every_s(self) -> float:
        return min(TIDY_EVERY_S, self.settings.orphan_grace_s)

    def _tidy(self, after: str) -> int:
        erased = self._erase_clips()
        with self.database.transaction() as session:
            forget_old_keys(session)
            forget_silent_workers(session)
            forget_old_days(session)
            forget_dead_streams(session)
            forget_rates(session)
            forget_ended_sessions(session)
            mark_complete(session)
            if self.settings.audit_days:
                forget_audit(session, timedelta(days=self.settings.audit_days))
        # These ask the store, which may be away while the database is not.
        erased += self._erase_orphans(after) + self._erase_lost_pieces()
        if erased:
            _log.info("sweeper.tidied", objects=erased)
        return erased

    def _erase_clips(self) -> int:
        """Erases the clips of searches whose gateway did not come to do so."""
        older_than = timedelta(seconds=self.settings.search_wait_s + CLIP_GRACE_S)
        with self.database.autocommit() as session:
            left = abandoned_clips(session, older_than, _MOST_ERASED)
        erased = 0
        for owner_id, track_id in left:
            with suppress(NotFound):
                erased += erase_track(self.database, self.store, Actor(owner_id), track_id, audited=False)
        return erased

    def _erase_lost_pieces(self) -> int:
        """Erases the pieces of uploads whose rows went with their owner, or before a piece could be erased."""
        with self.database.autocommit() as session:
            after = continue_walk(session, PIECES, timedelta(0)) or ""
        page = next(self.store.pages("uploads/", after=after, size=_PAGE_KEYS), [])
        with self.database.autocommit() as session:
            save_position(session, PIECES, page[-1][0] if len(page) == _PAGE_KEYS else "")
        return self._erase_unknown(page, keys_without_upload)

    def _erase_orphans(self, after: str) -> int:
        erased = 0
        pages = self.store.pages("tracks/", after=after, size=_PAGE_KEYS)
        for page in islice(pages, _PAGES_A_ROUND):
            # First, so that a page whose objects cannot be erased does not block the walk.
            self._save_position(page[-1][0] if page else "")
            erased += self._erase_unknown(page, unknown_keys)
        if next(pages, None) is None:
            self._save_position("")
        return erased

    def _erase_unknown(
        self, page: list[tuple[str, datetime]], unknown: Callable[[Session, Sequence[str]], list[str]]
    ) -> int:
        before = datetime.now(UTC) - timedelta(seconds=self.settings.orphan_grace_s)
        old = [key for key, stored_at in page if stored_at < before]
        if not old:
            return 0
        with self.database.autocommit() as session:
            orphans = unknown(session, old)
        self.store.delete(orphans)
        return len(orphans)

    def _save_position(self, after: str) -> None:
        with self.database.autocommit() as session:
            save_position(session, ORPHANS, after)


def _attempt(round_: Callable[[], int]) -> None:
    try:
        round_()
    except Unavailable as error:
        _log.warning("sweeper.postponed", code=error.code)
    except Exception:  # noqa: BLE001 - one bad round must not end all others
        _log.exception("sweeper.failed")
