"""Reviews of a classifier's windows on the page: answered by keys, sent once whatever was lost, and heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.classifiers import PATIENCE_MS, api, await_said, said_of, taught, tone_library
from tests.browser.media_keys import press, record_keys
from tests.browser.visit import BOTH, NARROW, WIDE, Visit, record_players

_OFFLINE = ("ERR_INTERNET_DISCONNECTED",)


@pytest.fixture
def here(visit: Callable[..., Visit]) -> Visit:
    return visit(WIDE)


def _asked(here: Visit) -> tuple[str, str]:
    """What the window that is asked about may be, and its recording's name without suffix."""
    section = here.page.locator(".asked")
    label = section.get_by_role("heading").inner_text().removesuffix("?")
    return label, section.get_by_role("link").inner_text().removesuffix(".wav")


def _answer(here: Visit, key: str) -> tuple[str, str]:
    """What was asked when a key was pressed; waits for the next window."""
    asked = _asked(here)
    here.page.keyboard.press(key)
    link = here.page.locator(".asked").get_by_role("link")
    expect(link).not_to_have_text(f"{asked[1]}.wav")
    return asked


def test_windows_are_reviewed_with_keys(here: Visit, tmp_path: Path) -> None:
    """Each answer is a label of its window, and undone exactly; after ten it is taught again, which is shown."""
    page = here.page
    tracks = tone_library(here, tmp_path, 9)
    taught(here)
    record_players(page)
    here.go("/classifiers/pitch")
    page.get_by_role("link", name="Review").click()
    page.wait_for_function("() => window.players?.some((one) => !one.paused && one.currentTime > 0.1)")
    page.keyboard.press(" ")
    expect(page.locator(".asked").get_by_role("button", name="Play")).to_be_visible()
    label, name = _answer(here, "y")
    await_said(here, tracks[name], {(label, "confirmed")})
    label, name = _answer(here, "n")
    await_said(here, tracks[name], {(label, "rejected")})
    page.keyboard.press("u")
    expect(page.locator(".asked").get_by_role("link")).to_have_text(f"{name}.wav")
    await_said(here, tracks[name], set())
    skipped = _answer(here, "s")
    assert skipped == (label, name)
    label, name = _asked(here)
    page.keyboard.press("o")
    page.get_by_role("combobox", name="Another label").fill("hum")
    here.expect_fine(*BOTH)
    page.keyboard.press("Enter")
    await_said(here, tracks[name], {("hum", "confirmed"), (label, "rejected")})
    for _ in range(8):
        _answer(here, "y")
    rounds = page.get_by_role("region", name="Accuracy by version").get_by_role("listitem")
    expect(rounds).to_have_count(2, timeout=PATIENCE_MS)
    expect(rounds.nth(0)).to_contain_text(re.compile(r"version 1.*\d+ % \(\d+ – \d+ %\)", re.DOTALL))
    expect(rounds.nth(1)).to_contain_text(re.compile(r"version 2.*\d+ % \(\d+ – \d+ %\)", re.DOTALL))
    expect(page.locator("body > [role=status]")).to_contain_text("Version 2: accuracy")
    assert api(here, "/v1/classifiers/pitch")["figures"]["recordings"] > 6


def test_answers_outlive_a_connection_and_a_page(here: Visit, tmp_path: Path) -> None:
    """While the service is away answers are kept, which is said; they are sent when it is back, by another page too."""
    page = here.page
    tracks = tone_library(here, tmp_path, 5)
    taught(here)
    here.expected = _OFFLINE
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".asked")).to_be_visible()
    page.set_viewport_size(NARROW)
    page.context.set_offline(True)
    first = _asked(here)
    page.get_by_role("button", name=re.compile("^Yes")).click()
    expect(page.locator(".asked").get_by_role("link")).not_to_have_text(f"{first[1]}.wav")
    expect(page.get_by_text("1 answer could not be sent.")).to_be_visible()
    assert here.violations() == []
    page.context.set_offline(False)
    await_said(here, tracks[first[1]], {(first[0], "confirmed")})
    expect(page.get_by_text("could not be sent")).to_have_count(0)
    page.context.set_offline(True)
    second = _asked(here)
    page.get_by_role("button", name=re.compile("^No")).click()
    expect(page.get_by_text("1 answer could not be sent.")).to_be_visible()
    assert here.key not in page.evaluate("JSON.stringify(localStorage)")
    page.goto("about:blank")
    page.context.set_offline(False)
    assert said_of(here, tracks[second[1]]) == set()
    here.go("/classifiers/pitch/review")
    await_said(here, tracks[second[1]], {(second[0], "rejected")})
    page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('answer'))")


def test_an_answer_that_is_taken_back_is_not_there_whatever_was_lost(here: Visit, tmp_path: Path) -> None:
    """Neither another tab sends it, nor does it stay when it was saved and its confirmation was lost."""
    page = here.page
    tracks = tone_library(here, tmp_path, 5)
    taught(here)
    here.expected = ("ERR_FAILED",)
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".asked")).to_be_visible()
    page.route("**/v1/tracks/*/labels", lambda route: route.abort())
    unsent = _answer(here, "y")
    expect(page.get_by_text("1 answer could not be sent.")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{here.url}/classifiers/pitch/review")
    expect(other.locator(".asked")).to_be_visible()
    other.evaluate("dispatchEvent(new Event('online'))")
    page.keyboard.press("u")
    expect(page.get_by_text("could not be sent")).to_have_count(0)
    page.unroute("**/v1/tracks/*/labels")

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/tracks/*/labels", lose)
    lost = _answer(here, "y")
    assert lost == unsent
    expect(page.get_by_text("1 answer could not be sent.")).to_be_visible()
    await_said(here, tracks[lost[1]], {(lost[0], "confirmed")})
    page.route("**/v1/tracks/*/labels", lambda route: route.abort())
    page.keyboard.press("u")
    expect(page.get_by_text("1 answer that you took back may have been saved")).to_be_visible()
    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    await_said(here, tracks[lost[1]], set())
    page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('answer'))")
    assert said_of(here, tracks[lost[1]]) == set()


def test_a_window_is_paused_and_played_on_from_outside(here: Visit, tmp_path: Path) -> None:
    """By the browser, as where a headset is pulled out, and by media keys, which stay within the window."""
    page = here.page
    tone_library(here, tmp_path, 5)
    taught(here)
    record_players(page)
    record_keys(page)
    here.go("/classifiers/pitch")
    page.get_by_role("link", name="Review").click()
    asked = page.locator(".asked")
    pause, play = (asked.get_by_role("button", name=name) for name in ("Pause", "Play"))
    plays = "() => players.some((one) => !one.paused && one.currentTime > 0.1)"
    expect(pause).to_be_visible()
    page.wait_for_function(plays)
    page.evaluate("players.find((one) => !one.paused).pause()")
    expect(play).to_be_visible()
    press(page, "play")
    expect(pause).to_be_visible()
    press(page, "pause")
    expect(play).to_be_visible()
    for key in ("seekforward", "seekbackward"):
        press(page, key, seekOffset=30)
    press(page, "play")
    expect(pause).to_be_visible()
    page.wait_for_function(plays)
