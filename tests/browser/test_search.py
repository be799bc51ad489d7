"""Searching on the page: by words, by a sound that is held up, and by a stretch of a recording."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.axis import seconds_of
from tests.browser.visit import BOTH, LONG_S, PLOTS_LOADED, WIDE_FIRST, Visit, record_players
from tests.support import tone_wav

_FURTHEST = """
    window.furthest = 0;
    setInterval(() => { furthest = Math.max(furthest, ...window.players.map((one) => one.currentTime)); }, 5);
"""


@pytest.fixture
def library(visit: Callable[..., Visit], recordings: dict[str, Path]) -> Visit:
    """Two dogs and rain."""
    here = visit()
    jobs = [here.client.analyze(path, ["classify", "embed"]) for path in recordings.values()]
    for job in jobs:
        here.client.wait(job)
    return here


@pytest.mark.main
def test_words_find_what_is_heard(library: Visit) -> None:
    """Recordings, then moments of them; the page says what the words were understood as, and moments play in place."""
    page = library.page
    record_players(page)
    library.go("/search")
    page.get_by_label("Search by words").fill("dog")
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.first).to_contain_text("dog_")
    expect(found.first).to_contain_text("%")
    expect(page.get_by_label("Found by sound")).to_contain_text("dog")
    named = page.get_by_role("region", name="Found by name")
    expect(named.get_by_role("link")).to_have_count(2)
    page.get_by_role("radio", name="moments").click()
    moments = page.get_by_role("list", name="Moments").get_by_role("listitem")
    expect(moments.first).to_contain_text("dog_")
    expect(moments.first).to_contain_text("–")
    moments.first.get_by_role("button").first.click()
    page.wait_for_function("() => window.players.at(-1)?.currentTime > 0.2")
    expect(moments.first.get_by_role("button", name="Play")).to_be_visible()
    assert "unit=moment" in page.url
    library.expect_fine(*BOTH)


def test_more_by_name_is_in_the_library(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Where more than five recordings have the words in their names; where there are five, nothing is said."""
    here = visit()
    page = here.page
    for number in range(6):
        path = tmp_path / f"gong {number}.wav"
        path.write_bytes(tone_wav(0.2, seed=90 + number))
        here.client.upload(path)
        if number == 4:
            here.go("/search?q=gong")
            named = page.get_by_role("region", name="Found by name")
            expect(named.get_by_role("listitem")).to_have_count(5)
            expect(named.get_by_role("link", name="More by name")).to_have_count(0)
    page.reload()
    expect(named.get_by_role("listitem")).to_have_count(5)
    more = named.get_by_role("link", name="More by name")
    expect(more).to_be_visible()
    here.expect_fine(*BOTH)
    more.click()
    expect(page).to_have_url(f"{here.url}/?q=gong")
    expect(page.get_by_label("Recordings", exact=True).get_by_role("link")).to_have_count(6)


@WIDE_FIRST
def test_space_stops_what_a_search_plays(visit: Callable[..., Visit], long: Path, size: ViewportSize) -> None:
    """Wherever one does not type, and the page does not scroll; without sound Space scrolls as ever."""
    here = visit(size)
    page = here.page
    here.client.wait(here.client.analyze(long, ["classify", "embed"]))
    record_players(page)
    here.go("/search?q=rain&unit=moment")
    moment = page.get_by_role("list", name="Moments").get_by_role("listitem").first
    moment.get_by_role("button", name="Play").click()
    page.wait_for_function("() => players.at(-1)?.currentTime > 0.2")
    page.mouse.click(2, page.evaluate("innerHeight") - 2)
    page.evaluate("addEventListener('keydown', (event) => { window.taken = event.defaultPrevented; })")
    page.keyboard.press("Space")
    expect(moment.get_by_role("button", name="Play")).to_be_visible()
    assert page.evaluate("taken")
    assert page.evaluate("players.every((one) => one.paused)")
    page.keyboard.press("Space")
    assert not page.evaluate("taken")
    here.expect_fine()


def test_a_recording_s_number_is_of_one_window_and_says_so(visit: Callable[..., Visit], long: Path) -> None:
    """Where it begins stands beside the probability; a moment has its seconds beside it."""
    here = visit()
    page = here.page
    here.client.wait(here.client.analyze(long, ["classify", "embed"]))
    here.go("/search?q=dog")
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem").first
    expect(found.locator(".found__why")).to_have_text(re.compile(r"dog (> )?\d+ % at 0:[123]\d\.\d"))
    here.expect_fine(*BOTH)
    page.get_by_role("radio", name="moments").click()
    moment = page.get_by_role("list", name="Moments").get_by_role("listitem").first
    expect(moment.locator(".found__why")).to_contain_text("%")
    expect(moment.locator(".found__why")).not_to_contain_text(" at ")


def test_a_moment_ends_where_it_ends(visit: Callable[..., Visit], long: Path) -> None:
    """Its player is let go there, though the recording goes on."""
    here = visit()
    page = here.page
    here.client.wait(here.client.analyze(long, ["classify", "embed"]))
    record_players(page)
    page.add_init_script(_FURTHEST)
    here.go("/search?q=rain&unit=moment")
    moment = page.get_by_role("list", name="Moments").get_by_role("listitem").first
    moment.get_by_role("button", name="Play").click()
    page.wait_for_function("() => window.players.at(-1)?.currentTime > 0.2")
    end_s = seconds_of(moment.locator(".found__when").inner_text().partition("–")[2])
    assert end_s < LONG_S - 5.0
    page.evaluate(f"window.players.at(-1).currentTime = {end_s} - 0.5")
    expect(moment.get_by_role("button", name="Play")).to_be_visible()
    # A machine that is held up stops it late; one that is not stopped plays to the recording's end.
    assert end_s - 0.5 < page.evaluate("furthest") < LONG_S - 1.0


def test_a_sound_that_is_held_up_is_not_kept(library: Visit, recordings: dict[str, Path]) -> None:
    """What sounds like it is found, the same recording first; the library is as it was."""
    page = library.page
    library.go("/search")
    page.get_by_label("A recording to search by").set_input_files(recordings["dog_small"])
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.first).to_contain_text("dog_small.m4a", timeout=60_000)
    expect(found.first).to_contain_text("the same recording")
    expect(page.get_by_text("What sounds like")).to_be_visible()
    assert len(library.client.tracks().items) == 3
    library.expect_fine(*BOTH)
    page.get_by_role("button", name="Search by something else").click()
    expect(page.get_by_role("list", name="Recordings")).to_have_count(0)


def test_moments_like_a_stretch(library: Visit) -> None:
    """From a recording's page: what is visible, or the loop; address and heading have its seconds."""
    page = library.page
    (dog,) = [track.id for track in library.client.tracks().items if track.filename.startswith("dog_large")]
    library.go(f"/tracks/{dog}")
    page.locator("#similar").scroll_into_view_if_needed()
    find = page.get_by_role("link", name="Find moments like")
    find.click()
    expect(page.locator(".search__held")).to_contain_text("dog_large")
    moments = page.get_by_role("list", name="Moments").get_by_role("listitem")
    expect(moments.first).to_contain_text("dog_small")
    page.go_back()
    page.wait_for_function(PLOTS_LOADED, timeout=60_000)
    page.locator("#similar").scroll_into_view_if_needed()
    for key in ("ArrowRight", "[", "ArrowRight", "]"):
        page.keyboard.press(key)
    expect(find).to_have_text("Find moments like 0:01.0 – 0:02.0")
    find.click()
    expect(page).to_have_url(f"{library.url}/search?track={dog}&from=1.00&to=2.00&unit=moment")
    expect(page.locator(".search__held")).to_contain_text("dog_large.flac, 0:01.0 – 0:02.0")
    expect(moments.first).to_contain_text("dog_")
    library.expect_fine(*BOTH)


def test_what_nothing_is_near_is_said(library: Visit) -> None:
    """Of words without a label near them; a file that is no recording is refused in words."""
    page = library.page
    library.expected = ("415", "422")
    library.go("/search?q=zzqqxx")
    expect(page.get_by_label("Found by sound")).to_contain_text("Nothing that can be heard is near")
    page.get_by_label("A recording to search by").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"no sound"}
    )
    expect(page.get_by_role("alert")).to_be_visible(timeout=60_000)
    library.expect_fine(*BOTH)
