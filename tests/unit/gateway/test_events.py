"""What a job's stream tells whom."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from sse_starlette import ServerSentEvent

from phonoscope.contract import Job, Task
from phonoscope.states import Status, TaskName
from phonoscope_gateway.jobs.events import EventCursor, Snapshot

JOB_ID = "job_0123456789abcdefg7k2"


def snapshot(version: int, status: Status = Status.RUNNING, progress: float = 0.0, stage: str = "model") -> Snapshot:
    """A job of two tasks, the first of which has succeeded."""
    common: dict[str, Any] = {"pool": "gpu", "attempt": 1}
    done = Task(name=TaskName.EMBED, status=Status.SUCCEEDED, progress=1.0, stage="succeeded", **common)
    task = Task(name=TaskName.CLASSIFY, status=status, progress=progress, stage=stage, left_s=2.5, **common)
    facts: dict[str, Any] = {"created_at": datetime.now(UTC), "finished_at": None, "metadata": {"a": "b\nc"}}
    return Snapshot(Job(id=JOB_ID, track_id="trk_1", status=status, tasks=[done, task], **facts), version)


def names(events: Iterable[ServerSentEvent]) -> list[tuple[str | None, str | None]]:
    return [(event.event, event.id) for event in events]


def test_a_stream_tells_each_change_once() -> None:
    """The whole at first and with each version, tasks in between, the whole at the end."""
    told = EventCursor(JOB_ID)
    assert names(told.events_since(snapshot(3, progress=0.1))) == [("status", "3-0550-g7k2")]
    assert names(told.events_since(snapshot(3, progress=0.1))) == []
    assert names(told.events_since(snapshot(3, progress=0.2))) == [("progress", "3-0600-g7k2")]
    assert names(told.events_since(snapshot(3, progress=0.2, stage="draw"))) == [("progress", "3-0600-g7k2")]
    assert names(told.events_since(snapshot(4, Status.QUEUED))) == [("status", "4-0500-g7k2")]
    assert names(told.events_since(snapshot(5, Status.FAILED))) == [
        ("status", "5-1000-g7k2"),
        ("completed", "5-done-g7k2"),
    ]


def test_data_are_json_of_the_contract_on_one_line() -> None:
    """A status event holds the job, a progress event its tasks and what they still need."""
    told = EventCursor(JOB_ID)
    (status,) = told.events_since(snapshot(1))
    (progress,) = told.events_since(snapshot(1, progress=0.5))
    assert Job.model_validate_json(str(status.data)) == snapshot(1).job.model_copy(
        update={"created_at": Job.model_validate_json(str(status.data)).created_at}
    )
    assert json.loads(str(progress.data))["tasks"][1] == {
        "name": "classify", "status": "running", "progress": 0.5, "stage": "model", "left_s": 2.5
    }  # fmt: skip
    assert "\n" not in str(status.data)


@pytest.mark.parametrize(
    ("last", "news"),
    [
        ("3-0600-g7k2", []),
        ("3-0550-g7k2", [("progress", "3-0600-g7k2")]),
        ("2-0600-g7k2", [("status", "3-0600-g7k2")]),
        ("4-0600-g7k2", [("status", "3-0600-g7k2")]),
    ],
)
def test_whoever_comes_back_learns_what_is_new(last: str, news: list[tuple[str, str]]) -> None:
    """Nothing that was seen is told again."""
    assert names(EventCursor(JOB_ID, last).events_since(snapshot(3, progress=0.2))) == news


@pytest.mark.parametrize(
    "last",
    ["", "x", "3-0600", "3-0600-aaaa", "-3-0600-g7k2", "3-06000-g7k2", "٣-0600-g7k2", "9" * 5000, "3-0600-g7k2\n"],
)
def test_what_is_no_id_of_this_job_counts_for_nothing(last: str) -> None:
    """The stream starts from the whole, as without one."""
    assert names(EventCursor(JOB_ID, last).events_since(snapshot(3, progress=0.2))) == [("status", "3-0600-g7k2")]


def test_the_end_is_told_until_it_is_known() -> None:
    """Whoever saw the last status but not the end is told the end; whoever saw the end is told nothing."""
    ended = snapshot(5, Status.SUCCEEDED, 1.0)
    assert names(EventCursor(JOB_ID, "5-1000-g7k2").events_since(ended)) == [("completed", "5-done-g7k2")]
    assert not EventCursor(JOB_ID, "5-1000-g7k2").has_seen_the_end(ended)
    assert EventCursor(JOB_ID, "5-done-g7k2").has_seen_the_end(ended)
    assert not EventCursor(JOB_ID, "5-done-g7k2").has_seen_the_end(snapshot(5))
    assert not EventCursor(JOB_ID, "4-done-g7k2").has_seen_the_end(ended)


def test_a_job_that_is_gone_was_cancelled() -> None:
    """What was still to be done counts as cancelled; what had been done stays so, without what it found."""
    told = EventCursor(JOB_ID)
    list(told.events_since(snapshot(3, progress=0.2)))
    (last,) = told.erased()
    job = Job.model_validate_json(str(last.data))
    assert (last.event, job.status) == ("completed", Status.CANCELLED)
    assert [task.status for task in job.tasks] == [Status.SUCCEEDED, Status.CANCELLED]
    assert job.finished_at is not None
