"""Quotas as the database counts them: exact, however many ask at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import sleep
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.contract import Quota
from phonoscope.db.access.engine import Database
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.tracks import add_track, was_added
from phonoscope.db.schema.tables import OwnerRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.streams import close_stream, count_streams, forget_dead_streams, open_stream, renew_streams
from phonoscope.db.service.usage import (
    Limits,
    check_held,
    check_upload,
    forget_old_days,
    read_usage,
    spend_test_delivery,
    spend_upload,
)
from phonoscope.db.tasks.cancel import cancel_open_jobs
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.errors import (
    DeliveryTestQuotaExceeded,
    LimitReached,
    OpenStreamQuotaExceeded,
    QueuedAudioQuotaExceeded,
    QueuedJobsQuotaExceeded,
    StoredBytesQuotaExceeded,
    StoredTracksQuotaExceeded,
    UploadBytesQuotaExceeded,
    UploadQuotaExceeded,
)
from phonoscope.states import TaskName
from phonoscope.work import Outcome
from tests.integration.life import BOTH, claimed, empty, events_of, new_job, new_track

MANY = 50


@pytest.fixture
def owner_id(database: Database) -> str:
    """An owner who has nothing."""
    made = f"own_{uuid4().hex}"
    with database.transaction() as session:
        session.add(OwnerRow(id=made, name=made))
    return made


def track(owner_id: str, size_bytes: int = 10, duration_s: float = 1.0) -> TrackRow:
    made = f"trk_{uuid4().hex}"
    facts = {"filename": "a", "media_type": "audio/wav", "container": "wav", "codec": "pcm_s16le", "link_key": ""}
    sizes = {"size_bytes": size_bytes, "sample_rate_hz": 1, "channels": 1, "duration_s": duration_s, "warnings": []}
    return TrackRow(id=made, owner_id=owner_id, sha256=made, object_key=made, **facts, **sizes)


def store(database: Database, row: TrackRow, limits: Limits) -> TrackRow:
    """Commits a track, as an upload does."""
    with database.transaction() as session:
        add_track(session, row)
        check_held(session, row.owner_id, limits, new_bytes=row.size_bytes)
    return row


def used(database: Database, owner_id: str, limits: Limits | None = None) -> dict[Quota, float]:
    with database.autocommit() as session:
        usage = read_usage(session, owner_id, limits or Limits(), count_streams(session, owner_id))
    return {quota.name: quota.used for quota in usage.quotas}


def all_at_once(database_url: str, what: Callable[[Database], object]) -> list[object]:
    """What each of many parallel transactions came to; an error is given as its class."""
    together = Barrier(MANY)
    database = Database(database_url, pool_size=MANY)

    def go(_: int) -> object:
        with database.autocommit() as session:
            session.execute(text("SELECT 1"))
        together.wait(timeout=60)
        try:
            return what(database)
        except LimitReached as error:
            return type(error)

    try:
        with ThreadPoolExecutor(MANY) as pool:
            return list(pool.map(go, range(MANY)))
    finally:
        database.close()


def test_fifty_parallel_uploads_pass_no_quota_of_what_is_stored(
    database: Database, database_url: str, owner_id: str
) -> None:
    """Exactly as many tracks are stored as may be, by number and by bytes, and the counters say so."""
    limits = Limits(stored_tracks=7)
    found = all_at_once(database_url, lambda database: store(database, track(owner_id), limits))
    assert found.count(StoredTracksQuotaExceeded) == MANY - 7
    assert used(database, owner_id)[Quota.STORED_TRACKS] == 7
    limits = Limits(stored_bytes=70 + 35)
    found = all_at_once(database_url, lambda database: store(database, track(owner_id), limits))
    assert found.count(StoredBytesQuotaExceeded) == MANY - 3
    assert used(database, owner_id)[Quota.STORED_BYTES] == 100


def test_fifty_parallel_uploads_pass_no_quota_of_a_day(database: Database, database_url: str, owner_id: str) -> None:
    """Uploads and bytes of a day are counted exactly; what is refused counts nothing."""

    def spend(database: Database) -> None:
        with database.autocommit() as session:
            spend_upload(session, owner_id, Limits(uploads=9, upload_bytes=1_000), 100)

    assert all_at_once(database_url, spend).count(UploadQuotaExceeded) == MANY - 9
    assert used(database, owner_id)[Quota.UPLOADS] == 9
    with database.autocommit() as session:
        with pytest.raises(UploadBytesQuotaExceeded) as refused:
            spend_upload(session, owner_id, Limits(upload_bytes=1_000), 101)
        spend_upload(session, owner_id, Limits(upload_bytes=1_000), 100)
    assert used(database, owner_id)[Quota.UPLOAD_BYTES] == 1_000
    assert 0 < (refused.value.retry_after_s or 0) <= 86_400


def test_fifty_parallel_jobs_pass_no_quota_of_queues(database: Database, database_url: str) -> None:
    """Neither the number of jobs nor the seconds of audio, whichever tracks they are about."""
    first = new_track(database)
    rows = [first, *(store(database, track(first.owner_id, duration_s=10.0), Limits()) for _ in range(4))]

    def ask(database: Database, limits: Limits, row: TrackRow) -> None:
        with database.transaction() as session:
            create_job(session, row, [TaskName.CLASSIFY], {}, {})
            check_held(session, row.owner_id, limits, new_job=True)

    turn = iter(rows * MANY)
    found = all_at_once(database_url, lambda database: ask(database, Limits(queued_jobs=6), next(turn)))
    assert found.count(QueuedJobsQuotaExceeded) == MANY - 6
    before = used(database, first.owner_id)
    assert before[Quota.QUEUED_JOBS] == 6
    most = Limits(queued_audio_s=before[Quota.QUEUED_AUDIO] + 25.0)
    found = all_at_once(database_url, lambda database: ask(database, most, rows[1]))
    assert found.count(QueuedAudioQuotaExceeded) == MANY - 2
    empty(database)


def test_what_is_deleted_is_free_again(database: Database, owner_id: str) -> None:
    """A deleted track, and one whose adding is undone, do not count."""
    limits = Limits(stored_tracks=1)
    row = store(database, track(owner_id), limits)
    with database.transaction() as session:
        assert was_added(session, row)
        assert not was_added(session, track(owner_id))
    assert used(database, owner_id)[Quota.STORED_TRACKS] == 1
    with pytest.raises(StoredTracksQuotaExceeded):
        store(database, track(owner_id), limits)
    with database.transaction() as session:
        delete_track(session, Actor(owner_id), row.id)
    assert used(database, owner_id)[Quota.STORED_TRACKS] == 0
    assert used(database, owner_id)[Quota.STORED_BYTES] == 0
    store(database, track(owner_id), limits)


def test_jobs_that_end_are_free_again(database: Database) -> None:
    """Cancelling all open jobs frees the queues' quotas; of a key, only its own jobs are cancelled."""
    row = new_track(database)
    with database.transaction() as session:
        theirs = create_job(session, row, [TaskName.CLASSIFY], {}, {}, key_id="one")
    others = new_job(database, row, [TaskName.EMBED])
    actor = Actor(row.owner_id, "admin")
    assert used(database, row.owner_id)[Quota.QUEUED_JOBS] == 2
    assert cancel_open_jobs(database, actor, "one")[0] == 1
    assert events_of(database, theirs) == ["job.cancelled"]
    assert events_of(database, others) == []
    assert cancel_open_jobs(database, actor)[0] == 1
    assert cancel_open_jobs(database, actor)[0] == 0
    assert used(database, row.owner_id)[Quota.QUEUED_JOBS] == 0
    empty(database)


def test_a_job_that_ends_meanwhile_was_not_cancelled(database: Database) -> None:
    """It was open when it was looked for, and ended before it was locked: it is neither counted nor in the log."""
    row = new_track(database)
    new_job(database, row)
    held, actor = claimed(database), Actor(row.owner_id, "admin")
    outcomes = {name: Outcome({"top": [], "unknown": True}, None, "m", "d") for name in BOTH}
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            assert end_tasks(session, held, outcomes, {}) is not None
            cancelling = pool.submit(cancel_open_jobs, database, actor)
            blocked = text(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            while not session.scalar(blocked):
                sleep(0.002)
        assert cancelling.result(timeout=60) == (0, [])
    with database.transaction() as session:
        recorded = text("SELECT count(*) FROM audit_log WHERE owner_id = :id AND action = 'job.cancelled'")
        assert session.scalar(recorded, {"id": row.owner_id}) == 0
    empty(database)


def test_the_next_day_begins_anew(database: Database, owner_id: str) -> None:
    """What was spent yesterday does not count, and is forgotten in time."""
    limits = Limits(test_deliveries=1)
    with database.autocommit() as session:
        spend_test_delivery(session, owner_id, limits)
        with pytest.raises(DeliveryTestQuotaExceeded):
            spend_test_delivery(session, owner_id, limits)
    with database.autocommit() as session:
        session.execute(text("UPDATE usage_days SET day = day - 1 WHERE owner_id = :id"), {"id": owner_id})
        spend_test_delivery(session, owner_id, limits)
        session.execute(text("UPDATE usage_days SET day = day - 9 WHERE owner_id = :id"), {"id": owner_id})
        forget_old_days(session)
        assert session.scalar(text("SELECT count(*) FROM usage_days WHERE owner_id = :id"), {"id": owner_id}) == 0


def test_streams_count_until_they_are_closed_or_their_gateway_is_dead(
    database: Database, database_url: str, owner_id: str
) -> None:
    """Many at once open no more than may be; a stream that is not renewed frees its place."""

    def opening(database: Database) -> str:
        stream_id = f"str_{uuid4().hex}"
        with database.transaction() as session:
            open_stream(session, owner_id, stream_id, 5)
        return stream_id

    found = all_at_once(database_url, opening)
    assert found.count(OpenStreamQuotaExceeded) == MANY - 5
    mine = [str(stream_id) for stream_id in found if stream_id is not OpenStreamQuotaExceeded]
    with database.autocommit() as session:
        close_stream(session, mine[0])
        assert count_streams(session, owner_id) == 4
        session.execute(text("UPDATE open_streams SET until = now() WHERE owner_id = :id"), {"id": owner_id})
        renew_streams(session, [mine[1]])
        assert count_streams(session, owner_id) == 1
        forget_dead_streams(session)
        assert session.scalar(text("SELECT count(*) FROM open_streams WHERE owner_id = :id"), {"id": owner_id}) == 1
    assert opening(database) not in mine


def test_no_limit_is_no_limit(database: Database, owner_id: str) -> None:
    """Zero stands for none, everywhere."""
    none = Limits()
    with database.transaction() as session:
        check_upload(session, owner_id, none)
        spend_upload(session, owner_id, none, 10**15)
        spend_test_delivery(session, owner_id, none)
        open_stream(session, owner_id, f"str_{uuid4().hex}", 0)
    store(database, track(owner_id, size_bytes=10**15), none)
    assert used(database, owner_id)[Quota.STORED_BYTES] == 10**15
    small = replace(none, upload_bytes=1)
    with database.autocommit() as session, pytest.raises(LimitReached):
        check_upload(session, owner_id, small)
