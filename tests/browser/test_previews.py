"""What lists play in its place: by links that are still good, and words where nothing is heard."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.sound import HOUR_S, hour_wav
from tests.browser.visit import NARROW, WIDE, WIDE_FIRST, Visit, held_at, record_players
from tests.support import RunningStack, tone_wav

_PLAYS = "() => players.some((one) => !one.paused && one.currentTime > 0.1)"
_NOT_HERE = "This browser cannot play the recording's format."
_RATE_HZ = 8_000
_EXPIRES_MS = 60_000


def test_a_row_plays_though_its_link_has_expired(
    visit: Callable[..., Visit], short_lived: RunningStack, tmp_path: Path
) -> None:
    """In a library that stayed open, and among what a search has found: by a link that is asked for at the press."""
    here = visit(gateway=short_lived)
    page = here.page
    (tmp_path / "tone.wav").write_bytes(tone_wav(20.0, rate_hz=_RATE_HZ, seed=51))
    track = here.client.upload(tmp_path / "tone.wav")
    record_players(page)
    here.go("/")
    play = page.get_by_role("button", name="Play tone.wav")
    expect(play).to_be_visible()
    later = page.context.new_page()
    record_players(later)
    later.goto(f"{here.url}/search?q=tone#key={here.key}")
    named = later.get_by_role("region", name="Found by name").get_by_role("button", name="Play tone.wav")
    expect(named).to_be_visible()
    # That of the page is no younger.
    ends_ms = here.client.track(track.id).audio.expires_at.timestamp() * 1_000
    page.wait_for_function("ends => Date.now() > ends", arg=ends_ms, timeout=_EXPIRES_MS)
    play.click()
    page.wait_for_function(_PLAYS)
    expect(page.get_by_role("button", name="Stop tone.wav")).to_be_visible()
    page.keyboard.press("Space")
    later.bring_to_front()
    named.click()
    later.wait_for_function(_PLAYS)


@WIDE_FIRST
def test_a_format_that_the_browser_cannot_play_says_so(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """Beside what was pressed, in the library and in a search, until something else plays."""
    here = visit(size)
    page = here.page
    (tmp_path / "bell.aiff").write_bytes(_aiff(2.0))
    (tmp_path / "bell.wav").write_bytes(tone_wav(20.0, rate_hz=_RATE_HZ, seed=52))
    for name in ("bell.aiff", "bell.wav"):
        here.client.upload(tmp_path / name)
    record_players(page)
    # What is asked for to be drawn has it measured, and then there is a copy that plays.
    held_at(page, "**/waveform**")
    here.go("/")
    row = page.get_by_label("Recordings", exact=True).get_by_role("listitem").filter(has_text="bell.aiff")
    _expect_words(page, row.get_by_role("alert"), "bell.aiff")
    here.expect_fine()
    page.get_by_role("button", name="Play bell.wav").click()
    page.wait_for_function(_PLAYS)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(row).to_contain_text("not listened to")
    here.go("/search?q=bell")
    found = page.get_by_role("region", name="Found by name").get_by_role("listitem").filter(has_text="bell.aiff")
    _expect_words(page, found.get_by_role("alert"), "bell.aiff")
    here.expect_fine()


@pytest.mark.main
def test_a_copy_is_played_of_what_the_browser_cannot_play(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """As soon as the recording was measured: in the library and on its page."""
    here = visit(NARROW)
    page = here.page
    (tmp_path / "gong.aiff").write_bytes(_aiff(2.0))
    track = here.client.upload(tmp_path / "gong.aiff")
    here.client.wait(here.client.create_job(track.id, ["describe"]))
    record_players(page)
    here.go("/")
    page.get_by_role("button", name="Play gong.aiff").click()
    page.wait_for_function(_PLAYS)
    here.go(f"/tracks/{track.id}")
    page.wait_for_function("() => players.some((one) => one.src.includes('/artifacts/'))")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(_PLAYS)


def test_a_sound_that_breaks_off_says_so(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The recording was deleted elsewhere while it played: its row does not go on as if it did."""
    here = visit(NARROW)
    here.expected = ("404",)
    page = here.page
    track = here.client.upload(hour_wav(tmp_path / "hour.wav", 53))
    record_players(page)
    here.go("/")
    page.get_by_role("button", name="Play hour.wav").click()
    page.wait_for_function(_PLAYS)
    here.client.delete_track(track.id)
    page.evaluate(f"players.at(-1).currentTime = {HOUR_S - 60}")
    expect(page.get_by_role("alert")).to_have_text("The sound broke off. Play it again to continue.")
    expect(page.get_by_role("button", name="Play hour.wav")).to_be_visible()
    here.expect_fine(NARROW, WIDE)


def _expect_words(page: Page, alert: Locator, name: str) -> None:
    page.get_by_role("button", name=f"Play {name}").click()
    expect(alert).to_have_text(_NOT_HERE)
    expect(page.get_by_role("button", name=f"Play {name}")).to_be_visible()


def _aiff(seconds: float) -> bytes:
    """Noise, of 16 bits and 8 kHz."""
    samples = (np.random.default_rng(54).standard_normal(round(seconds * _RATE_HZ)) * 3_000).astype(">i2").tobytes()
    common = struct.pack(">hIh", 1, len(samples) // 2, 16) + bytes.fromhex("400bfa00000000000000")
    chunks = ((b"COMM", common), (b"SSND", bytes(8) + samples))
    body = b"AIFF" + b"".join(name + struct.pack(">I", len(chunk)) + chunk for name, chunk in chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body
