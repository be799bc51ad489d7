"""A track's page shows tempo, metre and key, and draws beats on its axis."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.visit import Visit
from tests.corpus import music


def test_beats_are_drawn_and_the_metre_is_named(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """A waltz has a mark for each beat, longer where a bar starts; the tempo, other tempos and the metre in words."""
    here = visit()
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    here.go(f"/tracks/{job.recording}")
    sounds = here.page.get_by_label("How it sounds")
    expect(sounds).to_contain_text("190 bpm")
    expect(sounds).to_contain_text("3/4")
    expect(here.page.get_by_role("img", name=re.compile(r"^3\d beats, 1\d of them start a bar$"))).to_be_visible()
    beats, bars = here.page.locator(".beat").count(), here.page.locator(".beat--down").count()
    assert 30 < beats < 40
    assert abs(3 * bars - beats) <= 3
