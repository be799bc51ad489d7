"""The sweeper against a real database and a real store."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.queue import Queue
from phonoscope.settings import Settings
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from phonoscope_courier import sweeper as module
from phonoscope_courier.sweeper import Sweeper
from tests.integration.life import claimed, empty, new_job, new_track, read


@pytest.fixture
def sweeper(database: Database, server_settings: Settings) -> Sweeper:
    """It erases at once, from a bucket of its own, and its messages go where nobody listens."""
    empty(database)
    settings = server_settings.model_copy(
        update={"orphan_grace_s": 1e-3, "s3_bucket": f"sweep-{uuid4().hex}", "retention_days": 1.0}
    )
    store = ObjectStore(settings)
    store.ensure_bucket()
    broker = server_settings.broker_url.get_secret_value().rpartition("/")[0] + "/9"
    return Sweeper(database, Queue(broker), store, settings)


def put(sweeper: Sweeper, key: str) -> str:
    sweeper.store.put(key, io.BytesIO(b"bytes"), "audio/wav")
    return key


def test_a_silent_worker_s_task_is_handed_back_when_that_is_sure(
    sweeper: Sweeper, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the first sight of an expired lease: the clock may have jumped."""
    job = new_job(database, new_track(database))
    claimed(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 s'"))
    sweeper.sweep()
    assert read(database, job).status is Status.RUNNING
    monkeypatch.setattr(module, "BELIEVED_AFTER_S", 0.0)
    sweeper.sweep()
    assert read(database, job).status is Status.QUEUED


def test_lost_messages_are_sent_again(sweeper: Sweeper, database: Database) -> None:
    """One for each queue in which a job waits, once."""
    new_job(database, new_track(database))
    assert sweeper.sweep() == 0
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET sent_at = now() - interval '1 hour'"))
    assert (sweeper.sweep(), sweeper.sweep()) == (1, 0)


def test_one_sweeper_works_at_a_time(sweeper: Sweeper, database: Database) -> None:
    """While another holds the lock nothing is done twice."""
    new_job(database, new_track(database))
    with database.transaction() as other:
        other.execute(text("UPDATE tasks SET sent_at = now() - interval '1 hour'"))
    with database.transaction() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": module._LOCK})
        assert sweeper.sweep() == 0
    assert sweeper.sweep() == 1


def test_objects_that_no_row_knows_are_erased(sweeper: Sweeper, database: Database) -> None:
    """What a track has stays, and what an attempt under way has written."""
    track = new_track(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tracks SET object_key = :key"), {"key": f"tracks/{track.id}/original"})
    new_job(database, track)
    held = claimed(database)
    kept = [
        put(sweeper, f"tracks/{track.id}/original"),
        put(sweeper, f"tracks/{track.id}/classify/{held.token}/a.png"),
    ]
    put(sweeper, f"tracks/{track.id}/classify/lease_of_the_dead/a.png")
    put(sweeper, "tracks/trk_nobody/original")
    assert sweeper.tidy() == 2
    assert sorted(sweeper.store.keys()) == sorted(kept)


def test_young_objects_are_left_alone(sweeper: Sweeper) -> None:
    """Their row may be on its way."""
    sweeper.settings = sweeper.settings.model_copy(update={"orphan_grace_s": 3600.0})
    key = put(sweeper, "tracks/trk_new/original")
    assert (sweeper.tidy(), sweeper.store.keys()) == (0, [key])


def test_recordings_past_their_time_are_erased(sweeper: Sweeper, database: Database) -> None:
    """Rows and objects, and whatever runs on them is cancelled; younger ones stay, and all without a limit."""
    old, young = new_track(database), new_track(database)
    job = new_job(database, old)
    with database.transaction() as session:
        for track in (old, young):
            place = {"key": put(sweeper, f"tracks/{track.id}/original"), "id": track.id}
            session.execute(text("UPDATE tracks SET object_key = :key WHERE id = :id"), place)
        age = {"id": old.id, "age": timedelta(days=2)}
        session.execute(text("UPDATE tracks SET created_at = now() - :age WHERE id = :id"), age)
    limited = sweeper.settings
    sweeper.settings = limited.model_copy(update={"retention_days": 0.0})
    assert sweeper.tidy() == 0
    sweeper.settings = limited
    assert sweeper.tidy() == 1
    assert sweeper.store.keys() == [f"tracks/{young.id}/original"]
    with database.transaction() as session:
        told = text("SELECT type FROM events WHERE job_id = :id")
        assert list(session.connection().scalars(told, {"id": job.id})) == ["job.cancelled"]
        assert list(session.connection().scalars(text("SELECT id FROM tracks"))) == [young.id]
