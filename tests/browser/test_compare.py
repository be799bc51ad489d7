"""Two recordings, or two models on one, on one axis."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from phonoscope.contract import LabelState
from phonoscope.tasks import Explain
from tests.browser.visit import BOTH, LONG_S, NARROW, WIDE_FIRST, Visit, record_players
from tests.support import tone_wav

_ENDS_MS = 60_000


@pytest.mark.main
@WIDE_FIRST
def test_two_recordings_share_an_axis(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """One playhead in both, zoomed together, and a switch of which is heard, also by a key."""
    here = visit(size)
    page = here.page
    record_players(page)
    ids = []
    for seed, name in enumerate(("long.wav", "short.wav")):
        (tmp_path / name).write_bytes(tone_wav(40.0 - 20 * seed, rate_hz=8_000, seed=seed))
        ids.append(here.client.wait(here.client.analyze(tmp_path / name, ["describe"])).recording)
    here.go(f"/tracks/{ids[0]}")
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("menuitem", name="Compare …").click()
    page.get_by_label("Another recording").fill("short")
    here.expect_fine()
    page.get_by_role("link", name="short.wav").click()
    expect(page).to_have_url(f"{here.url}/compare?a={ids[0]}&b={ids[1]}")
    sides = page.locator(".side")
    expect(sides).to_have_count(2)
    expect(page.locator(".plot[aria-busy=true]")).to_have_count(0)
    expect(sides.nth(1)).to_contain_text("0:20.0")
    expect(sides.nth(1)).to_contain_text("It was never listened to.")
    here.expect_fine()
    plot = sides.nth(1).locator(".plot--wave")
    box = plot.bounding_box()
    assert box
    plot.click(position={"x": box["width"] / 4, "y": 10})
    heads = page.locator(".playhead")
    expect(heads).to_have_count(2)
    places = [head.evaluate("(one) => one.style.transform") for head in heads.all()]
    assert places[0] == places[1] != "translateX(0px)"
    expect(page.get_by_role("timer")).to_contain_text("0:10.0")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => players.length >= 2 && players.filter((one) => !one.paused).length === 1")
    first = page.evaluate("players.findIndex((one) => !one.paused)")
    page.keyboard.press("x")
    expect(page.get_by_role("radio", name="B: short.wav")).to_be_checked()
    page.wait_for_function(
        "first => players.findIndex((one) => !one.paused) !== first && players.some((one) => !one.paused)", arg=first
    )
    page.get_by_role("button", name="Pause", exact=True).click()
    page.keyboard.press("m")
    told = "Volume and speed; muted" if size is NARROW else "Unmute"
    expect(page.get_by_role("button", name=told)).to_be_visible()
    page.keyboard.press("m")
    before = [ruler.inner_text() for ruler in page.locator(".ruler").all()]
    page.get_by_role("slider", name="zoom").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".ruler").first).not_to_have_text(before[0])
    after = [ruler.inner_text() for ruler in page.locator(".ruler").all()]
    assert after[0] == after[1]


def test_two_models_hear_one_recording(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """Each with its own labels and evidence; one that has not listened can be asked."""
    here = visit()
    page = here.page
    options = {"classify": {"model": "environment-50"}}
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "describe", "explain"], options))
    here.go(f"/tracks/{job.recording}")
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("menuitem", name="Compare …").click()
    page.get_by_role("link", name="environment-50 and genre-10").click()
    sides = page.locator(".side")
    expect(sides.first.locator(".side__figures")).to_contain_text("dog")
    expect(page.get_by_role("radio")).to_have_count(0)
    expect(sides.first.get_by_role("list", name="Colours of the labels")).to_contain_text(
        re.compile(r"each % is of one window of \d+(\.\d)? s")
    )
    sides.nth(1).get_by_role("button", name="Classify by genre-10").click()
    expect(sides.nth(1).locator(".side__labels")).to_contain_text(
        re.compile(r"\d %|^unknown to genre-10$"), timeout=_ENDS_MS
    )
    for side, model in ((sides.first, "environment-50"), (sides.nth(1), "genre-10")):
        expect(side.locator(".amber")).to_contain_text(f"Amber is where {model} found", timeout=_ENDS_MS)
        expect(side.get_by_role("img", name="Spectrogram")).to_have_accessible_name(re.compile("evidence"))
        expect(side.locator(".side__figures")).to_contain_text(re.compile("no beat was found|sure, "))
    expect(sides.first.locator(".side__figures")).to_contain_text("dog")
    expect(sides.nth(1).locator(".side__figures")).not_to_contain_text("dog")
    here.client.say_label(job.recording, "dog", LabelState.REJECTED)
    here.client.say_label(job.recording, "wolf")
    page.reload()
    for side in sides.all():
        expect(side.locator(".side__labels > li").first).to_have_text("wolf, confirmed by you")
    of_dog = sides.first.locator(".side__labels > li").filter(has_text="dog")
    expect(of_dog).to_contain_text(re.compile(r"^dog, rejected by you [> ]*\d+ %$"))
    expect(of_dog.locator("s")).to_have_text("dog")
    expect(sides.first.get_by_role("list", name="Labels over time")).not_to_contain_text("dog")
    here.expect_fine(*BOTH)


@WIDE_FIRST
def test_a_side_marks_the_part_that_its_evidence_is_of(
    visit: Callable[..., Visit], recordings: dict[str, Path], long: Path, size: ViewportSize
) -> None:
    """On the axis and in words, as the recording's own page; evidence of the whole is not marked, and none is said."""
    here = visit(size)
    page = here.page
    job = here.client.wait(here.client.analyze(long, ["classify", "explain", "describe"]))
    explained = job.result(Explain)
    assert explained.end_s - explained.start_s < LONG_S / 2
    whole = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    here.go(f"/compare?a={job.recording}&b={whole.recording}")
    own, other = page.locator(".side").first, page.locator(".side").nth(1)
    expect(own.locator(".amber")).to_be_visible()
    expect(other.locator(".amber")).to_be_visible()
    mark = own.get_by_role("img", name="The evidence is of")
    plots = own.locator(".timeline__plots").bounding_box()
    shown = mark.locator("span").bounding_box()
    assert plots
    assert shown
    assert (shown["x"] - plots["x"]) / plots["width"] == pytest.approx(explained.start_s / LONG_S, abs=0.01)
    assert shown["width"] / plots["width"] == pytest.approx((explained.end_s - explained.start_s) / LONG_S, abs=0.01)
    seconds = str(mark.get_attribute("aria-label")).removeprefix("The evidence is of ")
    expect(own.get_by_text("This evidence is of")).to_have_text(f"This evidence is of {seconds} alone.")
    expect(other.get_by_role("img", name="The evidence is of")).to_have_count(0)
    expect(other.get_by_text("This evidence is of")).to_have_count(0)
    here.expect_fine()
    unexplained = here.client.upload(recordings["rain_roof"]).id
    here.go(f"/compare?a={job.recording}&b={unexplained}")
    said = other.locator(".side__figures > div").filter(has_text="No evidence has been computed yet.")
    expect(said).to_have_count(1)
    here.expect_fine()
    said.get_by_role("link").click()
    expect(page).to_have_url(f"{here.url}/tracks/{unexplained}")
    expect(page.get_by_role("button", name="Show the evidence")).to_be_visible()


def test_nothing_to_compare_says_where_to_begin(visit: Callable[..., Visit]) -> None:
    """Also for an address that was cut."""
    here = visit()
    here.go("/compare?a=trk_1")
    expect(here.page.get_by_role("heading", name="Nothing to compare")).to_be_visible()
    here.expect_fine(*BOTH)
