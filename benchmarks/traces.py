"""Measures what a span costs: against no call at all, without a collector and with one.

Prints a table for docs/benchmarks.md, in processor time of the thread that works; another one sends. The work within
the span is the rendering of a job's JSON, a hundredth of what a request does.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from time import thread_time_ns

from common import machine

from phonoscope.traces import end_traces, root_span, start_traces
from tests.collector import collecting

_CALLS = 1_000
_JOB = {"id": "job_1", "tasks": [{"name": f"task_{number}", "timings": {"model_s": 0.1}} for number in range(40)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    rows = [("a job rendered, no collector", _bare, _spanned), ("nothing done, no collector", _nothing, _span)]
    print(f"\nMedians of {rounds} rounds of {_CALLS:,} by turns, a tenth as many with a collector, {machine()}\n")
    print("| | no call | a span | difference | ratio |\n| --- | ---: | ---: | ---: | ---: |")
    for name, without, with_span in rows:
        _measure(name, without, with_span, rounds)
    with collecting() as collector:
        start_traces(collector.url, "benchmark")
        for name, without, with_span in rows:
            _measure(name.replace("no collector", "with a collector"), without, with_span, max(1, rounds // 10))
        end_traces()


def _measure(name: str, without: Callable[[], object], with_span: Callable[[], object], rounds: int) -> None:
    pairs = [(_us(without), _us(with_span)) for _ in range(rounds)]
    bare, spanned = (statistics.median(column) for column in zip(*pairs, strict=True))
    difference = statistics.median(with_us - without_us for without_us, with_us in pairs)
    ratio = statistics.median(with_us / without_us for without_us, with_us in pairs)
    print(f"| {name} | {bare:.2f} µs | {spanned:.2f} µs | {difference:.2f} µs | {ratio:.3f} |")


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
