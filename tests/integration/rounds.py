"""What a worker and the courier do for an owner's classifiers, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.classifiers.rounds import due, go_on
from phonoscope.db.library.erase import delete_track
from phonoscope.db.service.usage import Limits
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.states import TaskName
from phonoscope.work import Claim, Outcome, Teaching
from tests.integration.lessons import Owner

READY, FAILED, TEACHING, EMBEDDING = (ClassifierState(state) for state in ("ready", "failed", "teaching", "embedding"))


def made(owner: Owner, tracks: list[str], version: int = 1, name: str = "own", **notes: Any) -> Outcome:
    """What a worker made, of a classifier that was taught from these tracks."""
    manifest = {"labels": ["high", "low"], "on": [{"weights": {"sha256": f"{version:064x}"}}]}
    figures = notes.pop("figures", {"accuracy": 0.5})
    id_ = owner.sees(name).row.id
    teaching = Teaching(id_, version, datetime.now(UTC), manifest, b"w", figures, frozenset(tracks), **notes)
    return Outcome({"version": version}, None, name, f"sha256:{version:064x}", teaching=teaching)


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
