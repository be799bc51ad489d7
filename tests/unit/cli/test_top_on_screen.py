"""``phonoscope top``: what is seen of queues, workers and running tasks."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from phonoscope.client import Client
from phonoscope.contract import Queues, Task
from phonoscope.states import Status, TaskName
from phonoscope_cli import top as command
from phonoscope_cli.app import app
from phonoscope_cli.top import Look, Running, look, picture, watch
from tests.unit.fixtures import NOW

QUEUES: dict[str, Any] = {
    "queues": [
        {"pool": "gpu", "lane": "short", "queued": 7, "running": 1, "oldest_s": 75.0, "ended_last_hour": 1200,
         "pace": 0.5, "workers": 1},
        {"pool": "cpu", "lane": "long", "queued": 2, "running": 0, "oldest_s": 3.0, "ended_last_hour": 0,
         "pace": 1.0, "workers": 0},
    ],
    "workers": [
        {"id": "gpu@a\x1b[2J[red]:1", "pool": "gpu", "lanes": ["short"], "host": "a", "device": "cuda",
         "started_at": NOW.isoformat(), "heartbeat_at": (NOW + timedelta(seconds=59)).isoformat()}
    ],
}  # fmt: skip


@pytest.fixture
def seen(make_task: Callable[..., Task]) -> Look:
    """A minute after a task began; another one ended meanwhile."""
    slow = make_task(TaskName.SEPARATE, Status.RUNNING, progress=0.25, stage="separating", left_s=180.0)
    quick = make_task(TaskName.CLASSIFY, Status.RUNNING, started_at=NOW + timedelta(seconds=58), progress=0.5)
    done = make_task(TaskName.EMBED, finished_at=NOW + timedelta(seconds=1))
    tasks = [Running(None, "job_quick", quick), Running(None, "job_slow", done), Running(None, "job_slow", slow)]
    return Look(NOW + timedelta(seconds=60), Queues.model_validate(QUEUES), tasks)


def printed(look: Look) -> str:
    """What a person sees."""
    console = Console(file=io.StringIO(), width=140)
    console.print(picture(look))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_picture_has_queues_workers_and_slow_tasks(seen: Look) -> None:
    """The longest task first; names of others print no escapes and are no markup."""
    text = printed(seen)
    for words in ("gpu.short", "1200", "1:15.0", "separating", "25%", "3:00.0", "cuda", "[red]"):
        assert words in text
    assert text.index("job_slow") < text.index("job_quick")
    assert "embed" not in text
    assert "\x1b" not in text


def test_nothing_to_see_is_said(seen: Look) -> None:
    """Without workers and tasks there are words in their place."""
    text = printed(Look(NOW, Queues(queues=seen.queues.queues, workers=[]), []))
    assert "none is alive" in text
    assert "none runs" in text


def test_a_clock_that_is_behind_the_service_s_shows_no_negative_time(seen: Look) -> None:
    """What began in the future has run for no time."""
    early = Look(NOW - timedelta(hours=1), seen.queues, seen.tasks)
    assert {ran_s for ran_s, _ in early.running} == {0.0}
    assert " -" not in printed(early)


def service(request: httpx.Request) -> httpx.Response:
    """A service without jobs, and with an outage on demand."""
    if request.url.path == "/v1/queues":
        return httpx.Response(200, json=QUEUES)
    assert request.url.params["status"] == "running"
    return httpx.Response(200, json={"items": [], "next_cursor": None})


def test_where_there_is_no_terminal_it_looks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe, with ``--once``, and with ``--json``, which is a line for programs."""
    monkeypatch.setattr(
        command, "connect", lambda *_: Client("http://a", "psk_a", transport=httpx.MockTransport(service))
    )
    for words in ([], ["--once"]):
        done = CliRunner().invoke(app, ["top", *words])
        assert done.exit_code == 0, done.output
        assert "gpu.short" in done.output
    done = CliRunner().invoke(app, ["top", "--once", "--json"])
    (line,) = done.output.splitlines()
    assert json.loads(line)["queues"][0]["queued"] == 7
    assert json.loads(line)["tasks"] == []


def test_the_operator_s_picture_names_owners(seen: Look) -> None:
    """As they may be printed; their own tasks have no such column."""
    tasks = [each._replace(owner="ann\x1b[2J[red]") for each in seen.tasks]
    text = printed(Look(seen.at, seen.queues, tasks, of_all=True))
    assert "owner" in text
    assert "ann" in text
    assert "\x1b" not in text
    assert "owner" not in printed(seen)


def test_an_outage_is_said_and_the_picture_comes_back() -> None:
    """Whatever failed once; Ctrl-C ends it."""
    looks = iter([None, httpx.ConnectError("no route"), None, KeyboardInterrupt()])
    file = io.StringIO()

    def now_and_then(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/queues" and (problem := next(looks)) is not None:
            raise problem
        return service(request)

    client = Client("http://a", "psk_a", transport=httpx.MockTransport(now_and_then))
    watch(lambda: look(client), 0.0, Console(file=file, width=140, height=40, force_terminal=True))
    first, outage, second = re.split("(no answer from http://a: no route)", file.getvalue())
    assert outage
    assert "gpu.short" in first
    assert "gpu.short" in second
    assert next(looks, "all were made") == "all were made"
