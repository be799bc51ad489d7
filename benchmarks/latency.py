"""Measures the time from upload to result for a 5 s clip, and compares it with the same handler called in process.

Starts its own local stack (or takes ``--url`` and ``--api-key``), sends 50 requests one after another, and between them
runs the handler in this process, so that both have the same load on the machine. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

from common import CLIP_S, clip, machine
from tasks import handler, run

from phonoscope.catalogue import AUTO
from phonoscope.client import Client
from phonoscope.contract import Job, JobOptions
from phonoscope.states import Status, TaskName
from phonoscope_gpu.handler import GpuHandler
from phonoscope_local.control import start_detached, stop
from phonoscope_local.state import read_credentials

WARM_UP = 5


def main() -> None:
    arguments = _arguments()
    handle = handler(os.cpu_count() or 1)
    options = JobOptions.model_validate({"classify": {"model": arguments.model}})
    with tempfile.TemporaryDirectory() as scratch, _client(arguments, Path(scratch)) as client:
        served: list[Job] = []
        service_ms: list[float] = []
        bare_ms: list[float] = []
        for number in range(-WARM_UP, arguments.requests):
            path = Path(scratch) / "clip.wav"
            path.write_bytes(clip(arguments.source))
            bare = _milliseconds(partial(_bare, handle, path, options))
            whole = _milliseconds(partial(_serve, client, path, options, served))
            if number >= 0:
                bare_ms.append(bare)
                service_ms.append(whole)
    _print(service_ms, bare_ms, served[-arguments.requests :])


def _serve(client: Client, clip: Path, options: JobOptions, served: list[Job]) -> None:
    job = client.wait(client.analyze(clip, options=options))
    if job.status is not Status.SUCCEEDED:
        raise SystemExit(f"job {job.id} ended as {job.status}")
    served.append(job)


def _bare(handle: GpuHandler, clip: Path, options: JobOptions) -> None:
    with clip.open("rb") as file:
        run(handle, file, [TaskName.CLASSIFY], options, CLIP_S)


def _milliseconds(call: Callable[[], object]) -> float:
    before = perf_counter()
    call()
    return (perf_counter() - before) * 1000


def _print(service_ms: list[float], bare_ms: list[float], jobs: list[Job]) -> None:
    model_ms = [task.timings["model_s"] * 1000 for job in jobs for task in job.tasks[:1]]
    own_ms = [whole - bare for whole, bare in zip(service_ms, bare_ms, strict=True)]
    beside_ms = [whole - inside for whole, inside in zip(service_ms, model_ms, strict=True)]
    print(f"{len(jobs)} requests one after another, {CLIP_S:g} s clip, {machine()}\n")
    print("| | p50 | p95 |\n| --- | ---: | ---: |")
    for name, values in (
        ("upload → result through the service", service_ms),
        ("the same decoding and models, in process", bare_ms),
        ("the decoding and models inside the worker", model_ms),
        ("service's overhead (first row minus the second, pair by pair)", own_ms),
        ("everything but the worker's model pass", beside_ms),
    ):
        print(f"| {name} | {statistics.median(values):.0f} ms | {_p95(values):.0f} ms |")
    print(
        f"\nratio of medians, service to in process: {statistics.median(service_ms) / statistics.median(bare_ms):.2f}"
    )


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@contextmanager
def _client(arguments: argparse.Namespace, scratch: Path) -> Iterator[Client]:
    if arguments.url:
        with Client(arguments.url, arguments.api_key) as client:
            yield client
        return
    folder = scratch / "stack"
    try:
        start_detached(folder)
        credentials = read_credentials(folder)
        assert credentials is not None
        with Client(credentials.url, credentials.api_key) as client:
            yield client
    finally:
        stop(folder, print)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--model", default=AUTO)
    parser.add_argument("--source", choices=["noise", "song"], default="noise")
    parser.add_argument("--url", help="a running gateway, instead of a new stack")
    parser.add_argument("--api-key", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
