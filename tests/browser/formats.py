"""What browsers play of the formats of which no copy is made for them."""

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


def unplayed(browser: Browser) -> list[str]:
    """The names of the formats that are said to be played, and are not."""
    make, page = Maker(), browser.new_page()
    containers, unplayed = set(), []
    for name, form in make.formats.items():
        content = make.recording(name)
        if browsers_play(form.container, form.found_codec, content):
            containers.add(form.container)
            if not page.evaluate(_PLAYS, [b64encode(content).decode(), form.media_type]):
                unplayed.append(name)
    page.close()
    assert containers >= {"aac", "flac", "mp3", "mp4", "ogg", "wav", "webm"}
    return unplayed
