"""Measures the cost of 1,000 clients that wait at one gateway: by long poll for jobs' ends, by stream for their events.

Starts its own local stack, makes jobs that no worker touches, lets a client wait for each, and measures the gateway's
processor time and memory beside the same seconds without anybody; then ends the jobs, one after another and all at
once, and measures when each client knows. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from common import clip
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.channels import JOB_CHANNEL
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow, TaskRow, TrackRow
from phonoscope.ids import new_id
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import Run, read_credentials, stack_settings

LEASE = text(
    "UPDATE tasks SET started_at = now(), lease_expires_at = now() + interval '1 day' WHERE job_id = ANY(:jobs)"
)
END = text(
    """
    WITH tasked AS (
        UPDATE tasks SET status = 'succeeded', progress = 1, lease_token = NULL, finished_at = now()
        WHERE job_id = ANY(:jobs)
    ), ended AS (
        UPDATE jobs SET status = 'succeeded', version = version + 1, finished_at = now() WHERE id = ANY(:jobs)
        RETURNING id
    )
    SELECT pg_notify(:channel, id) FROM ended
    """
).bindparams(channel=JOB_CHANNEL)
_SETTLES_S = 10.0
POLL = ("/v1/jobs/{}?wait=60", b"HTTP/1.1 200")
STREAM = ("/v1/jobs/{}/events", b"event: completed")


@dataclass
class Stack:
    """A running stack, as the benchmark uses it."""

    address: tuple[str, int]
    key: str
    database: Database
    gateway: psutil.Process
    track_id: str

    def open_jobs(self, number: int) -> list[str]:
        """Makes jobs that count as running in a worker."""
        ids = [new_id("job") for _ in range(number)]
        with self.database.transaction() as session:
            owner_id = session.get_one(TrackRow, self.track_id).owner_id
            whose: dict[str, Any] = {"owner_id": owner_id, "status": Status.RUNNING}
            kind: dict[str, Any] = {"name": TaskName.EMBED, "pool": Pool.GPU, "lane": Lane.SHORT}
            queue: dict[str, Any] = {"position": 0, "cost_s": 1.0, "turn": 0.0, "attempt": 1, "lease_token": "none"}
            facts: dict[str, Any] = {"track_id": self.track_id, "options": {}, "client_metadata": {}}
            session.add_all(JobRow(id=job_id, **facts, **whose) for job_id in ids)
            session.flush()
            session.add_all(TaskRow(id=new_id("tsk"), job_id=job_id, **whose, **kind, **queue) for job_id in ids)
            session.flush()
            session.execute(LEASE, {"jobs": ids})
        return ids

    def end(self, jobs: Sequence[str]) -> float:
        """Ends jobs together; returns the time just before the commit."""
        with self.database.transaction() as session:
            session.execute(END, {"jobs": list(jobs)})
            return time.perf_counter()

    def spent(self) -> tuple[float, float]:
        """The gateway's processor time in seconds and its memory in MB, without the process that probes uploads."""
        times = self.gateway.cpu_times()
        return times.user + times.system, self.gateway.memory_info().rss / 1e6


@dataclass
class Cost:
    """The cost of waiting clients and of notifying them, and the time until each was notified."""

    cpu_s: float
    rss_mb: float
    notified_ms: Sequence[float] = ()
    notifying_ms: float = 0.0


async def measured(stack: Stack, seconds: float) -> Cost:
    before, _ = stack.spent()
    await asyncio.sleep(seconds)
    after, rss_mb = stack.spent()
    return Cost(after - before, rss_mb)


async def until_notified(stack: Stack, job_id: str, way: tuple[str, bytes], opened: Callable[[], None]) -> float:
    """Waits for a job's end; returns the time at which the client knows it."""
    reader, writer = await asyncio.open_connection(*stack.address, limit=1 << 20)
    path, sign = way
    headers = f"Host: {stack.address[0]}\r\nAuthorization: Bearer {stack.key}\r\nConnection: close"
    writer.write(f"GET {path.format(job_id)} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    await writer.drain()
    if way is STREAM:
        await reader.readuntil(b"event: status")
    opened()
    await reader.readuntil(sign)
    notified = time.perf_counter()
    await reader.read()
    writer.close()
    return notified


async def waited(stack: Stack, way: tuple[str, bytes], number: int, seconds: float, *, together: bool) -> Cost:
    jobs = await asyncio.to_thread(stack.open_jobs, number)
    left = asyncio.Semaphore(0)
    clients = [asyncio.create_task(until_notified(stack, job_id, way, left.release)) for job_id in jobs]
    for _ in clients:
        await left.acquire()
    await asyncio.sleep(_SETTLES_S)
    cost = await measured(stack, seconds)
    before, _ = stack.spent()
    ended: dict[str, float] = {}
    for batch in [jobs] if together else [[job_id] for job_id in jobs]:
        moment = await asyncio.to_thread(stack.end, batch)
        ended |= dict.fromkeys(batch, moment)
    notified = await asyncio.gather(*clients)
    cost.notifying_ms = (stack.spent()[0] - before) * 1000 / number
    cost.notified_ms = [(moment - ended[job_id]) * 1000 for job_id, moment in zip(jobs, notified, strict=True)]
    return cost


async def run(stack: Stack, number: int, seconds: float) -> None:
    print(f"{number:,} clients, {seconds:g} s, {platform.machine()}, {os.cpu_count()} cores\n")
    print(
        "| waiting by | processor time | memory | notified, p50 | p95 | all at once, p50 | p95 | processor time each |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    idle = await measured(stack, seconds)
    print(f"| nobody | {idle.cpu_s:.2f} s | {idle.rss_mb:.0f} MB | | | | | |", flush=True)
    for name, way in ((f"{number:,} by long poll", POLL), (f"{number:,} by event stream", STREAM)):
        single = await waited(stack, way, number, seconds, together=False)
        crowd = await waited(stack, way, number, 1.0, together=True)
        notified = " | ".join(f"{value:.0f} ms" for cost in (single, crowd) for value in _p50_p95(cost.notified_ms))
        waiting = f"{single.cpu_s:.2f} s | {single.rss_mb:.0f} MB"
        print(f"| {name} | {waiting} | {notified} | {crowd.notifying_ms:.1f} ms |", flush=True)


def _p50_p95(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


def _stack(folder: Path, recording: Path) -> Stack:
    start_detached(folder)
    credentials, started = read_credentials(folder), Run.read(folder)
    assert credentials is not None
    assert started is not None
    with Client(credentials.url, credentials.api_key) as client:
        track_id = client.upload(recording).id
    address = urlsplit(credentials.url)
    return Stack(
        (str(address.hostname), int(address.port or 80)),
        credentials.api_key,
        Database(stack_settings(folder).database_url.get_secret_value(), pool_size=1),
        psutil.Process(started.parts["gateway"].pid),
        track_id,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, recording = Path(scratch) / "stack", Path(scratch) / "clip.wav"
        recording.write_bytes(clip())
        try:
            asyncio.run(run(_stack(folder, recording), arguments.clients, arguments.seconds))
        finally:
            stop(folder, print)


if __name__ == "__main__":
    main()
