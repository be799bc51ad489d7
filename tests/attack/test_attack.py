"""A short attack; ``make attack`` is the long one."""

from __future__ import annotations

import pytest

from tests.attack.addresses import forbidden_urls
from tests.attack.attack import ATTACKED, MOST_BYTES, Attack, Sizes
from tests.attack.files import hostile_files
from tests.attack.misbehaviours import misbehaviours
from tests.attack.requests import Requests
from tests.support import RunningStack, second_gateway

SEED = 20
# An attack that gets through holds everything up for as long as it lasts, up to minutes. Beside other tests on two
# cores the gateway itself may wait for a core for seconds; ``make attack`` measures it alone.
LONGEST_STALL_S = 10.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SIZES = Sizes(
    requests=200,
    files=15,
    addresses=60,
    sockets=100,
    routes=2,
    endless_bytes=400_000_000,
    slow=600,
    idle=1000,
    costly=12,
    silent_h=0.25,
    parallel=50,
    streams=0,
    lingers_s=1.0,
)


def test_nobody_stops_it(stack: RunningStack, limited: RunningStack) -> None:
    """No 500, no reset of a right request, no forbidden address let in, no job lost; health and memory stay bounded."""
    with second_gateway(stack, ATTACKED) as (gateway, process):
        report = Attack(gateway, process, limited, SEED).run(SIZES)
    assert report.faults == [], str(report)
    assert report.lost_jobs == []
    assert report.sent["requests"] == SIZES.requests
    assert report.worst_stall_s < LONGEST_STALL_S, report.stalled_during
    assert report.seen.peak_bytes < MOST_BYTES


def test_the_attack_is_as_large_as_it_says() -> None:
    """400 files, 160 addresses and 60 misbehaviours, each of its own kind."""
    assert len(dict(hostile_files(400, SEED))) == 400
    assert len(set(forbidden_urls(160))) == 160
    assert len({how.name for how in misbehaviours()}) >= 60


def test_the_same_seed_attacks_the_same_way() -> None:
    """What was found can be found again."""
    one, other = ([str(request) for request in Requests(SEED, {}).some(300)] for _ in range(2))
    assert one == other
    assert [data for _, data in hostile_files(40, SEED)] == [data for _, data in hostile_files(40, SEED)]
