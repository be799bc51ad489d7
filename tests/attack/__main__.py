"""``python -m tests.attack``: the whole attack on a stack of its own, with a table of what it met."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.attack.attack import Attack, Report
from tests.support import new_stack, second_gateway


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--addresses", type=int, default=500, help="at most so many")
    parser.add_argument("--sockets", type=int, default=100, help="at most so many misbehaviours")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    sizes = {name: getattr(arguments, name) for name in ("files", "addresses", "sockets", "requests")}
    with (
        tempfile.TemporaryDirectory() as scratch,
        new_stack(Path(scratch) / "stack", Path(scratch) / "cache") as stack,
        second_gateway(stack, {"webhook_allow": "", "webhook_http": True}) as (gateway, process),
    ):
        report = Attack(gateway, process, arguments.seed).run(**sizes)
    _print(report)
    return bool(report.faults or report.lost_jobs)


def _print(report: Report) -> None:
    rows: dict[str, object] = {
        **{f"{kind} sent": count for kind, count in report.sent.items()},
        **{f"answers {status}": count for status, count in sorted(report.statuses.items())},
        "jobs accepted": len(report.jobs),
        "jobs lost": len(report.lost_jobs),
        "faults": len(report.faults),
        "worst stall of /health/live": f"{report.worst_stall_s * 1000:.0f} ms, during {report.stalled_during}",
        "peak memory of the gateway": f"{report.peak_bytes / 1e6:.0f} MB",
        "time": f"{report.seconds:.0f} s",
    }
    print("\n| attack | found |\n| --- | ---: |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    for fault in report.faults[:50]:
        print(f"- {fault}")


if __name__ == "__main__":
    sys.exit(main())
