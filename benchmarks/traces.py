"""Measures what a span costs: against no call at all, without a collector and with one.

Prints two tables for docs/benchmarks.md. The first is in processor time of the thread that works; another one sends.
The work within the span is the rendering of a job's JSON, a hundredth of what a request does; its last rows have what a
statement costs more where libraries record, within a span and outside of one. The second table has what spans
cost of a whole job where there is no collector: how many a gateway and a worker send of it to one, times the price of
one that is off, beside the processor time that they take for it without.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep, thread_time_ns

import psutil
import sqlalchemy
from common import machine, servers
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.service.keys import create_key
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.traces import LIBRARIES, end_traces, root_span, start_traces
from phonoscope_local.ports import choose_port
from tests.collector import collecting
from tests.support import environment, tone_wav, until_ready

_PROGRAMS = ("gateway", "cpu")
_SETTLED_S = 2.0
_CALLS = 1_000
_JOB = {"id": "job_1", "tasks": [{"name": f"task_{number}", "timings": {"model_s": 0.1}} for number in range(40)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=50, help="of which the second table tells")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    rows = [("a job rendered, no collector", _bare, _spanned), ("nothing done, no collector", _nothing, _span)]
    print(f"\nMedians of {rounds} rounds of {_CALLS:,} by turns, a tenth as many with a collector, {machine()}\n")
    print("| | no call | a span | difference | ratio |\n| --- | ---: | ---: | ---: | ---: |")
    *_, off_us = (_measure(name, without, with_span, rounds) for name, without, with_span in rows)
    with collecting() as collector:
        start_traces(collector.url, "benchmark")
        for name, without, with_span in rows:
            _measure(name.replace("no collector", "with a collector"), without, with_span, max(1, rounds // 10))
        end_traces()
        _measure_statements(collector.url, max(1, rounds // 10))
    _print_job(off_us, *_of_a_job(arguments.jobs), arguments.jobs)


def _measure(name: str, without: Callable[[], object], with_span: Callable[[], object], rounds: int) -> float:
    """Prints a row; returns what the span cost, in microseconds."""
    pairs = [(_us(without), _us(with_span)) for _ in range(rounds)]
    bare, spanned = (statistics.median(column) for column in zip(*pairs, strict=True))
    difference = statistics.median(with_us - without_us for without_us, with_us in pairs)
    ratio = statistics.median(with_us / without_us for without_us, with_us in pairs)
    print(f"| {name} | {bare:.2f} µs | {spanned:.2f} µs | {difference:.2f} µs | {ratio:.3f} |")
    return difference


def _measure_statements(url: str, rounds: int) -> None:
    """Prints what a statement costs on an engine that is as it was, and on one whose statements are recorded."""
    statement = text("SELECT 1")
    with sqlalchemy.create_engine("sqlite://").connect() as bare:
        start_traces(url, "benchmark", LIBRARIES)
        with sqlalchemy.create_engine("sqlite://").connect() as traced:
            calls = lambda: bare.execute(statement), lambda: traced.execute(statement)
            _measure("a statement outside of a span, libraries recorded", *calls, rounds)
            with root_span("GET", "server", None):
                _measure("a statement within a span, libraries recorded", *calls, rounds)
        end_traces()


def _of_a_job(jobs: int) -> tuple[list[float], list[float]]:
    """Spans of a job with a collector, and milliseconds of processor time without one, of each program."""
    with tempfile.TemporaryDirectory() as scratch, servers(Path(scratch)) as settings, collecting() as collector:
        migrate(settings.database_url.get_secret_value())
        ObjectStore(settings).ensure_bucket()
        with _running(settings.model_copy(update={"otlp_endpoint": collector.url})) as (client, _):
            _describe(client, Path(scratch), range(jobs))
        # At their end programs send what they have.
        spans = [len(collector.of(f"phonoscope-{name}")) for name in _PROGRAMS]
        polls = len(collector.of("phonoscope-gateway", "GET /v1/jobs/"))
        spans[0] -= polls
        with _running(settings) as (client, processes):
            _describe(client, Path(scratch), range(jobs, jobs + 1))
            before = [_processor_s(process) for process in processes]
            _describe(client, Path(scratch), range(jobs + 1, 2 * jobs + 1))
            sleep(_SETTLED_S)
            spent = [_processor_s(process) - was for process, was in zip(processes, before, strict=True)]
    return [count / jobs for count in spans], [1e3 * seconds / jobs for seconds in spent]


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[Client, list[psutil.Process]]]:
    """A client of a gateway, and the gateway's process and a worker's."""
    port = choose_port(0)
    words = {"gateway": ("--port", str(port)), "cpu": ("--lane", "short")}
    own = settings.model_copy(update={"metrics_port": 0, "quota_requests_a_second": 0.0})
    environ = os.environ | environment(own)
    with ExitStack() as stack:
        processes = []
        for name in _PROGRAMS:
            command = [sys.executable, "-m", f"phonoscope_{name}", *words[name]]
            process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes.append(psutil.Process(process.pid))
        until_ready(f"http://127.0.0.1:{port}", 300.0)
        with Database(settings.database_url.get_secret_value(), pool_size=1).transaction() as session:
            key = create_key(session, "benchmark")
        with Client(f"http://127.0.0.1:{port}", key) as client:
            yield client, processes


def _describe(client: Client, folder: Path, seeds: range) -> None:
    """A job with its recording in one request, for each of these, to its end."""
    path = folder / "tone.wav"
    for seed in seeds:
        path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=seed))
        client.wait(client.analyze(path, ["describe"]))


def _processor_s(process: psutil.Process) -> float:
    """Of a process and all that it started."""
    return sum(sum(each.cpu_times()[:4]) for each in (process, *process.children(recursive=True)))


def _print_job(off_us: float, spans: list[float], spent_ms: list[float], jobs: int) -> None:
    print(f"\nA job that describes a second of sound, the mean of {jobs}\n")
    print("| | gateway | worker |\n| --- | ---: | ---: |")
    print(f"| spans that a collector gets of it | {' | '.join(f'{count:.1f}' for count in spans)} |")
    print(f"| processor time for it, no collector | {' | '.join(f'{ms:.1f} ms' for ms in spent_ms)} |")
    shares = (count * off_us / ms / 10 for count, ms in zip(spans, spent_ms, strict=True))
    print(f"| of that its spans, at {off_us:.2f} µs each | {' | '.join(f'{share:.3f} %' for share in shares)} |")


def _us(call: Callable[[], object]) -> float:
    began = thread_time_ns()
    for _ in range(_CALLS):
        call()
    return (thread_time_ns() - began) / _CALLS / 1e3


def _nothing() -> None:
    pass


def _span() -> None:
    with root_span("GET", "server", None):
        pass


def _bare() -> None:
    json.dumps(_JOB)


def _spanned() -> None:
    with root_span("GET", "server", None):
        json.dumps(_JOB)


if __name__ == "__main__":
    main()
