"""Measures the memory of a process that serves all models: each classifies, explains, shows features and embeds a clip.

A model stays loaded when the next one is asked for. The process is a GPU worker's child without its connections. Prints
a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the worker has it, before torch is imported

from common import clip, machine, resident
from tasks import ALL, catalogue, handler, run

from phonoscope.catalogue import AUTO
from phonoscope.contract import JobOptions


def main() -> None:
    arguments = _arguments()
    handle = handler(arguments.threads)
    print(f"{machine()}\n\n| after | memory |\n| --- | ---: |")
    _row("the start, without a model")
    for name in (AUTO, *catalogue().current.manifests):
        run(handle, clip(), ALL, JobOptions.model_validate({"classify": {"model": name}}))
        _row(f"`{name}`")


def _row(after: str) -> None:
    print(f"| {after} | {resident(os.getpid()) / 2**20:,.0f} MiB |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
