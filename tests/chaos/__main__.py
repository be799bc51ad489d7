"""``python -m tests.chaos``: a long run of chaos, with a table of what happened and how everything ended."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.chaos.chaos import Report, chaotic_stack, run
from tests.chaos.deaths import Deaths, Recovery

_READY_WITHIN_S = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--owners", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--deaths", type=int, default=100, help="how often a GPU worker's child is killed or stopped")
    parser.add_argument("--away", type=float, default=20.0, help="seconds for which the object store stays away")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        chaotic_stack(Path(scratch) / "stack", Path(scratch) / "cache") as stack,
    ):
        slowest_s = _print_deaths(Deaths(stack, arguments.seed).run(arguments.deaths))
        _print(run(stack, arguments.seed, arguments.jobs, arguments.owners, arguments.away, pause_s=4.0))
    if slowest_s > _READY_WITHIN_S:
        sys.exit(f"a worker was back only after {slowest_s:.1f} s")


def _print_deaths(recoveries: Sequence[Recovery]) -> float:
    """The longest time, in seconds."""
    print("\n| a GPU worker's child | times | median until a job ended | longest |\n| --- | ---: | ---: | ---: |")
    for how in sorted({recovery.how for recovery in recoveries}):
        times = [recovery.seconds for recovery in recoveries if recovery.how == how]
        print(f"| {how} | {len(times)} | {median(times):.1f} s | {max(times):.1f} s |")
    return max((recovery.seconds for recovery in recoveries), default=0.0)


def _print(report: Report) -> None:
    print(f"\n{report.jobs} jobs accepted in {report.load_s:.0f} s, all ended {report.settle_s:.0f} s later\n")
    sections: dict[str, Counter[str]] = {
        "accident": report.accidents,
        "jobs ended": report.ends,
        "calls refused, then repeated": report.refusals,
    }
    for title, counted in sections.items():
        print(f"| {title} | times |\n| --- | ---: |")
        for name, times in sorted(counted.items()):
            print(f"| {name} | {times} |")
        print()


if __name__ == "__main__":
    main()
