"""What the tests of a task's life share: owners and tracks, jobs, claims and ends."""

from __future__ import annotations

from time import sleep
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.library.embeddings import Search
from phonoscope.db.library.jobs import get_job
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.nearest import nearest_tracks
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.work import CacheKey, Claim, Outcome, Space
from tests.support import add_track

BOTH = [TaskName.CLASSIFY, TaskName.EMBED]
GPU = TaskQueue(Pool.GPU, Lane.SHORT)
CPU = TaskQueue(Pool.CPU, Lane.SHORT)
SLOW = TaskQueue(Pool.CPU, Lane.LONG)
ONE = [1.0] + [0.0] * 511


def empty(database: Database) -> None:
    """Nothing queues any more, of whichever test it was."""
    with database.transaction() as session:
        session.execute(text("DELETE FROM owners"))
        session.execute(text("DELETE FROM events"))


def new_track(database: Database) -> TrackRow:
    """A track of a new owner."""
    owner_id, track_id = f"own_{uuid4().hex}", f"trk_{uuid4().hex}"
    with database.transaction() as session:
        add_track(session, owner_id, track_id, track_id)
        return session.get_one(TrackRow, track_id)


def new_job(
    database: Database,
    track: TrackRow,
    tasks: list[TaskName] | None = None,
    known_by: dict[TaskName, str] | None = None,
    waits_for: dict[TaskName, TaskName] | None = None,
) -> JobRow:
    """A committed job; ``known_by`` are its tasks' fingerprints."""
    ledger = {name: CacheKey(print_, frozenset({"d"})) for name, print_ in (known_by or {}).items()}
    with database.transaction() as session:
        return create_job(session, track, tasks or BOTH, {}, {}, ledger=ledger, waits_for=waits_for)


def claim(database: Database, queue: TaskQueue = GPU, worker_id: str = "worker") -> Claim | None:
    with database.transaction() as session:
        return claim_next(session, queue, "cpu", worker_id)


def claimed(database: Database, queue: TaskQueue = GPU, worker_id: str = "worker") -> Claim:
    """Fails the test when nothing can be claimed."""
    held = claim(database, queue, worker_id)
    assert held is not None
    return held


def end(database: Database, held: Claim, **outcomes: Outcome) -> list[TaskQueue] | None:
    """Ends a claim, with success where nothing else is said."""
    usual = {
        TaskName.CLASSIFY: Outcome({"a": 1}, None, "m", "d"),
        TaskName.EMBED: Outcome({"b": 2}, None, "m", "d", vectors={Space("m", "d"): {"": ONE}}),
    }
    made = {name: usual.get(name, Outcome({"c": 3}, None, "m", "d")) for name in held.tasks}
    made |= {TaskName(name): outcome for name, outcome in outcomes.items()}
    with database.transaction() as session:
        free = end_tasks(session, held, made, {"model_s": 0.5})
    return None if free is None else list(free)


def classified(label: str, model: str = "m", *, unknown: bool = False) -> Outcome:
    """A classification by a model."""
    return heard_by((model, [] if unknown else [label]))


def heard_by(*answers: tuple[str, list[str]]) -> Outcome:
    """A classification by several models: the labels that count for each; the first model counts."""
    made = [
        {"model": {"name": model, "digest": "d"}, "labels": labels, "unknown": not labels, "top": _top(labels)}
        for model, labels in answers
    ]
    return Outcome({**made[0], "answers": made}, None, answers[0][0], "d")


def _top(labels: list[str]) -> list[dict[str, object]]:
    return [{"label": label, "probability": 0.9} for label in labels or ["nothing"]]


def read(database: Database, job: JobRow) -> JobRow:
    """The job as it stands."""
    with database.transaction() as session:
        return get_job(session, job.owner_id, job.id)


def events_of(database: Database, job: JobRow) -> list[str]:
    """The types of what was told of a job."""
    with database.transaction() as session:
        told = text("SELECT type FROM events WHERE job_id = :id ORDER BY created_at")
        return list(session.connection().scalars(told, {"id": job.id}))


def wait_for_a_lock(database: Database) -> None:
    """Until somebody waits for a lock that another holds."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1_200):
        with database.autocommit() as session:
            if session.scalar(waiting):
                return
        sleep(0.05)
    pytest.fail("nobody waited for a lock")


def nearest_to(session: Session, search: Search, limit: int = 10) -> list[str]:
    """The tracks that are nearest to a search's, nearest first."""
    filters = Filters(stem=search.stem, without=[search.track_id])
    found = nearest_tracks(session, search.owner_id, search.space, search.vector, filters, limit)
    return [hit.track_id for hit in found]
