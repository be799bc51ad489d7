"""A track's page shows tempo, metre and key, and draws beats on its axis."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from phonoscope.tasks import Describe
from tests.browser.axis import axis
from tests.browser.visit import BOTH, WIDE_FIRST, Visit
from tests.corpus import music

_LEFTS = """beats => {
    const { left } = document.querySelector(".timeline__plots").getBoundingClientRect();
    return beats.map((beat) => beat.getBoundingClientRect().left - left);
}"""


@WIDE_FIRST
def test_beats_are_drawn_where_they_are_and_the_metre_is_named(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """A waltz has a mark on the axis for each beat, longer where a bar starts; tempo and metre are in words."""
    here = visit(size)
    page = here.page
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    described = job.result(Describe)
    assert described.beats_s is not None
    assert described.downbeats_s is not None
    here.go(f"/tracks/{job.recording}")
    sounds = page.get_by_label("How it sounds")
    expect(sounds).to_contain_text("190 bpm")
    expect(sounds).to_contain_text("3/4")
    expect(page.get_by_role("img", name=re.compile(r"^3\d beats, 1\d of them start a bar$"))).to_be_visible()
    beats, bars = page.locator(".beat").count(), page.locator(".beat--down").count()
    assert 30 < beats < 40
    assert abs(3 * bars - beats) <= 3
    here.expect_fine()
    _expect_marks(page, described.beats_s, described.downbeats_s)
    page.keyboard.press("ArrowRight")
    whole_px = axis(page)[1]
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_function(f"() => document.querySelectorAll('.beat').length < {beats}")
    assert axis(page)[1] > 5 * whole_px
    _expect_marks(page, described.beats_s, described.downbeats_s)


def test_tempo_and_key_say_what_else_they_may_be(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """With how likely that is: a tempo twice as fast, and the next likely key."""
    here = visit()
    chords = next(case for case in music.CASES if case.name == "C, Am, F, G")
    job = here.client.wait(here.client.analyze(chords.make(tmp_path), ["describe"]))
    described = job.result(Describe)
    assert described.key == "C major"
    assert described.key_runner_up is not None
    here.go(f"/tracks/{job.recording}")
    rows = here.page.get_by_label("How it sounds").locator(".facts > div")
    key = re.compile(r"^key\s*C major\s*(sure|fairly sure|unsure), (< )?\d+ % ahead of the next$")
    expect(rows.filter(has_text=key)).to_have_count(1)
    faster = described.tempo_candidates[1].bpm
    for other in (f"{round(faster)} bpm, twice as fast", described.key_runner_up.name):
        expect(rows.filter(has_text=re.compile(rf"^or else\s*{other} \((< )?\d+ %\)$"))).to_have_count(1)
    here.expect_fine(*BOTH)


def _expect_marks(page: Page, beats_s: list[float], downbeats_s: list[float]) -> None:
    """Every beat in view has a mark where its time is, and every bar a longer one."""
    start_s, px_per_s = axis(page)
    box = page.locator(".timeline__plots").bounding_box()
    assert box
    for marks, times in ((".beat", beats_s), (".beat--down", downbeats_s)):
        wanted = [(at - start_s) * px_per_s for at in times]
        shown = page.locator(marks).evaluate_all(_LEFTS)
        assert shown == pytest.approx([x for x in wanted if -0.01 < x < box["width"] + 0.01], abs=1.0), marks
