"""Every format whose copy is left out, since browsers are said to play it, is played by them."""

from __future__ import annotations

from base64 import b64encode

from playwright.sync_api import Browser

from phonoscope.audio.playable import browsers_play
from tests.unit.audio.maker import Maker

_PLAYS = """([content, type]) => new Promise(done => {
    const element = new Audio(`data:${type};base64,${content}`);
    element.onerror = () => done(false);
    element.ontimeupdate = () => element.currentTime > 0.1 && done(true);
    element.play().catch(() => done(false));
})"""


def test_chromium_plays_what_has_no_copy(chromium: Browser) -> None:
    assert _unplayed(chromium) == []


def test_firefox_plays_what_has_no_copy(firefox: Browser) -> None:
    assert _unplayed(firefox) == []


def _unplayed(browser: Browser) -> list[str]:
    """The names of the formats that are said to be played, and are not."""
    make = Maker()
    said = {name: form for name, form in make.formats.items() if browsers_play(form.container, form.found_codec)}
    assert {form.container for form in said.values()} >= {"aac", "flac", "mp3", "mp4", "ogg", "wav", "webm"}
    page = browser.new_page()
    unplayed = []
    for name, form in said.items():
        content = b64encode(make.recording(name)).decode()
        if not page.evaluate(_PLAYS, [content, form.media_type]):
            unplayed.append(name)
    page.close()
    return unplayed
