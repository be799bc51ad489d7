"""Media keys, headsets and the system control whatever the page plays: what is streamed, stems, and what lists play."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.media_keys import SILENCE_PLAYS, SILENCE_RESTS, press, record_keys
from tests.browser.visit import Visit
from tests.support import tone_wav

_RATE_HZ = 8_000


@pytest.mark.main
def test_keys_control_the_recording_and_its_stems(visit: Callable[..., Visit], tmp_path: Path, tiny: str) -> None:
    """Pause, play and seek do what the page's own buttons do; a pause by the system too. By a shared link as well."""
    here = visit()
    (tmp_path / "tone.wav").write_bytes(tone_wav(20.0, rate_hz=_RATE_HZ, seed=71))
    track = here.client.upload(tmp_path / "tone.wav").id
    here.client.wait(here.client.create_job(track, ["separate"], {"separate": {"model": tiny}}))
    link = here.client.address(here.client.share_track(track).url)
    page = here.page
    record_keys(page)
    for address in (f"{here.url}/tracks/{track}#key={here.key}", link):
        page.goto("about:blank")
        page.goto(address)
        player = page.get_by_role("group", name="Player")
        player.get_by_role("button", name="Play", exact=True).click()
        _controls(page)
        press(page, "pause")
        page.get_by_role("heading", name="Stems").scroll_into_view_if_needed()
        page.get_by_role("button", name="Play the stems").click()
        page.wait_for_function(SILENCE_PLAYS)
        _controls(page)
        page.evaluate("[...window.sounded].find((one) => one.src.includes('silence')).pause()")
        expect(player.get_by_role("button", name="Play", exact=True)).to_be_visible()
        press(page, "play")
        page.wait_for_function(SILENCE_PLAYS)
        press(page, "pause")
        page.wait_for_function(SILENCE_RESTS)


def _controls(page: Page) -> None:
    """Whether keys control what the page's player plays."""
    player = page.get_by_role("group", name="Player")
    pause, play = (player.get_by_role("button", name=name, exact=True) for name in ("Pause", "Play"))
    expect(pause).to_be_visible()
    press(page, "pause")
    expect(play).to_be_visible()
    press(page, "seekto", seekTime=12.5)
    expect(player.get_by_role("timer")).to_contain_text("0:12.5 /")
    press(page, "seekbackward", seekOffset=5)
    expect(player.get_by_role("timer")).to_contain_text("0:07.5 /")
    press(page, "play")
    expect(pause).to_be_visible()
    expect(player.get_by_role("timer")).to_contain_text(re.compile("^0:(0[89]|1)"))


def test_keys_control_what_the_library_plays(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """They pause a row and play it on, and go to the next one and back; elsewhere they do nothing of that."""
    here = visit()
    for number, name in enumerate(("first.wav", "second.wav")):
        (tmp_path / name).write_bytes(tone_wav(20.0, rate_hz=_RATE_HZ, seed=72 + number))
        here.client.upload(tmp_path / name)
    page = here.page
    record_keys(page)
    here.go("/")
    page.get_by_role("button", name="Play second.wav").click()
    expect(page.get_by_role("button", name="Stop second.wav")).to_be_visible()
    press(page, "pause")
    expect(page.get_by_role("button", name="Play second.wav")).to_be_visible()
    press(page, "seekto", seekTime=10)
    press(page, "play")
    expect(page.get_by_role("button", name="Stop second.wav")).to_be_visible()
    page.wait_for_function("() => [...sounded].some((one) => !one.paused && one.currentTime > 10.1)")
    press(page, "nexttrack")
    expect(page.get_by_role("button", name="Stop first.wav")).to_be_visible()
    expect(page.get_by_role("button", name="Play second.wav")).to_be_visible()
    press(page, "previoustrack")
    expect(page.get_by_role("button", name="Stop second.wav")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.wait_for_function("() => Object.values(mediaKeys).every((act) => act === null)")
