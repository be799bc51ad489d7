"""The page in Firefox: what is seen and heard of a recording, the mixer and the recorder, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.formats import unplayed
from tests.browser.sound import expect_heard, listen
from tests.browser.visit import NARROW, PLOTS_LOADED, WIDE_FIRST, Visit
from tests.support import tone_wav

_ENDS_MS = 60_000
_COLOURS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
}"""
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_CLOCK_S = "parseFloat(document.querySelector('.clock').textContent.slice(2))"
_LEVEL = "Number(document.querySelector('[aria-label=\"Level of the {}\"]')?.ariaValueNow)"


pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def browser(firefox: Browser) -> Browser:
    return firefox


@WIDE_FIRST
def test_a_recording_is_uploaded_seen_and_heard(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Its label, waveform, spectrogram and evidence are shown; Space plays it, and its picture zooms."""
    here = visit(size)
    listen(here.page)
    here.go("/")
    page = here.page
    assert here.key not in page.url
    page.get_by_label("Recordings to upload").set_input_files(recordings["dog_large"])
    row = page.get_by_label("Recordings", exact=True).get_by_role("listitem").filter(has_text="dog_large.flac")
    expect(row.locator(".track__label")).to_contain_text("dog", timeout=_ENDS_MS)
    here.expect_fine()
    [track] = here.client.tracks().items
    here.go(f"/tracks/{track.id}")
    expect(page.get_by_label("Labels", exact=True)).to_contain_text("dog", timeout=_ENDS_MS)
    expect(page.get_by_label("Why")).to_contain_text("evidence for", timeout=_ENDS_MS)
    page.wait_for_function(PLOTS_LOADED)
    _see_it(page)
    _zoom_it(page)
    _hear_it(page)
    assert _fits(page)


def test_stems_are_mixed(visit: Callable[..., Visit], tmp_path: Path, tiny: str) -> None:
    """They play together at a level that is shown; a muted mix is silent."""
    here = visit()
    page, client = here.page, here.client
    listen(page)
    path = tmp_path / "song.wav"
    path.write_bytes(tone_wav(4.0, seed=8))
    job = client.wait(client.analyze(path, ["separate"], {"separate": {"model": tiny}}))
    here.go(f"/tracks/{job.recording}")
    page.locator("#stems").scroll_into_view_if_needed()
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    expect_heard(page, f"{_LEVEL.format('mix')} > -60 && loud() > 0")
    for name in ("vocals", "drums", "bass", "other"):
        page.get_by_role("button", name=f"Mute {name}").click()
    expect_heard(page, f"{_LEVEL.format('mix')} === -60")
    assert _fits(page)


def test_a_recording_from_the_microphone_is_added(visit: Callable[..., Visit]) -> None:
    """Its level is shown and it is heard before; it is stored in the format that Firefox writes."""
    here = visit(NARROW)
    page = here.page
    listen(page)
    here.go("/")
    page.get_by_role("button", name="Record", exact=True).click()
    expect_heard(page, f"{_LEVEL.format('microphone')} > -60")
    expect(page.locator(".recorder__time")).not_to_have_text("0:00")
    here.expect_fine()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Listen").click()
    expect_heard(page, "loud() > 0.01")
    page.get_by_role("button", name="Add to the library").click()
    expect(page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    [track] = here.client.tracks().items
    assert re.fullmatch(r"recording 20.*\.ogg", track.filename)
    assert track.duration_s > 0.5


def test_theme_dialogs_and_a_lost_network(visit: Callable[..., Visit]) -> None:
    """The system's theme until one is chosen; the keys' sheet opens and closes; a lost network is said."""
    here = visit(NARROW)
    page = here.page
    here.go("/")
    dark = _ground(page)
    page.get_by_role("button", name="Light theme").click()
    assert _ground(page) != dark
    here.expect_fine()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    here.expect_fine()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)
    said = page.get_by_text("No network.")
    page.context.set_offline(True)
    expect(said).to_be_visible()
    page.context.set_offline(False)
    expect(said).to_have_count(0)


def _see_it(page: Page) -> None:
    """Both pictures are drawn, and evidence adds colours to one."""
    button, picture = page.get_by_role("button", name="Evidence", exact=True), ".plot--spectrogram canvas"
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(f"() => ({_COLOURS})(document.querySelector('.plot--wave canvas')) > 1")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.evaluate(_TWO_FRAMES)
    plain = page.locator(picture).evaluate(_COLOURS)
    assert plain > 50
    button.click()
    page.wait_for_function(f"plain => ({_COLOURS})(document.querySelector('{picture}')) > plain", arg=plain)


def _zoom_it(page: Page) -> None:
    """By the slider's keys; Shift and the wheel pan, whichever way the browser says that the wheel turned."""
    ruler = page.locator(".ruler")
    before = ruler.inner_text()
    page.get_by_role("slider", name="zoom").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(ruler).not_to_have_text(before)
    page.locator(".timeline__plots").hover()
    for turned in ((60, 0), (0, 60)):
        seen = ruler.inner_html()
        page.keyboard.down("Shift")
        page.mouse.wheel(*turned)
        page.keyboard.up("Shift")
        page.wait_for_function("seen => document.querySelector('.ruler').innerHTML !== seen", arg=seen)
    page.wait_for_function(PLOTS_LOADED)


def _hear_it(page: Page) -> None:
    """Space plays and pauses, and the clock goes on."""
    page.locator("h1").click()
    page.keyboard.press("Space")
    page.wait_for_function(f"() => {_CLOCK_S} > 0.4")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(page.locator(".transport__problem")).to_have_count(0)


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_what_has_no_copy_is_played(firefox: Browser) -> None:
    """Every format of which `describe` makes none, since browsers are said to play it."""
    assert unplayed(firefox) == []
