"""A short run of chaos; ``make chaos`` is the long one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.chaos import chaotic_stack, run
from tests.chaos.deaths import Deaths
from tests.support import RunningStack

SEED = 20
MOST_S = 25.0
"""A child that is stopped, and is only noticed because it does not beat, takes longer; one that is not seen, 180 s."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def chaotic(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[RunningStack]:
    """A stack of this file's own."""
    with chaotic_stack(tmp_path_factory.mktemp("chaos") / "stack", cache_dir) as stack:
        yield stack


def test_a_worker_is_back_soon_whenever_its_child_dies(chaotic: RunningStack) -> None:
    """Killed or stopped, idle, at work or in its set-up: a job asked for just after it ends soon."""
    recoveries = Deaths(chaotic, SEED).run(10)
    fastest: dict[str, float] = {}
    for recovery in recoveries:
        kind = recovery.how.split()[0]
        fastest[kind] = min(recovery.seconds, fastest.get(kind, math.inf))
    assert max(fastest.values()) < MOST_S, recoveries
    assert max(recovery.seconds for recovery in recoveries) < 90.0, recoveries
    assert len({recovery.how for recovery in recoveries}) > 3, "the seed gives too few kinds"


def test_every_accepted_job_ends_once(chaotic: RunningStack) -> None:
    """Each kind of accident happens, and no job is lost, ended twice or left without its result or with an orphan."""
    report = run(chaotic, SEED, jobs=40, owners=4, away_s=5.0, pause_s=2.0)
    assert report.ends["succeeded"] > report.jobs / 2, report
