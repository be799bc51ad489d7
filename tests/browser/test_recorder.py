"""Recording from the microphone: level, pause, listening, name, silence, and what is lost by leaving."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, ViewportSize, expect

from tests.browser.sound import expect_heard, listen
from tests.browser.visit import WIDE_FIRST, Visit

_ENDS_MS = 60_000
_SILENT = """
    if (navigator.mediaDevices)
        navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream;
"""


@pytest.mark.main
@WIDE_FIRST
def test_a_recording_is_heard_and_named_before_it_is_added(visit: Callable[..., Visit], size: ViewportSize) -> None:
    """It shows its level, pauses, plays, and is added under the chosen name; nothing is sent before."""
    here = visit(size)
    listen(here.page)
    here.go("/")
    page = here.page
    page.get_by_role("button", name="Record", exact=True).click()
    level = "Number(document.querySelector('[aria-label=\"Level of the microphone\"]')?.ariaValueNow)"
    page.wait_for_function(f"() => {level} > -60", polling=50)
    clock = page.locator(".recorder__time")
    expect(clock).not_to_have_text("0:00")
    assert here.violations() == []
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".recorder__state")).to_have_text("Paused.")
    page.wait_for_function(f"() => {level} === -60")
    paused = clock.inner_text()
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 1500))")
    assert clock.inner_text() == paused
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("do not close the page")).to_be_visible()
    assert here.client.tracks().items == []
    page.get_by_role("button", name="Listen").click()
    expect_heard(page, "loud() > 0.01")
    name = page.get_by_label("Name of the recording")
    expect(name).to_have_value(re.compile("^recording 20"))
    name.fill("a bee/at noon")
    here.expect_fine()
    page.get_by_role("button", name="Add to the library").click()
    expect(page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    expect(page.locator(".recorder")).to_have_count(0)
    [track] = here.client.tracks().items
    assert track.filename == "a bee-at noon.webm"
    assert track.duration_s > 0.5


def test_a_silent_microphone_is_named(visit: Callable[..., Visit]) -> None:
    """After two seconds without any sound; what was recorded can be discarded."""
    here = visit()
    here.page.add_init_script(_SILENT)
    here.go("/")
    page = here.page
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".recorder__state")).to_contain_text("The microphone is silent")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".recorder")).to_have_count(0)
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()
    assert here.client.tracks().items == []


def test_what_is_not_added_is_not_lost_by_accident(visit: Callable[..., Visit]) -> None:
    """The browser asks before the page is left; another page of it keeps the recording, and a sign-out does not."""
    here = visit()
    here.go("/")
    page = here.page
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".recorder__time")).not_to_have_text("0:00")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Library").click()
    expect(page.get_by_role("button", name="Add to the library")).to_be_visible()
    page.on("dialog", answer)
    with page.expect_event("dialog"):
        page.evaluate("() => void setTimeout(() => location.reload(), 0)")
    expect(page.get_by_role("button", name="Add to the library")).to_be_visible()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.get_by_label("API key").fill(here.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()
    page.reload()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_enabled()
    assert asked == ["beforeunload"]
