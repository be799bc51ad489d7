"""Copies of a recording and silence, in the section of similar recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from phonoscope.client import Client
from tests.browser.visit import BOTH, Visit
from tests.corpus.alike import RATE_HZ, melody, write
from tests.support import tone_wav


def _embedded(client: Client, path: Path) -> str:
    return client.wait(client.analyze(path, ["embed"])).recording


def test_copies_and_others(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The copies have a list of their own, by name; others that are copies of each other are shown together."""
    here = visit()
    notes, others = melody(21, 2.0), melody(22, 2.0)
    sounds = {"song": notes, "cut": notes[RATE_HZ // 4 :], "another": others, "quieter": 0.2 * others}
    tracks = {name: _embedded(here.client, write(tmp_path / f"{name}.wav", sound)) for name, sound in sounds.items()}
    here.go(f"/tracks/{tracks['song']}")
    similar = here.page.locator("#similar")
    similar.scroll_into_view_if_needed()
    expect(similar.get_by_role("list", name="Copies of this recording").get_by_role("link")).to_have_text("cut.wav")
    listed = similar.get_by_role("list", name="Others that sound like it").get_by_role("listitem")
    expect(listed).to_have_count(2)
    expect(listed.nth(1)).to_contain_text("copy of")
    expect(similar.get_by_role("heading", name="Copies of this recording")).to_be_visible()
    here.expect_fine(*BOTH)


def test_silence(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The section says that nothing sounds like it, and the map that it has no place there."""
    here = visit()
    path = tmp_path / "silence.wav"
    path.write_bytes(tone_wav(1.0)[:44] + bytes(2 * 44_100))
    track_id = _embedded(here.client, path)
    here.expected = ("422",)
    here.go(f"/tracks/{track_id}")
    similar = here.page.locator("#similar")
    similar.scroll_into_view_if_needed()
    expect(similar).to_contain_text("This recording is silent: nothing sounds like it.")
    here.expect_fine(*BOTH)
    here.go("/?view=map")
    expect(here.page.get_by_text("1 recording is silent, and has no place on the map.")).to_be_visible()
    here.expect_fine(*BOTH)
