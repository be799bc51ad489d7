"""What a worker and the courier do for an owner's classifiers, by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from phonoscope.catalogue import Catalogue
from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.rounds import due, go_on
from phonoscope.db.library.erase import delete_track
from phonoscope.db.service.usage import Limits
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, TaskName
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope.work import Claim, Outcome, Teaching
from phonoscope_cpu.teaching import teach_task
from phonoscope_worker import Context, Work
from phonoscope_worker.heartbeat import Heartbeat, WorkerIdentity
from phonoscope_worker.run import run_next
from tests.integration.lessons import Owner, served
from tests.integration.life import CPU

READY, FAILED, TEACHING, EMBEDDING = (ClassifierState(state) for state in ("ready", "failed", "teaching", "embedding"))


def made(owner: Owner, tracks: list[str], version: int = 1, name: str = "own", **notes: Any) -> Outcome:
    """What a worker made, of a classifier that was taught from these tracks."""
    manifest = {"labels": ["high", "low"], "on": [{"weights": {"sha256": f"{version:064x}"}}]}
    figures = notes.pop("figures", {"accuracy": 0.5})
    id_ = owner.sees(name).row.id
    teaching = Teaching(id_, version, datetime.now(UTC), manifest, b"w", figures, frozenset(tracks), **notes)
    return Outcome({"version": version}, None, name, f"sha256:{version:064x}", teaching=teaching)


def run_teaching(
    database: Database, settings: Settings, *meanwhile: Callable[[], None], models: Catalogue | None = None
) -> None:
    """Runs the next task of the CPU pool, by the models that every installation has or others; something may happen
    after each teaching, before its end is written.
    """
    accidents = list(meanwhile)

    def handler(work: Work) -> dict[TaskName, Outcome]:
        outcome = teach_task(work, models or served())
        if accidents:
            accidents.pop(0)()
        return {TaskName.TEACH: outcome}

    identity = WorkerIdentity(Pool.CPU, list(Lane), f"host-{uuid4().hex}", "cpu", 1)
    heartbeat = Heartbeat(database, identity, lambda: None)
    store, waker = ObjectStore(settings), Waker("redis://127.0.0.1:1")
    assert run_next(Context("cpu", database, store, waker, heartbeat, handler), CPU)


def end(owner: Owner, held: Claim, outcome: Outcome) -> bool:
    with owner.database.transaction() as session:
        return end_tasks(session, held, {TaskName.TEACH: outcome}, {}) is not None


def step(owner: Owner, limits: Limits | None = None) -> int:
    """What a round of the courier does for the owner's classifiers; returns for how many."""
    with owner.database.transaction() as session:
        found = due(session)
    for one in found:
        go_on(owner.database, one, limits or Limits())
    return len(found)


def erase(owner: Owner, track_id: str) -> None:
    with owner.database.transaction() as session:
        delete_track(session, owner.actor, track_id)


def quiet(owner: Owner, seconds: float) -> None:
    """Makes changes of labels as old as that, at least."""
    moved = "UPDATE classifier_label_changes SET changed_at = least(changed_at, now() - :by * interval '1 s')"
    with owner.database.transaction() as session:
        session.execute(text(moved), {"by": seconds})
