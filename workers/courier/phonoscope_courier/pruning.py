"""The pruner: erases recordings, jobs, events and uploads that are older than they may be, as fast as they come.

Several pruners may run, beside everything else. Transactions are short, and but for those on recordings they wait for
nobody; of the walk over ended jobs one batch is under way at a time, in whichever courier.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from time import monotonic

from phonoscope.db.access.engine import Database
from phonoscope.db.library.orphans import expired_tracks
from phonoscope.db.library.uploads import forget_finished, take_expired
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.webhooks.events import forget_old_events
from phonoscope.erasure import erase_track, erase_upload, forget_ended_jobs
from phonoscope.errors import DatabaseUnavailable, NotFound, StoreUnavailable, Unavailable
from phonoscope.ids import new_id
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore

EVERY_S = 60.0
ROUND_S = 60.0
_RESTS = 1.0
"""How long it rests after a batch, in the time that the batch took: less of the database where that is busy."""
_EVENTS_AT_ONCE = 1000
_RECORDINGS_AT_ONCE = 100
_FINISHED_UPLOADS_AT_ONCE = 1000
_UPLOADS_AT_ONCE = 20
"""Each asks the store, which may be away: then nothing else waits for longer."""
_log = get_logger(__name__)


@dataclass
class Pruner:
    """Erases what is too old in batches, one after the other for as long as there is more."""

    database: Database
    store: ObjectStore
    settings: Settings
    _gone: Counter[str] = field(default_factory=Counter)

    def prune(self, stopped: Event, lasts_s: float = ROUND_S) -> bool:
        """One round, which ends after so many seconds; returns whether there is more to erase at once.

        It rests after each batch for as long as the batch took, so it takes half of one connection's time at most. A
        service that is down ends only what needs it.
        """
        ends = monotonic() + lasts_s
        duties = deque(
            (
                self._forget_events,
                self._forget_jobs,
                self._forget_finished_uploads,
                self._erase_recordings,
                self._erase_uploads,
            )
        )
        while duties and monotonic() < ends and not stopped.is_set():
            duty, began = duties.popleft(), monotonic()
            if _attempt(duty):
                duties.append(duty)
            stopped.wait(min(_RESTS * (monotonic() - began), EVERY_S))
        if gone := +self._gone:
            _log.info("pruner.erased", **gone)
            recorder().erased(gone)
            self._gone.clear()
        return bool(duties)

    def run(self, stopped: Event) -> None:
        """Looks once a minute whether something is too old, until it must stop."""
        pause_s = EVERY_S
        while not stopped.wait(pause_s):
            pause_s = 0.0 if self.prune(stopped) else EVERY_S

    def _forget_events(self) -> bool:
        with self.database.transaction() as session:
            count = forget_old_events(session, _EVENTS_AT_ONCE)
        self._gone["events"] += count
        return count == _EVENTS_AT_ONCE

    def _forget_jobs(self) -> bool:
        """Jobs of recordings that are erased at an age go with these; those of the whole library, at the same age."""
        limits = [days for days in (self.settings.job_retention_days, self.settings.retention_days) if days]
        if not limits:
            return False
        links_for = timedelta(seconds=self.settings.artifact_link_s)
        forgotten = forget_ended_jobs(self.database, timedelta(days=min(limits)), links_for)
        if forgotten is None:
            return False
        self._gone["jobs"] += forgotten.jobs
        if forgotten.keys:
            self.store.delete(list(forgotten.keys))
            self._gone["objects"] += len(forgotten.keys)
        return True

    def _erase_recordings(self) -> bool:
        if not self.settings.retention_days:
            return False
        older_than = timedelta(days=self.settings.retention_days)
        with self.database.autocommit() as session:
            old = expired_tracks(session, older_than, _RECORDINGS_AT_ONCE)
        erased = sum(self._erases(owner_id, track_id) for owner_id, track_id in old)
        return erased > 0 and len(old) == _RECORDINGS_AT_ONCE

    def _forget_finished_uploads(self) -> bool:
        with self.database.transaction() as session:
            count = forget_finished(session, _FINISHED_UPLOADS_AT_ONCE)
        self._gone["uploads"] += count
        return count == _FINISHED_UPLOADS_AT_ONCE

    def _erase_uploads(self) -> bool:
        """Uploads whose time is over and that became no track."""
        writer = new_id("wrt")
        with self.database.transaction() as session:
            old = take_expired(session, writer, _UPLOADS_AT_ONCE)
        erased = sum(self._erases_upload(upload, writer) for upload in old)
        return erased > 0 and len(old) == _UPLOADS_AT_ONCE

    def _erases_upload(self, upload: UploadRow, writer: str) -> bool:
        """Raises ``DatabaseUnavailable``; any other error is of this upload, and holds up no other."""
        try:
            self._gone["objects"] += erase_upload(self.database, self.store, upload, writer)
        except DatabaseUnavailable:
            raise
        except StoreUnavailable as error:
            _log.warning("upload.objects_left", upload_id=upload.id, detail=error.detail)
            return False
        except Exception:  # noqa: BLE001 - see above
            _log.exception("pruner.upload_failed", upload_id=upload.id)
            return False
        self._gone["uploads"] += 1
        return True

    def _erases(self, owner_id: str, track_id: str) -> bool:
        """Raises ``Unavailable``; any other error is of this recording, and holds up no other."""
        try:
            self._gone["objects"] += erase_track(self.database, self.store, Actor(owner_id), track_id)
        except NotFound:
            # Another courier, or its owner, has erased it meanwhile.
            return False
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - see above
            _log.exception("pruner.recording_failed", track_id=track_id)
            return False
        self._gone["recordings"] += 1
        _log.info("track.expired", track_id=track_id)
        return True


def _attempt(duty: Callable[[], bool]) -> bool:
    try:
        return duty()
    except Unavailable as error:
        _log.warning("pruner.postponed", code=error.code)
    except Exception:  # noqa: BLE001 - one duty that fails must not end the other
        _log.exception("pruner.failed")
    return False
