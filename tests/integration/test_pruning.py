"""The pruner, against a real database and a real store."""

from __future__ import annotations

import io
from functools import partial
from threading import Event
from time import sleep
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope import erasure
from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, try_lock
from phonoscope.db.library.jobs import get_job
from phonoscope.db.schema.tables import JobRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.webhooks.deliveries import list_deliveries
from phonoscope.erasure import erase_track
from phonoscope.errors import NotFound
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_courier import pruning
from phonoscope_courier.pruning import Pruner
from tests.integration.artifacts import AwayStore, artifact_of
from tests.integration.ended import ANSWERED_ONCE, begin_again, do, jobs, jobs_of, refer, replaced, values_of
from tests.integration.life import new_job, new_track
from tests.support import Recorded

_TEN_DAYS = {"job_retention_days": 10.0}


class SlowStore(ObjectStore):
    """Takes its time."""

    TAKES_S = 0.2

    def delete(self, keys: list[str]) -> None:
        sleep(self.TAKES_S)
        super().delete(keys)


class Rests(Event):
    """Notes for how long somebody would wait, and returns at once."""

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.rests.append(timeout or 0.0)
        return self.is_set()


def test_the_pruner_forgets_jobs_with_their_objects(kept: Database, server_settings: Settings) -> None:
    """Where it is told to; then nobody finds the job, and its deliveries are listed as before."""
    ((old, newer),) = replaced(kept)
    pruner = _pruner(kept, server_settings)
    refer(kept, ANSWERED_ONCE.format("'delivered'"), values_of(old, newer))
    keys = [artifact_of(kept, pruner.store, job) for job in (old, newer)]
    assert not pruner.prune(Event())
    assert jobs(kept) == {old.id, newer.id}
    pruner.settings = pruner.settings.model_copy(update=_TEN_DAYS)
    assert not pruner.prune(Event())
    assert jobs(kept) == {newer.id}
    assert pruner.store.keys("tracks/") == keys[1:]
    with kept.transaction() as session:
        _is_gone(session, old)
        assert jobs_of(session, old) == [newer.id]
        delivered, _ = list_deliveries(session, old.owner_id, cursor=None, limit=20, job_id=old.id)
        assert [row.job_id for row in delivered] == [old.id]


def test_jobs_about_a_library_go_at_the_age_of_recordings(kept: Database, server_settings: Settings) -> None:
    """Where nothing else is said; the newest map stays."""
    ((old, newer),) = replaced(kept)
    do(kept, "DELETE FROM track_results; UPDATE tasks SET name = 'map'; UPDATE jobs SET track_id = NULL")
    _pruner(kept, server_settings, retention_days=40.0).prune(Event())
    assert jobs(kept) == {old.id, newer.id}
    begin_again(kept)
    _pruner(kept, server_settings, retention_days=20.0).prune(Event())
    assert jobs(kept) == {newer.id}


@pytest.mark.long
def test_a_round_goes_on_for_as_long_as_there_is_more(
    kept: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many batches that takes; one that has no time left says that there is more."""
    monkeypatch.setattr(erasure, "_TASKS_AT_ONCE", 1)
    pairs = replaced(kept, tracks=6)
    pruner = _pruner(kept, server_settings, **_TEN_DAYS)
    assert pruner.prune(Event(), lasts_s=0.0)
    assert len(jobs(kept)) == 2 * len(pairs)
    assert not pruner.prune(Event())
    assert jobs(kept) == {newer.id for _, newer in pairs}


def test_a_batch_of_another_courier_is_not_waited_for(kept: Database, server_settings: Settings) -> None:
    """That one goes on with it."""
    ((old, newer),) = replaced(kept)
    pruner = _pruner(kept, server_settings, **_TEN_DAYS)
    with kept.transaction() as session:
        assert try_lock(session, Lock.FORGET)
        assert not pruner.prune(Event())
    assert jobs(kept) == {old.id, newer.id}
    assert not pruner.prune(Event())
    assert jobs(kept) == {newer.id}


def test_the_pruner_rests_as_long_as_it_works(kept: Database, server_settings: Settings) -> None:
    """So that a database or a store that is slow is asked less."""
    ((old, _),) = replaced(kept)
    pruner = _pruner(kept, server_settings, **_TEN_DAYS)
    artifact_of(kept, pruner.store, old)
    pruner.store, stopped = SlowStore(pruner.settings), Rests()
    assert not pruner.prune(stopped)
    assert max(stopped.rests) >= SlowStore.TAKES_S


def test_a_store_that_is_away_ends_the_round(
    kept: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """It is not waited for again with each of the transactions that follow; events go all the same."""
    monkeypatch.setattr(erasure, "_TASKS_AT_ONCE", 2)
    monkeypatch.setattr(pruning, "_EVENTS_AT_ONCE", 1)
    pairs = replaced(kept, tracks=3)
    pruner = _pruner(kept, server_settings, **_TEN_DAYS)
    for old, _newer in pairs:
        artifact_of(kept, pruner.store, old)
    do(kept, "UPDATE events SET created_at = now() - interval '31 days'")
    away = pruner.store = AwayStore(server_settings)
    assert not pruner.prune(Event())
    assert away.asked == 1
    assert len(jobs(kept)) > len(pairs)
    assert recorded("erased_total", what="jobs") == 2 * len(pairs) - len(jobs(kept)), "what went before it was asked"
    assert recorded("erased_total", what="events") > 0
    with kept.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM events")) == 0


@pytest.mark.long
def test_recordings_past_their_time_are_erased(
    kept: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their objects, and what runs on them is cancelled; younger ones stay, and without a limit all do."""
    monkeypatch.setattr(pruning, "_RECORDINGS_AT_ONCE", 2)
    pruner = _pruner(kept, server_settings)
    tracks = [new_track(kept) for _ in range(6)]
    job = new_job(kept, tracks[0])
    for track in tracks:
        key = f"tracks/{track.id}/original"
        pruner.store.put(key, io.BytesIO(b"bytes"), "audio/wav")
        do(kept, "UPDATE tracks SET object_key = :key WHERE id = :id", key=key, id=track.id)
    *old, young = tracks
    for track in old:
        do(kept, "UPDATE tracks SET created_at = now() - interval '2 days' WHERE id = :id", id=track.id)
    assert not pruner.prune(Event())
    assert len(pruner.store.keys()) == len(tracks)
    pruner.settings = pruner.settings.model_copy(update={"retention_days": 1.0})
    assert not pruner.prune(Event())
    assert pruner.store.keys() == [f"tracks/{young.id}/original"]
    with kept.transaction() as session:
        assert list(session.scalars(text("SELECT id FROM tracks"))) == [young.id]
        told = session.scalars(text("SELECT type FROM events WHERE job_id = :id"), {"id": job.id})
        assert list(told) == ["job.cancelled"]


@pytest.mark.long
def test_a_recording_that_cannot_be_erased_keeps_no_other(
    kept: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round goes on with those after it, and ends."""
    monkeypatch.setattr(pruning, "_RECORDINGS_AT_ONCE", 2)
    pruner = _pruner(kept, server_settings, retention_days=1.0)
    tracks = [new_track(kept) for _ in range(4)]
    do(kept, "UPDATE tracks SET created_at = now() - interval '2 days'")
    do(kept, "UPDATE tracks SET created_at = now() - interval '3 days' WHERE id = :id", id=tracks[0].id)
    erase = erase_track

    def erases(database: Database, store: ObjectStore, actor: Actor, track_id: str) -> int:
        if track_id == tracks[0].id:
            raise LookupError("something is wrong with this one")
        return erase(database, store, actor, track_id)

    monkeypatch.setattr(pruning, "erase_track", erases)
    assert not pruner.prune(Event())
    with kept.transaction() as session:
        assert list(session.scalars(text("SELECT id FROM tracks"))) == [tracks[0].id]


def test_old_events_are_forgotten_with_their_deliveries(
    kept: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest first, some at a time, until none is left; younger ones stay."""
    monkeypatch.setattr(pruning, "_EVENTS_AT_ONCE", 2)
    job = new_job(kept, new_track(kept))
    add = """
        INSERT INTO webhooks (id, owner_id, url) VALUES ('whk_' || :job, :owner, 'https://example.org');
        INSERT INTO events (id, owner_id, job_id, type, data, created_at)
        SELECT 'evt_' || days, :owner, :job, 'job.failed', '{}', now() - days * interval '1 day'
        FROM generate_series(29, 34) AS days;
        INSERT INTO deliveries (id, owner_id, webhook_id, event_id, position)
        SELECT 'dlv_' || id, owner_id, 'whk_' || :job, id, position FROM events WHERE job_id = :job
    """
    refer(kept, add, {"job": job.id, "owner": job.owner_id})
    pruner, left = _pruner(kept, server_settings), []
    for round_ in (pruner._forget_events, partial(pruner.prune, Event())):
        round_()
        with kept.transaction() as session:
            told = session.scalars(text("SELECT event_id FROM deliveries ORDER BY event_id")).all()
            assert told == session.scalars(text("SELECT id FROM events WHERE type = 'job.failed' ORDER BY id")).all()
            left.append(told)
    assert left == [["evt_29", "evt_30", "evt_31", "evt_32"], ["evt_29"]]


def _is_gone(session: Session, job: JobRow) -> None:
    with pytest.raises(NotFound, match="forgotten"):
        get_job(session, job.owner_id, job.id)
    with pytest.raises(NotFound, match="forgotten"):
        cancel_job(session, job.owner_id, job.id)


def _pruner(database: Database, server_settings: Settings, **settings: float) -> Pruner:
    own = server_settings.model_copy(update={"s3_bucket": f"forget-{uuid4().hex}"} | settings)
    store = ObjectStore(own)
    store.ensure_bucket()
    return Pruner(database, store, own)
