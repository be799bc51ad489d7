"""What owners use of their quotas.

Uploads, their bytes and test deliveries are counted by day, before they are carried out. What is stored and what is
queued is compared as the last statement of a transaction, under the lock of its owner's row, which the transaction then
holds for as long as its commit takes: no number of parallel requests exceeds a quota. Jobs for the clips that an owner
searches by count as the owner's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.contract.classifiers import MOST_CLASSIFIERS
from phonoscope.contract.usage import Quota, QuotaUsage, Usage
from phonoscope.db.access.prepared import Prepared
from phonoscope.db.schema.accounts import ACCOUNT, IN_ACCOUNT
from phonoscope.errors import (
    DeliveryTestQuotaExceeded,
    LimitReached,
    OpenUploadsQuotaExceeded,
    QueuedAudioQuotaExceeded,
    QueuedJobsQuotaExceeded,
    StoredBytesQuotaExceeded,
    StoredTracksQuotaExceeded,
    UploadBytesQuotaExceeded,
    UploadQuotaExceeded,
)
from phonoscope.settings import Settings

DAY_S = 86_400
_FREE_SOON_S = 60
_KEPT = timedelta(days=2)

# The row is locked until the end of the transaction; a row that would exceed a limit is not written.
_SPEND = text(
    """
    INSERT INTO usage_days AS spent (owner_id, day, uploads, upload_bytes, test_deliveries)
    SELECT :owner_id, CAST(now() AT TIME ZONE 'UTC' AS date), :uploads, :upload_bytes, :test_deliveries
    WHERE :uploads <= :most_uploads AND :upload_bytes <= :most_bytes AND :test_deliveries <= :most_tests
    ON CONFLICT (owner_id, day) DO UPDATE
    SET uploads = spent.uploads + excluded.uploads, upload_bytes = spent.upload_bytes + excluded.upload_bytes,
        test_deliveries = spent.test_deliveries + excluded.test_deliveries
    WHERE spent.uploads + excluded.uploads <= :most_uploads
      AND spent.upload_bytes + excluded.upload_bytes <= :most_bytes
      AND spent.test_deliveries + excluded.test_deliveries <= :most_tests
    RETURNING uploads
    """
)
_TODAY = text(
    """
    SELECT uploads, upload_bytes, test_deliveries FROM usage_days
    WHERE owner_id = :owner_id AND day = CAST(now() AT TIME ZONE 'UTC' AS date)
    """
)
_OPEN_UPLOADS = text(
    """
    SELECT count(*) AS uploads, coalesce(sum(size_bytes), 0)::bigint AS size_bytes FROM uploads
    WHERE owner_id = :owner_id AND status = 'open' AND expires_at > now()
    """
)
_CLASSIFIERS = text("SELECT count(*) FROM classifiers WHERE owner_id = :owner_id")
_FORGET = text("DELETE FROM usage_days WHERE day < CAST(now() - CAST(:kept AS interval) AS date)")
# A statement of its own, so that the next sees what was committed while it waited.
_LOCK = f"SELECT id FROM owners WHERE id = {ACCOUNT} FOR NO KEY UPDATE"  # noqa: S608 - of constants alone
_HELD = f"""
    SELECT stored_tracks, stored_bytes, queued.jobs AS queued_jobs, queued.audio_s AS queued_audio_s
    FROM owners, LATERAL (
        SELECT count(*) AS jobs, coalesce(sum(audio_s), 0) AS audio_s FROM jobs
        WHERE owner_id = ANY(ARRAY({IN_ACCOUNT})) AND status IN ('queued', 'running') AND reembeds IS NULL
    ) AS queued
    WHERE id = :owner_id
"""  # noqa: S608 - of constants alone
_LOCKED_AND_HELD = Prepared(_LOCK, _HELD, types={"owner_id": "text"})
_HELD_NOW = Prepared(_HELD, types={"owner_id": "text"})
_BEYOND_ALL = 2**62


@dataclass(frozen=True)
class Limits:
    """The quotas of each owner; 0 for none."""

    uploads: int = 0
    upload_bytes: int = 0
    stored_bytes: int = 0
    stored_tracks: int = 0
    queued_audio_s: float = 0.0
    queued_jobs: int = 0
    open_streams: int = 0
    open_uploads: int = 0
    test_deliveries: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            uploads=settings.quota_uploads_a_day,
            upload_bytes=settings.quota_upload_bytes_a_day,
            stored_bytes=settings.quota_stored_bytes,
            stored_tracks=settings.quota_stored_tracks,
            queued_audio_s=settings.quota_queued_audio_s,
            queued_jobs=settings.quota_queued_jobs,
            open_streams=settings.quota_open_streams,
            open_uploads=settings.quota_open_uploads,
            test_deliveries=settings.quota_test_deliveries_a_day,
        )


def check_upload(session: Session, owner_id: str, limits: Limits) -> None:
    """Refuses an upload on a day whose quota is used up, before its bytes are read; counts nothing.

    What is stored is compared later: these bytes may be those of a track that is there already.

    Raises ``LimitReached``.
    """
    _compare_day(_today(session, owner_id), limits, uploads=1, upload_bytes=1)


def check_open_upload(session: Session, owner_id: str, limits: Limits, size_bytes: int) -> None:
    """Refuses one more upload that comes in pieces: those that are open count as if each were stored and read already.

    Locks the owner's row until the transaction ends, in which the upload is added. Counts nothing: an upload is spent
    when it is whole.

    Raises ``LimitReached``.
    """
    held = _LOCKED_AND_HELD.execute(session, {"owner_id": owner_id}).one()
    waiting = session.connection().execute(_OPEN_UPLOADS, {"owner_id": owner_id}).one()
    if limits.open_uploads and waiting.uploads >= limits.open_uploads:
        raise OpenUploadsQuotaExceeded(
            f"{limits.open_uploads:,} uploads may be unfinished; finish or delete one first",
            limit=limits.open_uploads,
            retry_after_s=_FREE_SOON_S,
        )
    size_bytes += waiting.size_bytes
    _compare_stored(held.stored_tracks + waiting.uploads + 1, held.stored_bytes + size_bytes, limits)
    _compare_day(_today(session, owner_id), limits, uploads=waiting.uploads + 1, upload_bytes=size_bytes)


def spend_upload(session: Session, owner_id: str, limits: Limits, size_bytes: int) -> None:
    """Counts an upload and its bytes for this day. Raises ``LimitReached``; then nothing is counted."""
    _spend(session, owner_id, limits, uploads=1, upload_bytes=size_bytes)


def spend_test_delivery(session: Session, owner_id: str, limits: Limits) -> None:
    """Counts a test delivery for this day. Raises ``LimitReached``; then nothing is counted."""
    _spend(session, owner_id, limits, test_deliveries=1)


def check_held(
    session: Session, owner_id: str, limits: Limits, *, new_bytes: int | None = None, new_job: bool = False
) -> None:
    """Refuses to commit what exceeds a quota. The last statement of a transaction: see above.

    Args:
        new_bytes: of the track that the transaction adds; ``None`` when it adds none.
        new_job: whether the transaction adds a job.

    Raises ``LimitReached``; the caller must not commit.
    """
    held = _LOCKED_AND_HELD.execute(session, {"owner_id": owner_id}).one()
    if new_bytes is not None:
        # The trigger counts the new track at the commit; an upload in pieces that becomes it is no longer open.
        waiting = session.connection().execute(_OPEN_UPLOADS, {"owner_id": owner_id}).one()
        tracks, size_bytes = held.stored_tracks + waiting.uploads, held.stored_bytes + waiting.size_bytes
        _compare_stored(tracks + 1, size_bytes + new_bytes, limits)
    if new_job:
        _compare_queued(held.queued_jobs, held.queued_audio_s, limits)


def read_usage(session: Session, owner_id: str, limits: Limits, open_streams: int) -> Usage:
    """What the owner has used of each quota but that of requests."""
    day = _today(session, owner_id)
    held = _HELD_NOW.execute(session, {"owner_id": owner_id}).one()
    classifiers = session.connection().scalar(_CLASSIFIERS, {"owner_id": owner_id}) or 0
    open_uploads = session.connection().execute(_OPEN_UPLOADS, {"owner_id": owner_id}).one().uploads
    midnight = _midnight()

    def daily(name: Quota, used: float, limit: float) -> QuotaUsage:
        return QuotaUsage(name=name, used=used, limit=limit or None, window_s=DAY_S, resets_at=midnight)

    def standing(name: Quota, used: float, limit: float) -> QuotaUsage:
        return QuotaUsage(name=name, used=used, limit=limit or None, window_s=None, resets_at=None)

    return Usage(
        quotas=[
            daily(Quota.UPLOADS, day.uploads, limits.uploads),
            daily(Quota.UPLOAD_BYTES, day.upload_bytes, limits.upload_bytes),
            standing(Quota.STORED_BYTES, held.stored_bytes, limits.stored_bytes),
            standing(Quota.STORED_TRACKS, held.stored_tracks, limits.stored_tracks),
            standing(Quota.QUEUED_AUDIO, held.queued_audio_s, limits.queued_audio_s),
            standing(Quota.QUEUED_JOBS, held.queued_jobs, limits.queued_jobs),
            standing(Quota.OPEN_STREAMS, open_streams, limits.open_streams),
            standing(Quota.OPEN_UPLOADS, open_uploads, limits.open_uploads),
            daily(Quota.TEST_DELIVERIES, day.test_deliveries, limits.test_deliveries),
            standing(Quota.CLASSIFIERS, classifiers, MOST_CLASSIFIERS),
        ]
    )


def forget_old_days(session: Session) -> None:
    """Erases what was counted on days that are over."""
    session.connection().execute(_FORGET, {"kept": _KEPT})


@dataclass(frozen=True)
class _Day:
    uploads: int = 0
    upload_bytes: int = 0
    test_deliveries: int = 0


def _today(session: Session, owner_id: str) -> _Day:
    row = session.connection().execute(_TODAY, {"owner_id": owner_id}).one_or_none()
    return _Day() if row is None else _Day(row.uploads, row.upload_bytes, row.test_deliveries)


def _spend(
    session: Session,
    owner_id: str,
    limits: Limits,
    *,
    uploads: int = 0,
    upload_bytes: int = 0,
    test_deliveries: int = 0,
) -> None:
    asked = {"uploads": uploads, "upload_bytes": upload_bytes, "test_deliveries": test_deliveries}
    most = {
        "most_uploads": limits.uploads or _BEYOND_ALL,
        "most_bytes": limits.upload_bytes or _BEYOND_ALL,
        "most_tests": limits.test_deliveries or _BEYOND_ALL,
    }
    if session.connection().scalar(_SPEND, {"owner_id": owner_id, **asked, **most}) is None:
        _compare_day(_today(session, owner_id), limits, **asked)


def _compare_day(
    day: _Day, limits: Limits, *, uploads: int = 0, upload_bytes: int = 0, test_deliveries: int = 0
) -> None:
    wait_s = ceil((_midnight() - datetime.now(UTC)).total_seconds())
    compared: list[tuple[type[LimitReached], str, int, int, int]] = [
        (UploadQuotaExceeded, "uploads a day", day.uploads, uploads, limits.uploads),
        (UploadBytesQuotaExceeded, "uploaded bytes a day", day.upload_bytes, upload_bytes, limits.upload_bytes),
        (DeliveryTestQuotaExceeded, "test deliveries a day", day.test_deliveries, test_deliveries,
         limits.test_deliveries),
    ]  # fmt: skip
    for error, what, used, asked, most in compared:
        if most and asked and used + asked > most:
            detail = f"{most:,} {what} are allowed, and {used:,} are used; the day ends at 00:00 UTC"
            raise error(detail, limit=most, window_s=DAY_S, retry_after_s=wait_s)


def _compare_stored(tracks: int, size_bytes: int, limits: Limits) -> None:
    if limits.stored_tracks and tracks > limits.stored_tracks:
        raise StoredTracksQuotaExceeded(
            f"{limits.stored_tracks:,} recordings may be stored; delete one first",
            limit=limits.stored_tracks,
            retry_after_s=_FREE_SOON_S,
        )
    if limits.stored_bytes and size_bytes > limits.stored_bytes:
        raise StoredBytesQuotaExceeded(
            f"{limits.stored_bytes:,} bytes may be stored, and this recording does not fit; delete one first",
            limit=limits.stored_bytes,
            retry_after_s=_FREE_SOON_S,
        )


def _compare_queued(jobs: int, audio_s: float, limits: Limits) -> None:
    if limits.queued_jobs and jobs > limits.queued_jobs:
        raise QueuedJobsQuotaExceeded(
            f"{limits.queued_jobs:,} jobs may wait or run; ask again when one has ended",
            limit=limits.queued_jobs,
            retry_after_s=_FREE_SOON_S,
        )
    if limits.queued_audio_s and audio_s > limits.queued_audio_s:
        raise QueuedAudioQuotaExceeded(
            f"jobs for {limits.queued_audio_s:,.0f} s of audio may wait or run; ask again when one has ended",
            limit=limits.queued_audio_s,
            retry_after_s=_FREE_SOON_S,
        )


def _midnight() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)
