"""A short run of chaos; ``make chaos`` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.chaos import chaotic_stack, run

SEED = 20


def test_every_accepted_job_ends_once(tmp_path: Path, cache_dir: Path) -> None:
    """Each kind of accident happens, and no job is lost, ended twice or left without its result or with an orphan."""
    with chaotic_stack(tmp_path / "stack", cache_dir) as stack:
        report = run(stack, SEED, jobs=40, owners=4, away_s=5.0, pause_s=2.0)
    assert report.ends["succeeded"] > report.jobs / 2, report
