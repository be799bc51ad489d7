"""``python -m tests.chaos``: a long run of chaos, with a table of what happened and how everything ended."""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from tests.chaos.chaos import Report, chaotic_stack, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--owners", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--away", type=float, default=20.0, help="seconds for which the object store stays away")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        chaotic_stack(Path(scratch) / "stack", Path(scratch) / "cache") as stack,
    ):
        _print(run(stack, arguments.seed, arguments.jobs, arguments.owners, arguments.away, pause_s=4.0))


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
