"""``python -m tests.attack``: the whole attack on a stack of its own, with a table of what it met."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from tests.attack.attack import ATTACKED, MOST_BYTES, Attack, Sizes
from tests.support import SMALL_QUOTAS, new_stack, second_gateway

_SIZES = Sizes(
    requests=3000,
    files=400,
    addresses=500,
    sockets=100,
    routes=100,
    endless_bytes=400_000_000,
    slow=600,
    idle=16_000,
    costly=48,
    silent_h=6.0,
    parallel=50,
    streams=20,
    lingers_s=10.0,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for field in fields(Sizes):
        size = getattr(_SIZES, field.name)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(size), default=size)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    sizes = Sizes(**{field.name: getattr(arguments, field.name) for field in fields(Sizes)})
    with (
        tempfile.TemporaryDirectory() as scratch,
        new_stack(Path(scratch) / "stack", Path(scratch) / "cache") as stack,
        second_gateway(stack, ATTACKED) as (gateway, process),
        second_gateway(stack, SMALL_QUOTAS) as (limited, _),
    ):
        report = Attack(gateway, process, limited, arguments.seed).run(sizes)
    print(f"\n{report}")
    return bool(report.faults or report.lost_jobs or report.seen.peak_bytes > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
