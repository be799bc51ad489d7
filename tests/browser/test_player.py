"""The player: speed, pitch, volume, loops by bars, and their keys, measured in what is heard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.sound import expect_heard, listen, route_players, tones_wav
from tests.browser.visit import BOTH, NARROW, WIDE, WIDE_FIRST, Visit, record_players
from tests.corpus import music

_LEAD = """() => {
    const axis = document.querySelector(".timeline__plots").clientWidth;
    const x = new DOMMatrix(getComputedStyle(document.querySelector(".timeline .playhead")).transform).e;
    return Math.abs((x / axis) * SECONDS - window.players.find((one) => !one.paused).currentTime);
}"""


def _opened(visit: Callable[..., Visit], folder: Path, size: ViewportSize, seconds: float, *hertz: float) -> Visit:
    here = visit(size)
    record_players(here.page)
    listen(here.page)
    path = folder / "tones.wav"
    path.write_bytes(tones_wav(seconds, *hertz))
    track = here.client.upload(path)
    here.client.wait(here.client.create_job(track.id, ["describe"]))
    here.go(f"/tracks/{track.id}")
    expect(here.page.get_by_role("slider", name="zoom")).to_be_visible()
    if size == NARROW:
        _unfold(here.page)
    return here


def _unfold(page: Page) -> None:
    """Shows the controls that narrow screens fold away."""
    page.get_by_role("button", name="Volume, speed and length of the loop").click()


def _set(page: Page, name: str, value: float) -> None:
    page.get_by_role("slider", name=name, exact=True).fill(str(value))


@pytest.mark.main
@WIDE_FIRST
def test_speed_with_and_without_the_pitch(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """At half the speed a tone keeps its pitch, or is an octave lower; the playhead is where the sound is."""
    here = _opened(visit, tmp_path, size, 120, 880)
    page = here.page
    page.get_by_role("button", name="Play", exact=True).click()
    route_players(page)
    expect_heard(page, "Math.abs(pitch() - 880) < 9")
    _set(page, "speed", 0.5)
    page.wait_for_function("() => players.some((one) => !one.paused && one.playbackRate === 0.5)")
    expect_heard(page, "Math.abs(pitch() - 880) < 18")
    page.get_by_label("keep the pitch").uncheck()
    expect_heard(page, "Math.abs(pitch() - 440) < 9")
    _set(page, "speed", 1.5)
    expect_heard(page, "Math.abs(pitch() - 1320) < 18")
    expect(page.get_by_text("1.50 ×", exact=True)).to_be_visible()
    lead = _LEAD.replace("SECONDS", "120")
    page.wait_for_function(f"() => ({lead})() < 0.06")
    slider = page.get_by_role("slider", name="speed", exact=True)
    slider.dblclick()
    expect(slider).to_have_value("1")
    expect_heard(page, "Math.abs(pitch() - 880) < 9")
    here.expect_fine()


@WIDE_FIRST
def test_volume_and_mute_are_remembered(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """The volume holds for the next page too; a change of it unmutes."""
    here = _opened(visit, tmp_path, size, 60, 880)
    page = here.page
    page.get_by_role("button", name="Play", exact=True).click()
    _set(page, "volume", 0.25)
    page.wait_for_function("() => players.some((one) => !one.paused && one.volume === 0.25)")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Unmute")).to_be_visible()
    page.wait_for_function("() => players.every((one) => one.muted)")
    page.reload()
    if size == NARROW:
        _unfold(page)
    expect(page.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => players.length > 0 && players.every((one) => one.muted && one.volume === 0.25)")
    page.keyboard.press("Shift+ArrowUp")
    page.wait_for_function("() => players.every((one) => !one.muted && one.volume === 0.35)")


@WIDE_FIRST
def test_loops_go_by_bars(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """The bar at the playhead, longer and shorter by bars; Escape drops the loop, and so does a click outside."""
    here = visit(size)
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    bars = page.locator(".beat--down")
    expect(bars.first).to_be_visible()
    if size == NARROW:
        _unfold(page)
    starts = np.array(bars.evaluate_all("bars => bars.map((one) => parseFloat(one.style.left))"))
    plots = page.locator(".timeline__plots")
    plots.click(position={"x": float(starts[2] + starts[3]) / 2, "y": 40})
    page.keyboard.press("l")
    assert _loop(page) == pytest.approx((starts[2], starts[3]), abs=1.5)
    length = page.get_by_role("group", name="Length of the loop")
    expect(length).to_contain_text("1 bar")
    page.keyboard.press("}")
    length.get_by_role("button", name="Lengthen the loop by a bar").click()
    expect(length).to_contain_text("3 bars")
    assert _loop(page) == pytest.approx((starts[2], starts[5]), abs=1.5)
    page.keyboard.press("{")
    expect(length).to_contain_text("2 bars")
    plots.click(position={"x": float(starts[3]), "y": 40})
    expect(page.locator(".timeline .loop")).to_have_count(1)
    plots.click(position={"x": float(starts[7]), "y": 40})
    expect(page.locator(".timeline .loop")).to_have_count(0)
    page.keyboard.press("l")
    expect(page.locator(".timeline .loop")).to_have_count(1)
    here.expect_fine()
    page.keyboard.press("Escape")
    expect(page.locator(".timeline .loop")).to_have_count(0)
    assert _loop_is_gone(page)


def test_keys_of_the_player(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Speed, volume and loop have keys, which the key sheet lists; without bars a loop goes by seconds."""
    here = _opened(visit, tmp_path, WIDE, 10, 880)
    page = here.page
    page.keyboard.press(">")
    page.keyboard.press(">")
    expect(page.get_by_text("1.10 ×", exact=True)).to_be_visible()
    page.keyboard.press("<")
    expect(page.get_by_text("1.05 ×", exact=True)).to_be_visible()
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_role("slider", name="volume", exact=True)).to_have_value("0.9")
    page.keyboard.press("l")
    page.keyboard.press("}")
    expect(page.get_by_role("group", name="Length of the loop")).to_contain_text("2.0 s")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    here.expect_fine(*BOTH)
    for words in ("play slower or faster", "louder or quieter", "lengthen the loop by a bar", "that one alone"):
        expect(sheet).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(page.locator(".timeline .loop")).to_have_count(1)


def _loop(page: Page) -> tuple[float, float]:
    """The loop's left and right edge on the picture, in pixels."""
    shade = page.locator(".timeline .loop")
    left, width = json.loads(shade.evaluate("one => JSON.stringify([one.style.left, one.style.width].map(parseFloat))"))
    return left, left + width


def _loop_is_gone(page: Page) -> bool:
    return page.get_by_role("button", name="Loop the visible range").get_attribute("aria-pressed") == "false"
