"""What a newcomer sees first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from phonoscope_local.control import running
from tests.support import phonoscope


@pytest.mark.main
@pytest.mark.timeout(1000)
def test_the_demo_shows_everything_and_leaves_nothing_running(tmp_path: Path, cache_dir: Path) -> None:
    """Labels, timeline, neighbours, times; then no process; and a second run on what the first left."""
    own = {"PHONOSCOPE_CACHE_DIR": str(cache_dir)}
    for _ in range(2):
        done = phonoscope("demo", "--data-dir", tmp_path / "demo", timeout_s=450, settings=own)
        assert done.returncode == 0, done.stdout + done.stderr
        for words in ("first neighbour", "what it hears", "over time", "why ", "sounds like", "from request to result"):
            assert words in done.stdout
        assert re.search(r"^genre-10 \(\d\d% right, out of fold\) labels: blues, ", done.stdout, re.MULTILINE)
        assert re.search(r"^song.flac +music +disco +\d+%", done.stdout, re.MULTILINE)
        assert re.search(r"^rooster.ogg +sound +rooster +\d+%", done.stdout, re.MULTILINE)
        found = done.stdout.partition('found by the words "dogs barking"')[2]
        assert re.match(r"\s+\d:\d\d\.\d – .* (dog_(small|large)|day)\.", found)
        assert re.match(r"\s+0:0.* clock_", done.stdout.partition("like day.opus from 24 s to 28 s")[2])
        taught = done.stdout.partition("A classifier of your own, taught from 10 recordings")[2]
        assert re.search(r"accuracy \d+\.\d% .*: 10 recordings", taught)
        assert re.search(r"^\d+ recordings: the labels of ", taught, re.MULTILINE)
        assert _mean_gain_db(done.stdout) > 5.0
        assert running(tmp_path / "demo") is None
    for name in ("explain-overlay.png", "explain-listen.flac", "explain-heatmap.npz"):
        assert len(list((tmp_path / "demo" / "evidence").glob(f"*/{name}"))) == 2


def _mean_gain_db(printed: str) -> float:
    """By how much the stems of the song are nearer to its parts than the song itself is."""
    table = printed.partition("stems by demucs-mini, against the known parts")[2]
    return float(table.partition("mean")[2].split()[0])
