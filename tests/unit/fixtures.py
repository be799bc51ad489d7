"""Tracks, tasks and jobs as the service would answer them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from phonoscope.contract import Job, Task, Track
from phonoscope.states import Status, TaskName
from phonoscope.tasks import TASKS

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_track() -> Callable[..., Track]:
    """A track, with whatever a test wants to be different."""

    def make(**changes: Any) -> Track:
        values: dict[str, Any] = {
            "id": "trk_1",
            "sha256": "0" * 64,
            "filename": "rain.flac",
            "size_bytes": 1_000,
            "media_type": "audio/flac",
            "container": "flac",
            "codec": "flac",
            "sample_rate_hz": 44_100,
            "channels": 1,
            "duration_s": 64.35,
            "label": "rain",
            "labels": {"environment-50": ["rain"]},
            "warnings": [],
            "created_at": NOW,
            "audio": {"url": "/v1/tracks/trk_1/audio?expires=1&signature=s", "expires_at": NOW},
        }
        return Track(**values | changes)

    return make


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """A task of any state, with whatever a test wants to be different."""

    def make(name: TaskName = TaskName.CLASSIFY, status: Status = Status.SUCCEEDED, **changes: Any) -> Task:
        values: dict[str, Any] = {
            "name": name,
            "pool": TASKS[name].pool,
            "status": status,
            "attempt": 1,
            "progress": 0.0,
        }
        if status is not Status.QUEUED:
            values |= {"device": "cpu", "started_at": NOW + timedelta(milliseconds=30), "progress": 1.0}
        return Task(**{"stage": status.value} | values | changes)

    return make


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A job of these tasks, done after half a second when they are."""

    def make(*tasks: Task, **changes: Any) -> Job:
        status = _status([task.status for task in tasks])
        values: dict[str, Any] = {
            "id": "job_1",
            "track_id": "trk_1",
            "status": status,
            "created_at": NOW,
            "finished_at": NOW + timedelta(milliseconds=500) if status.ended else None,
            "metadata": {},
            "tasks": list(tasks),
        }
        return Job(**values | changes)

    return make


def _status(tasks: list[Status]) -> Status:
    if all(status.ended for status in tasks):
        return next((worst for worst in (Status.CANCELLED, Status.FAILED) if worst in tasks), Status.SUCCEEDED)
    return Status.QUEUED if set(tasks) == {Status.QUEUED} else Status.RUNNING
