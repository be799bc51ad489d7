"""Keys of a recording's page and of the library, and whom Space belongs to after a choice was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axis import axis
from tests.browser.visit import BOTH, PLOTS_LOADED, Visit, record_players
from tests.support import tone_wav

_LONG_S = 60.0
_STEP = (_LONG_S / 0.005) ** 0.1
"""How much closer a press of + comes."""


@pytest.fixture
def tone(visit: Callable[..., Visit], tmp_path: Path) -> Visit:
    """A minute of a tone in the library."""
    here = visit()
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(_LONG_S, rate_hz=8_000, seed=60))
    track = here.client.upload(path)
    here.client.wait(here.client.create_job(track.id, ["describe"]))
    return here


def _open(here: Visit) -> Page:
    [track] = here.client.tracks().items
    here.go(f"/tracks/{track.id}")
    expect(here.page.get_by_role("slider", name="zoom")).to_be_visible()
    here.page.wait_for_function(PLOTS_LOADED, timeout=60_000)
    return here.page


def test_plus_and_minus_zoom(tone: Visit) -> None:
    """Around the playhead, step by step, and back to the whole recording."""
    page = _open(tone)
    ruler, zoom = page.locator(".ruler"), page.get_by_role("slider", name="zoom")
    whole, (start_s, px_per_s) = ruler.inner_text(), axis(page)
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    for key, value in (("+", "0.1"), ("=", "0.2")):
        page.keyboard.press(key)
        expect(zoom).to_have_value(value)
    near_start_s, near_px_per_s = axis(page)
    assert near_px_per_s / px_per_s == pytest.approx(_STEP**2, rel=0.01)
    assert (10.0 - near_start_s) * near_px_per_s == pytest.approx((10.0 - start_s) * px_per_s, abs=2.0)
    tone.expect_fine(*BOTH)
    for value in ("0.1", "0"):
        page.keyboard.press("-")
        expect(zoom).to_have_value(value)
    expect(ruler).to_have_text(whole, use_inner_text=True)


def test_space_plays_after_a_list_and_a_box(tone: Visit) -> None:
    """Once a pointer has chosen; those that keys reached take it, and nothing plays."""
    page = _open(tone)
    toggle = page.get_by_role("button", name="Play", exact=True).or_(
        page.get_by_role("button", name="Pause", exact=True)
    )
    page.get_by_text("Spectrogram settings").click()
    scale, pitch = page.get_by_label("Frequency scale"), page.get_by_label("keep the pitch")
    scale.click()
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(scale).to_have_value("linear")
    _plays_and_pauses(page, toggle)
    expect(scale).to_have_value("linear")
    pitch.click()
    _plays_and_pauses(page, toggle)
    expect(pitch).not_to_be_checked()
    _reach_by_keys(page, pitch)
    page.keyboard.press("Space")
    expect(pitch).to_be_checked()
    expect(toggle).to_have_accessible_name("Play")
    tone.expect_fine(*BOTH)


def test_space_stops_a_row_after_files_were_chosen(tone: Visit, recordings: dict[str, Path]) -> None:
    """And opens the choice of files no second time, unless keys went there."""
    page = tone.page
    opened: list[str] = []
    record_players(page)
    tone.go("/")
    page.on("filechooser", lambda _: opened.append(page.url))
    page.get_by_role("button", name="Play tone.wav").click()
    page.wait_for_function("() => players.some((one) => !one.paused && one.currentTime > 0)")
    choose = page.get_by_role("button", name="Choose files")
    with page.expect_file_chooser() as chooser:
        choose.click()
    chooser.value.set_files(recordings["dog_large"])
    expect(page.get_by_label("Uploads").get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play tone.wav")).to_be_visible()
    assert page.evaluate("players.every((one) => one.paused)")
    assert len(opened) == 1
    _reach_by_keys(page, choose)
    with page.expect_file_chooser():
        page.keyboard.press("Space")


def _plays_and_pauses(page: Page, toggle: Locator) -> None:
    for name in ("Pause", "Play"):
        page.keyboard.press("Space")
        expect(toggle).to_have_accessible_name(name)


def _reach_by_keys(page: Page, control: Locator) -> None:
    """Goes on from a control that has the focus, and back to it."""
    expect(control).to_be_focused()
    page.keyboard.press("Tab")
    expect(control).not_to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(control).to_be_focused()
