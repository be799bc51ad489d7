"""What a worker puts into the store, and takes away again when its end is not committed."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.jobs import get_job
from phonoscope.db.schema.tables import ArtifactRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.errors import DatabaseUnavailable
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Artifact, Claim, Outcome
from phonoscope_worker import Context, Work
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_next
from tests.integration.life import CPU, empty
from tests.support import add_track

Handler = Callable[[Work], dict[TaskName, Outcome]]


@pytest.fixture
def store(server_settings: Settings) -> ObjectStore:
    """The one that runs for the tests."""
    return ObjectStore(server_settings)


@pytest.fixture
def job(database: Database, store: ObjectStore) -> tuple[str, str, str]:
    """An owner, a track with an object of its own, and a queued job that nobody else will claim."""
    empty(database)
    owner_id, track_id = f"own_{uuid4().hex}", f"trk_{uuid4().hex}"
    key = f"tracks/{track_id}/original"
    store.put(key, io.BytesIO(b"RIFF"), "audio/wav")
    with database.transaction() as session:
        add_track(session, owner_id, track_id, key, size_bytes=4)
        job_id = create_job(session, session.get_one(TrackRow, track_id), [TaskName.DESCRIBE], {}, {}).id
    return owner_id, track_id, job_id


def run(database: Database, store: ObjectStore, handler: Handler) -> None:
    """One worker's attempt at what is next."""
    heartbeat = Heartbeat(database, WorkerIdentity(Pool.CPU, list(Lane), "host", "cpu", 1), lambda: None)
    run_next(Context("cpu", database, store, Waker("redis://127.0.0.1:1"), heartbeat, handler), CPU)


def made(work: Work) -> dict[TaskName, Outcome]:
    """An outcome with two artifacts, one of them a file."""
    sheet = Artifact("sheet.png", "sheet", "image/png", b"not quite a picture")
    sound = Artifact("listen.wav", "listen", "audio/wav", io.BytesIO(b"not quite a sound"))
    body = {"sheet": sheet.reference, "sounds": [sound.reference]}
    return {task: Outcome(body, artifacts=(sheet, sound)) for task in work.claim.tasks}


def objects(store: ObjectStore, track_id: str) -> list[str]:
    """What the track's tasks left, without what attempt it was."""
    return [key.rpartition("/")[2] for key in store.keys(f"tracks/{track_id}/describe/")]


def test_artifacts_come_with_the_end(database: Database, store: ObjectStore, job: tuple[str, str, str]) -> None:
    """Rows, result and state are there together, and each row leads to its bytes."""
    owner_id, track_id, job_id = job
    run(database, store, made)
    with database.transaction() as session:
        row = get_job(session, owner_id, job_id)
        assert row.status is Status.SUCCEEDED
        (task,) = row.tasks
        assert task.result is not None
        assert task.timings["store_s"] > 0.0
        kept = {
            found.id: found for found in session.scalars(select(ArtifactRow).where(ArtifactRow.track_id == track_id))
        }
    sheet, sound = kept[task.result.body["sheet"]["artifact"]], kept[task.result.body["sounds"][0]["artifact"]]
    assert len(kept) == 2
    assert (sheet.kind, sheet.media_type, sheet.size_bytes) == ("sheet", "image/png", 19)
    assert (sheet.task_id, sheet.object_key.split("/")[2::2]) == (task.id, ["describe", "sheet.png"])
    content = b"".join(store.read(sound.object_key, 0, sound.size_bytes).chunks)
    assert content == b"not quite a sound"
    with database.transaction() as session:
        keys = delete_track(session, Actor(owner_id), track_id)
    assert set(keys) == {f"tracks/{track_id}/original", sheet.object_key, sound.object_key}


def test_a_lost_lease_leaves_no_object(database: Database, store: ObjectStore, job: tuple[str, str, str]) -> None:
    """A worker whose lease went to another takes away what it had put; the other's stay."""
    owner_id, track_id, job_id = job

    def overtaken(work: Work) -> dict[TaskName, Outcome]:
        with database.transaction() as session:
            requeue = text("UPDATE tasks SET status = 'queued', lease_token = NULL WHERE job_id = :id")
            session.execute(requeue, {"id": job_id})
        run(database, store, made)
        return made(work)

    run(database, store, overtaken)
    assert sorted(objects(store, track_id)) == ["listen.wav", "sheet.png"]
    with database.transaction() as session:
        keys = set(session.scalars(select(ArtifactRow.object_key).where(ArtifactRow.track_id == track_id)))
        assert get_job(session, owner_id, job_id).status is Status.SUCCEEDED
    assert keys == set(store.keys(f"tracks/{track_id}/describe/"))


def test_a_track_deleted_meanwhile_leaves_no_object(
    database: Database, store: ObjectStore, job: tuple[str, str, str]
) -> None:
    """What is put for a track that is gone is taken away."""
    owner_id, track_id, _ = job

    def too_late(work: Work) -> dict[TaskName, Outcome]:
        with database.transaction() as session:
            store.delete(delete_track(session, Actor(owner_id), track_id))
        return made(work)

    run(database, store, too_late)
    assert store.keys(f"tracks/{track_id}/") == []


def test_an_end_that_fails_leaves_no_object(
    database: Database, store: ObjectStore, job: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the transaction does not go through, neither row nor object is there."""
    _, track_id, _ = job

    def away(*_: object) -> bool:
        raise DatabaseUnavailable("it went away")

    monkeypatch.setattr("phonoscope_worker.run.end_tasks", away)
    with pytest.raises(DatabaseUnavailable):
        run(database, store, made)
    assert objects(store, track_id) == []


def test_an_end_that_went_through_unseen_keeps_its_objects(
    database: Database, store: ObjectStore, job: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection lost after the commit: rows speak of the objects, so they stay."""
    owner_id, track_id, job_id = job

    def ended(_session: Session, claim: Claim, outcomes: dict[TaskName, Outcome], timings: dict[str, float]) -> bool:
        with database.transaction() as other:
            assert end_tasks(other, claim, outcomes, timings) is not None
        raise DatabaseUnavailable("the answer was lost")

    monkeypatch.setattr("phonoscope_worker.run.end_tasks", ended)
    with pytest.raises(DatabaseUnavailable):
        run(database, store, made)
    assert sorted(objects(store, track_id)) == ["listen.wav", "sheet.png"]
    with database.transaction() as session:
        assert get_job(session, owner_id, job_id).status is Status.SUCCEEDED
