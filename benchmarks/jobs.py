"""Measures jobs per second with tasks that do nothing, and compares them with bare Celery on the same broker.

Starts a local stack's servers, a gateway, one worker whose handler returns at once, and a bare Celery worker that
writes nothing. Each round sends a batch to the one and then to the other, so that both have the same load on the
machine. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from celery import Celery
from common import clip, machine, servers
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.service.keys import create_key
from phonoscope.settings import Settings
from phonoscope.states import Pool, TaskName
from phonoscope.waker import make_celery
from phonoscope.work import Outcome
from phonoscope_local.ports import choose_port
from phonoscope_worker import Work, run_worker

BARE = "bare.nothing"
CLIENTS = 200
IDLE = 60
POLL_S = 0.02


def main() -> None:
    arguments = _arguments()
    if arguments.part:
        {"worker": _work, "bare": _work_bare}[arguments.part]()
        return
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as kept:
        settings = kept.enter_context(servers(Path(scratch) / "stack"))
        database = Database(settings.database_url.get_secret_value(), pool_size=2)
        kept.callback(database.close)
        url = kept.enter_context(_gateway(settings))
        for part in ("worker", "bare"):
            kept.enter_context(_process(settings, __file__, "--part", part))
        asyncio.run(_measure(url, database, make_celery(settings.broker_url.get_secret_value()), arguments))


async def _measure(url: str, database: Database, bare: Celery, arguments: argparse.Namespace) -> None:
    with database.transaction() as session:
        key = create_key(session, "bench")
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0, limits=limits, trust_env=False
    ) as http:
        track = (await _until_accepted(http, "/v1/tracks", files={"file": ("a.wav", clip())})).json()["id"]
        body = {"track_id": track, "tasks": [TaskName.CLASSIFY], "options": {"no_cache": True}}
        await _until_accepted(http, "/v1/jobs", json=body)
        _wait_for(database, 1)
        _send_bare(bare, 20)
        _wait_for_bare(bare)
        ratios, rates, bare_rates = [], [], []
        for _ in range(arguments.rounds):
            rates.append(_machinery(database, track, arguments.jobs))
            bare_rates.append(_bare(bare, arguments.jobs))
            ratios.append(rates[-1] / bare_rates[-1])
        create_ms, start_ms = await _idle(http, body, database)
        crowd_s, refused = await _crowd(http, body, arguments.jobs)
    _print(arguments.jobs, ratios, rates, bare_rates, create_ms, start_ms, crowd_s, refused)


def _machinery(database: Database, track: str, jobs: int) -> float:
    """Jobs per second from the first claim to the last end; all are queued before, as with bare Celery."""
    from phonoscope.db.schema.tables import TrackRow
    from phonoscope.db.tasks.create import create_job, startable_queues

    queues = []
    with database.transaction() as session:
        row = session.get_one(TrackRow, track)
        for _ in range(jobs):
            queues += startable_queues(create_job(session, row, [TaskName.CLASSIFY], {}, {}))
        before = session.scalar(text("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")) or 0
    started = time.perf_counter()
    _queue().wake(queues)
    _wait_for(database, before + jobs)
    return jobs / (time.perf_counter() - started)


def _bare(bare: Celery, jobs: int) -> float:
    started = time.perf_counter()
    _send_bare(bare, jobs)
    _wait_for_bare(bare)
    return jobs / (time.perf_counter() - started)


def _send_bare(bare: Celery, jobs: int) -> None:
    for _ in range(jobs):
        bare.send_task(BARE, queue="bare")


def _wait_for_bare(bare: Celery) -> None:
    """Waits until no message is queued or unacknowledged."""
    with bare.connection_for_read() as connection:
        client = connection.default_channel.client
        while client.llen("bare") or client.hlen("unacked"):
            time.sleep(POLL_S)


def _wait_for(database: Database, ended: int) -> None:
    question = text("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")
    while True:
        with database.autocommit() as session:
            if (session.scalar(question) or 0) >= ended:
                return
        time.sleep(POLL_S)


async def _idle(http: httpx.AsyncClient, body: dict[str, Any], database: Database) -> tuple[list[float], list[float]]:
    """Milliseconds to create a job, and from its creation to its start, one job after another."""
    create_ms: list[float] = []
    start_ms: list[float] = []
    for _ in range(IDLE):
        before = time.perf_counter()
        job = (await http.post("/v1/jobs", json=body)).json()
        create_ms.append((time.perf_counter() - before) * 1000)
        await http.get(f"/v1/jobs/{job['id']}", params={"wait": 20})
        asked = text("SELECT extract(epoch FROM started_at - queued_at) * 1000 FROM tasks WHERE job_id = :id")
        with database.autocommit() as session:
            start_ms.append(float(session.scalar(asked, {"id": job["id"]}) or 0.0))
    return create_ms, start_ms


async def _crowd(http: httpx.AsyncClient, body: dict[str, Any], jobs: int) -> tuple[float, int]:
    """Jobs created by 200 clients at once: the 95th percentile in ms, and how many were refused."""
    taken: list[float] = []
    refused = 0

    async def client(share: int) -> None:
        nonlocal refused
        for _ in range(share):
            before = time.perf_counter()
            answer = await http.post("/v1/jobs", json=body)
            taken.append((time.perf_counter() - before) * 1000)
            refused += answer.status_code != httpx.codes.ACCEPTED

    await asyncio.gather(*(client(max(1, jobs // CLIENTS)) for _ in range(CLIENTS)))
    return _p95(taken), refused


def _print(
    jobs: int,
    ratios: list[float],
    rates: list[float],
    bare_rates: list[float],
    create_ms: list[float],
    start_ms: list[float],
    crowd_ms: float,
    refused: int,
) -> None:
    print(f"{len(rates)} rounds of {jobs} jobs that do nothing, one worker process each, {machine()}\n")
    print("| | median |\n| --- | ---: |")
    print(f"| the whole machinery: claim, heartbeat, end, event | {statistics.median(rates):.0f} jobs/s |")
    print(f"| bare Celery, same broker, nothing written | {statistics.median(bare_rates):.0f} tasks/s |")
    print(f"| ratio, round by round | {statistics.median(ratios):.2f} |")
    print(f"| create a job, p95, idle | {_p95(create_ms):.0f} ms |")
    print(f"| created to started, p95, idle | {_p95(start_ms):.0f} ms |")
    print(f"| create a job, p95, {CLIENTS} clients at once | {crowd_ms:.0f} ms |")
    print(f"| of those refused | {refused} |")


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _work() -> None:
    """Runs the product's worker with a handler that does nothing."""

    def nothing(work: Work) -> dict[TaskName, Outcome]:
        return {name: Outcome({}) for name in work.claim.tasks}

    sys.argv[1:] = []
    run_worker(Pool.GPU, lambda _settings, _lanes: ("cpu", nothing))


def _work_bare() -> None:
    app = make_celery(os.environ["PHONOSCOPE_BROKER_URL"])

    def nothing() -> None:
        """Returns at once."""

    app.task(name=BARE)(nothing)
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=error"]
    app.worker_main(["--quiet", "worker", "--queues=bare", "--pool=prefork", "--concurrency=1", *quiet])


def _queue() -> Any:
    from phonoscope.waker import Waker

    return Waker(os.environ["PHONOSCOPE_BROKER_URL"])


@contextmanager
def _gateway(settings: Settings) -> Iterator[str]:
    port = choose_port(0, set())
    with _process(settings, "-m", "phonoscope_gateway", "--port", str(port)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(settings: Settings, *words: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *words], env=_environment(settings))
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _environment(settings: Settings) -> dict[str, str]:
    secret: Callable[[Any], str] = lambda value: getattr(value, "get_secret_value", lambda: str(value))()  # noqa: E731
    own = {f"PHONOSCOPE_{name.upper()}": secret(getattr(settings, name)) for name in settings.model_fields_set}
    os.environ.update(own | {"PHONOSCOPE_LOG_LEVEL": "error", "OMP_WAIT_POLICY": "PASSIVE"})
    return dict(os.environ)


async def _until_accepted(http: httpx.AsyncClient, path: str, **request: Any) -> httpx.Response:
    for _ in range(600):
        try:
            answer = await http.post(path, **request)
        except httpx.TransportError:
            pass
        else:
            if answer.is_success:
                return answer
        await asyncio.sleep(0.1)
    raise SystemExit(f"{path} does not answer")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--part", choices=["worker", "bare"], help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
