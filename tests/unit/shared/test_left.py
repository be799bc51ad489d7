"""How long a task still takes, by what it has done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from phonoscope.db.schema.tables import TaskRow
from phonoscope.db.tasks.running import left_s
from phonoscope.states import Status

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def task(progress: float, status: Status = Status.RUNNING, spent_s: float | None = 30.0) -> TaskRow:
    started_at = None if spent_s is None else NOW - timedelta(seconds=spent_s)
    return TaskRow(status=status, progress=progress, started_at=started_at)


@pytest.mark.parametrize(("progress", "left"), [(0.25, 90.0), (0.5, 30.0), (0.9, 3.3), (1.0, 0.0)])
def test_what_is_left_follows_from_what_was_done(progress: float, left: float) -> None:
    """A quarter in thirty seconds leaves ninety."""
    assert left_s(task(progress), NOW) == left


@pytest.mark.parametrize(
    "row",
    [task(0.0), task(0.5, Status.QUEUED, None), task(0.5, Status.SUCCEEDED), task(0.5, Status.FAILED)],
    ids=["nothing done", "waiting", "succeeded", "failed"],
)
def test_nothing_is_made_up(row: TaskRow) -> None:
    """No estimate before the first progress, nor once it has ended."""
    assert left_s(row, NOW) is None


def test_clocks_may_differ() -> None:
    """A task that started in the gateway's future has no negative rest."""
    assert left_s(task(0.5, spent_s=-3.0), NOW) == 0.0
