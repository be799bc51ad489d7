"""A job that is watched from the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from phonoscope.client import Client
from phonoscope.contract import CompletedEvent, Job, Task, Waiting
from phonoscope.states import Status, TaskName
from phonoscope_cli.jobs import _stage, run_job

TaskMaker = Callable[..., Task]
JobMaker = Callable[..., Job]
STATES = (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED)


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        ({"reason": "no_worker"}, "waiting: no cpu worker is running"),
        ({"reason": "queued", "ahead": 3, "workers": 1}, "waiting for a cpu worker, 3 ahead"),
        ({"reason": "after", "after": TaskName.SEPARATE}, "waiting for separate"),
    ],
)
def test_it_is_said_what_is_waited_for(
    make_job: JobMaker, make_task: TaskMaker, waiting: dict[str, Any], said: str
) -> None:
    """A worker, a turn, or another task of the same job; of the first task that has not ended."""
    waits = make_task(TaskName.MIXDOWN, Status.QUEUED, waiting=Waiting(**waiting))
    assert _stage(make_job(make_task(), waits)) == said
    assert _stage(make_job(make_task(status=Status.RUNNING, stage="model"), waits)) == "model"


def test_a_job_is_asked_for_while_it_waits_and_followed_while_it_runs(
    make_job: JobMaker, make_task: TaskMaker, tmp_path: Path
) -> None:
    """What it waits for is looked up again and again; from its start on its events tell."""
    queued, running, done = (make_job(make_task(status=status)) for status in STATES)
    polls = [queued, queued, running]
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.removeprefix("/v1/jobs"))
        if request.method == "POST":
            return httpx.Response(202, text=queued.model_dump_json())
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, text=polls.pop(0).model_dump_json())
        told = CompletedEvent(id="3", job=done)
        text = f"id: {told.id}\nevent: completed\ndata: {told.job.model_dump_json()}\n\n"
        return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})

    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    with Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(answer)) as client:
        assert run_job(client, path, [" classify "], Console(file=io.StringIO())) == done
    assert asked == ["", "/job_1", "/job_1", "/job_1", "/job_1/events"]
