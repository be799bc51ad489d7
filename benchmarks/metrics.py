"""Measures what metrics cost a gateway: processor time of the same request, with metrics on and off, by turns.

Starts a local stack's servers and two gateways on them, which differ in ``PHONOSCOPE_METRICS_PORT`` alone. Prints a
table for docs/benchmarks.md, with the seconds of one call of the recorder and of a scrape.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import process_time

import httpx
import psutil
from common import machine, servers

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.service.keys import create_key
from phonoscope.metrics import recorder, start_metrics
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope_local.ports import choose_port
from tests.support import environment, until_ready

_CALLS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=100, help="in a round, to each gateway")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        settings = stack.enter_context(servers(folder))
        url = settings.database_url.get_secret_value()
        migrate(url)
        ObjectStore(settings).ensure_bucket()
        with Database(url, pool_size=1).transaction() as session:
            key = create_key(session, "benchmark")
        on = stack.enter_context(_gateway(settings, settings.metrics_port))
        off = stack.enter_context(_gateway(settings, 0))
        with_ms, without_ms = [], []
        for _ in range(arguments.rounds):
            with_ms.append(_milliseconds(*on, key, arguments.requests))
            without_ms.append(_milliseconds(*off, key, arguments.requests))
        scrape_ms = _scrape_ms(settings)
        _print(with_ms, without_ms, _recorded_us(folder), scrape_ms)


@contextmanager
def _gateway(settings: Settings, metrics_port: int) -> Iterator[tuple[str, psutil.Process]]:
    own = settings.model_copy(update={"metrics_port": metrics_port, "quota_requests_a_second": 0.0})
    port = choose_port(0)
    command = [sys.executable, "-m", "phonoscope_gateway", "--port", str(port)]
    environ = os.environ | environment(own)
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()


def _milliseconds(url: str, process: psutil.Process, key: str, requests: int) -> float:
    """The processor time of the gateway for one request, the mean of as many."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as http:
        http.get("/v1/tracks?limit=1").raise_for_status()
        before = process.cpu_times()
        for _ in range(requests):
            http.get("/v1/tracks?limit=1")
        after = process.cpu_times()
    return 1_000 * (after.user + after.system - before.user - before.system) / requests


def _recorded_us(folder: Path) -> float:
    start_metrics(choose_port(0), "127.0.0.1", folder / "own", "gateway")
    began = process_time()
    for _ in range(_CALLS):
        recorder().request_answered("GET", "/v1/tracks", 200, 0.003)
    return 1e6 * (process_time() - began) / _CALLS


def _scrape_ms(settings: Settings) -> float:
    with httpx.Client() as http:
        spent = [http.get(f"http://127.0.0.1:{settings.metrics_port}/metrics").elapsed for _ in range(20)]
    return 1_000 * statistics.median(each.total_seconds() for each in spent)


def _print(with_ms: list[float], without_ms: list[float], recorded_us: float, scrape_ms: float) -> None:
    on, off = statistics.mean(with_ms), statistics.mean(without_ms)
    print(f"\n`GET /v1/tracks?limit=1`, {len(with_ms)} rounds by turns, {machine()}\n")
    print("| | |\n| --- | ---: |")
    print(f"| processor time of a request, metrics off | {off:.2f} ms |")
    print(f"| the same, metrics on | {on:.2f} ms |")
    print(f"| one call of the recorder | {recorded_us:.1f} µs |")
    print(f"| that call's share of the request | {recorded_us / 10 / off:.2f} % |")
    print(f"| a scrape | {scrape_ms:.0f} ms |")


if __name__ == "__main__":
    main()
