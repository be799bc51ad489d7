"""Measures the age at arrival of 10,000 events that become due at once, for 100 endpoints of which 10 are dead.

Starts PostgreSQL, ``--couriers`` (one a core) and a receiver in processes of their own. Half of the dead endpoints
accept the connection and do not answer, half refuse it. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import psutil
import uvloop
from common import servers
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope.webhooks.vault import Vault, new_secret
from phonoscope_local.ports import LOOPBACK
from phonoscope_local.state import Run

ENDPOINTS = 100
DEAD = 10
LIMIT_S = 60.0
_ID = re.compile(rb"webhook-id: (\S+)")
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_ENDPOINT = text("INSERT INTO webhooks (id, owner_id, url, events) VALUES (:id, :id, :url, '[\"job.succeeded\"]')")
_SECRET = text("INSERT INTO webhook_secrets (owner_id, webhook_id, sealed) VALUES (:id, :id, :sealed)")
_EVENTS = text(
    """
    INSERT INTO events (id, owner_id, job_id, type, data)
    SELECT 'evt_' || number, 'own_' || number % :endpoints, 'job_' || number, 'job.succeeded',
           jsonb_build_object('job_id', 'job_' || number, 'track_id', 'trk_' || number, 'status', 'succeeded')
    FROM generate_series(1, :events) AS number
    """
)


class Receiver(asyncio.Protocol):
    """Answers 200 and notes the arrival of each event."""

    def __init__(self, arrived: list[tuple[bytes, float]]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        found = _ID.search(data)
        if found:
            self._arrived.append((found[1], time.time()))
            self._transport.write(_OK)
            self._transport.close()


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        settings = stack.enter_context(servers(Path(scratch) / "stack"))
        database = Database(settings.database_url.get_secret_value(), pool_size=1)
        receiver, port = stack.enter_context(_receiver())
        silent, refusing = stack.enter_context(_silent()), _closed_port()
        _add_endpoints(database, settings, port, silent, refusing)
        for _ in range(arguments.couriers):
            stack.enter_context(_courier(settings, Path(scratch)))
        time.sleep(3.0)
        spent = partial(_cpu_s, Path(scratch) / "stack")
        before = spent()
        with database.transaction() as session:
            session.execute(_EVENTS, {"events": arguments.events, "endpoints": ENDPOINTS})
            session.execute(text("NOTIFY phonoscope_event"))
        due_at = time.time()
        arrived = _await(receiver, arguments.events * (ENDPOINTS - DEAD) // ENDPOINTS)
        cpu_s = {name: seconds - before[name] for name, seconds in spent().items()}
    _print(arguments, [moment - due_at for _, moment in arrived], len({id_ for id_, _ in arrived}), cpu_s)


def _await(receiver: Connection, expected: int) -> list[tuple[bytes, float]]:
    deadline = time.monotonic() + LIMIT_S
    arrived: list[tuple[bytes, float]] = []
    while len(arrived) < expected and time.monotonic() < deadline:
        time.sleep(0.5)
        receiver.send(None)
        arrived += receiver.recv()
    return arrived


def _print(arguments: argparse.Namespace, ages_s: list[float], different: int, cpu_s: dict[str, float]) -> None:
    print(f"{arguments.events:,} events, {ENDPOINTS} endpoints, {DEAD} of them dead, {os.cpu_count()} cores")
    print(f"{arguments.couriers} courier(s), load average {os.getloadavg()[0]:.1f}\n")
    print("| | |\n| --- | ---: |")
    twentieths = statistics.quantiles(ages_s, n=20)
    print(f"| arrived at live endpoints | {len(ages_s):,} ({len(ages_s) - different} twice) |")
    print(f"| age at arrival, p50 | {twentieths[9]:.2f} s |")
    print(f"| age at arrival, p95 | {twentieths[18]:.2f} s |")
    print(f"| the last | {max(ages_s):.2f} s |")
    print(f"| deliveries a second | {len(ages_s) / max(ages_s):,.0f} |")
    for name, seconds in cpu_s.items():
        print(f"| processor time: {name} | {seconds:.1f} s |")


def _cpu_s(folder: Path) -> dict[str, float]:
    """The processor time of each kind of process so far, in seconds."""
    run = Run.read(folder)
    assert run is not None
    server = psutil.Process(run.parts["postgres"].pid)
    family = {"PostgreSQL": [server, *server.children(recursive=True)], "couriers": [], "receiver": []}
    for process in psutil.Process().children():
        command = " ".join(process.cmdline())
        if "phonoscope_courier" in command:
            family["couriers"].append(process)
        elif "spawn_main" in command:
            family["receiver"].append(process)
    return {name: sum(sum(each.cpu_times()[:2]) for each in processes) for name, processes in family.items()}


def _add_endpoints(database: Database, settings: Settings, port: int, silent: int, refusing: int) -> None:
    vault = Vault(settings.signing_secret.get_secret_value())
    with database.transaction() as session:
        for number in range(ENDPOINTS):
            id_ = f"own_{number}"
            to = port if number >= DEAD else silent if number % 2 else refusing
            session.execute(text("INSERT INTO owners (id, name) VALUES (:id, :id)"), {"id": id_})
            session.execute(_ENDPOINT, {"id": id_, "url": f"http://{LOOPBACK}:{to}/{number}"})
            session.execute(_SECRET, {"id": id_, "sealed": vault.seal(new_secret())})


@contextmanager
def _courier(settings: Settings, scratch: Path) -> Iterator[None]:
    values = settings.model_dump()
    secret = {name: value.get_secret_value() for name, value in values.items() if hasattr(value, "get_secret_value")}
    environment = {f"PHONOSCOPE_{name.upper()}": str(value) for name, value in (values | secret).items()}
    with (scratch / "courier.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "phonoscope_courier"], env=os.environ | environment, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def _receiver() -> Iterator[tuple[Connection, int]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    yield ours, ours.recv()
    process.kill()
    process.join()


def _receive(pipe: Connection) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    arrived: list[tuple[bytes, float]] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Receiver(arrived), LOOPBACK, 0, backlog=1024)

    def report() -> None:
        pipe.recv()
        pipe.send(arrived[:])
        arrived.clear()

    loop.add_reader(pipe.fileno(), report)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@contextmanager
def _silent() -> Iterator[int]:
    """Takes connections, by the kernel alone, and never says anything."""
    with socket.create_server((LOOPBACK, 0), backlog=1024) as server:
        yield server.getsockname()[1]


def _closed_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--couriers", type=int, default=os.cpu_count())
    return parser.parse_args()


if __name__ == "__main__":
    main()
