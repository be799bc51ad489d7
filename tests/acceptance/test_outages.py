"""A service that is down is a 503 that says so, but for the broker; the gateway stays up and recovers by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import psutil
import pytest

from phonoscope.client import Client
from phonoscope.states import Status
from phonoscope_local.state import Run
from tests.support import RunningStack, hung, tone_wav

LIMIT_S = 120.0
ACCEPTED_WITHIN_S = 7.0
"""Two askings of a second each, and room; with the workers' own timeout it would be eight."""
Away: TypeAlias = "Callable[[RunningStack, str], AbstractContextManager[None]]"


def until(true: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


def is_ready(stack: RunningStack) -> bool:
    return httpx.get(f"{stack.url}/health/ready", timeout=30).status_code == 200


@contextmanager
def killed(stack: RunningStack, part: str) -> Iterator[None]:
    """A part killed, and its supervisor kept from restarting it, while inside."""
    run = Run.read(stack.folder)
    assert run is not None
    supervisor = run.supervisor.pid
    os.kill(supervisor, signal.SIGSTOP)
    try:
        process = psutil.Process(run.parts[part].pid)
        family = [process, *process.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


@pytest.fixture
def client(stack: RunningStack) -> Iterator[Client]:
    with stack.client(f"owner-{uuid4()}") as client:
        yield client


@pytest.mark.parametrize("part", ["postgres", "objects"])
def test_a_service_that_dies_is_a_503_until_it_is_back(
    stack: RunningStack, client: Client, part: str, tmp_path: Path
) -> None:
    """Problem, ``Retry-After``, a gateway that lives; then everything works again and nothing is lost."""
    path = tmp_path / "before.wav"
    path.write_bytes(tone_wav(seed=200))
    before = client.wait(client.analyze(path))
    with stack.http(f"owner-{uuid4()}") as http:
        with killed(stack, part):
            until(lambda: not is_ready(stack))
            answer = http.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=201))})
            assert answer.status_code == 503, answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.json()["retryable"] is True
            assert http.get("/health/live").status_code == 200
        until(lambda: is_ready(stack))
        assert http.get("/v1/jobs").json()["items"] == []
        until(lambda: http.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=201))}).status_code == 202)
        until(lambda: http.get("/v1/jobs", params={"status": "succeeded"}).json()["items"] != [])
    assert client.job(before.id).status is Status.SUCCEEDED


@pytest.mark.parametrize("away", [killed, hung])
def test_jobs_are_accepted_without_the_broker(stack: RunningStack, away: Away) -> None:
    """In the usual time, uploads and others; readiness says what is away, and once it is back every job is run."""
    with stack.http(f"owner-{uuid4()}") as http:
        with away(stack, "valkey"):
            until(lambda: not is_ready(stack))
            checks = httpx.get(f"{stack.url}/health/ready", timeout=30).json()["checks"]
            assert checks["broker"] != "ok"
            assert {checks[name] for name in checks if name != "broker"} == {"ok"}
            jobs = [accepted(http, files={"file": ("a.wav", tone_wav(seed=203 + turn))}) for turn in range(3)]
            jobs.append(accepted(http, json={"track_id": jobs[0]["track_id"], "tasks": ["describe"]}))
            assert accepted_picture(http, jobs[1]["track_id"])
            assert all(http.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued" for job in jobs)
        until(lambda: is_ready(stack))
        for job in jobs:
            until(lambda job=job: http.get(f"/v1/jobs/{job['id']}").json()["status"] == "succeeded", 2 * LIMIT_S)  # type: ignore[misc]


def accepted(http: httpx.Client, **request: Any) -> Any:
    """The job that is made of a request."""
    started = time.monotonic()
    answer = http.post("/v1/jobs", **request)
    assert answer.status_code == 202, answer.text
    assert time.monotonic() - started < ACCEPTED_WITHIN_S
    return answer.json()


def accepted_picture(http: httpx.Client, track_id: str) -> bool:
    """Whether the job was made that a picture needs."""
    return http.get(f"/v1/tracks/{track_id}/waveform").status_code == 202


def test_a_worker_killed_at_work_does_not_lose_the_job(stack: RunningStack, client: Client, tmp_path: Path) -> None:
    """The whole worker is killed with ``-9``; another attempt ends the job."""
    path = tmp_path / "long.wav"
    path.write_bytes(tone_wav(120.0, rate_hz=22_050, seed=202))
    job = client.analyze(path)
    until(lambda: client.job(job.id).status is Status.RUNNING)
    run = Run.read(stack.folder)
    assert run is not None
    worker = psutil.Process(run.parts["gpu"].pid)
    for member in [*worker.children(recursive=True), worker]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    until_done = client.wait(job)
    assert until_done.status is Status.SUCCEEDED
    assert {task.attempt for task in until_done.tasks} == {2}
