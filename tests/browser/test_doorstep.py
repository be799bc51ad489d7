"""What a first visitor meets: signing in, dropping a file anywhere, Space."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import NARROW, WIDE_FIRST, Visit
from tests.support import tone_wav

_ENDS_MS = 60_000
_DROP = """
    ([names, content]) => {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        // The bytes after a recording's end make it another file.
        names.forEach((name, at) => dataTransfer.items.add(new File([bytes, new Uint8Array(2 * at)], name)));
        const asked = { bubbles: true, cancelable: true, dataTransfer, clientX: 5, clientY: innerHeight - 5 };
        const zone = document.elementFromPoint(5, innerHeight - 5);
        const over = new DragEvent('dragover', asked);
        zone.dispatchEvent(over);
        const drop = new DragEvent('drop', asked);
        zone.dispatchEvent(drop);
        return over.defaultPrevented && drop.defaultPrevented;
    }
"""
_TURNS = "async () => { for (let at = 0; at < 20; at += 1) await new Promise((done) => setTimeout(done)); }"


def _signed_in(page: Page) -> None:
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def _signed_out(page: Page) -> None:
    expect(page.get_by_label("API key")).to_be_visible()


def _tab(here: Visit, path: str = "/") -> Page:
    page = here.page.context.new_page()
    page.goto(f"{here.url}{path}")
    return page


def test_tabs_share_the_sign_in(visit: Callable[..., Visit]) -> None:
    """A new tab needs no key while another has one, though none is stored; signing out ends all tabs."""
    here = visit()
    here.go("/")
    _signed_in(here.page)
    other = _tab(here, "/jobs")
    _signed_in(other)
    assert here.key not in str(other.evaluate("JSON.stringify(localStorage)"))
    other.get_by_role("button", name="Sign out").click()
    _signed_out(other)
    _signed_out(here.page)
    for page in (other, here.page):
        page.reload()
        _signed_out(page)
        assert here.key not in str(page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])"))
    other.get_by_label("API key").fill(here.key)
    other.get_by_role("button", name="Sign in").click()
    _signed_in(other)
    _signed_in(here.page)


def test_a_restored_tab_is_signed_out_too(visit: Callable[..., Visit]) -> None:
    """What a browser restores of a closed tab does not sign in again once its owner signed out elsewhere."""
    here = visit()
    here.go("/")
    _signed_in(here.page)
    kept = here.page.evaluate("({ ...sessionStorage })")
    here.page.get_by_role("button", name="Sign out").click()
    _signed_out(here.page)
    page = here.page.context.new_page()
    page.goto(f"{here.url}/health/live")
    page.evaluate("kept => Object.entries(kept).forEach(([name, value]) => sessionStorage.setItem(name, value))", kept)
    page.goto(f"{here.url}/")
    _signed_out(page)


def test_a_wrong_link_ends_no_other_tab(visit: Callable[..., Visit]) -> None:
    """A link with a key that the service refuses signs out the tab that follows it, and no other."""
    here = visit()
    here.go("/")
    other = _tab(here)
    _signed_in(other)
    other.goto("about:blank")
    other.goto(f"{here.url}/#key=psk_nobody")
    expect(other.get_by_role("alert")).to_contain_text("does not know this key")
    here.page.reload()
    _signed_in(here.page)


@pytest.mark.parametrize("way", ["form", "link"])
def test_staying_signed_in_is_a_choice(visit: Callable[..., Visit], way: str) -> None:
    """Only who chooses it is signed in when all tabs were closed; signing out forgets it."""
    here = visit(NARROW)
    here.go("/")
    box = "Stay signed in on this machine"
    here.page.get_by_role("button", name="Sign out" if way == "form" else "Usage and sign-in").click()
    expect(here.page.get_by_label(box)).not_to_be_checked()
    here.page.get_by_label(box).check()
    assert here.violations() == []
    if way == "form":
        here.page.get_by_label("API key").fill(here.key)
        here.page.get_by_role("button", name="Sign in").click()
        _signed_in(here.page)
    blank = here.page.context.new_page()
    here.page.goto("about:blank")
    page = _tab(here)
    _signed_in(page)
    page.get_by_role("button", name="Usage and sign-in").click()
    expect(page.get_by_label(box)).to_be_checked()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sign out").click()
    _signed_out(page)
    page.reload()
    _signed_out(page)
    blank.close()


_PAGES = ["/", "/search", "/classifiers", "/classifiers/x", "/classifiers/x/review", "/jobs", "/models", "/webhooks"]


@pytest.mark.parametrize("path", [*_PAGES, "/tracks/trk_none", "/compare", "/nothing/here"])
def test_the_whole_window_takes_drops(visit: Callable[..., Visit], path: str) -> None:
    """Two files that are dropped beside everything become recordings, on every page; none is opened in its place."""
    here = visit()
    here.expected = ("404",)
    here.go(path)
    names = ["first.wav", "second.wav"]
    assert here.page.evaluate(_DROP, [names, b64encode(tone_wav(0.3, seed=len(path))).decode()])
    dock = here.page.get_by_role("complementary", name="Uploads")
    if path.startswith("/tracks/"):
        dock.get_by_role("button", name="Show").click()
    expect(dock.get_by_role("listitem")).to_have_count(2)
    if path != "/":
        here.page.get_by_role("navigation").get_by_role("link", name="Library").click()
    rows = here.page.get_by_label("Recordings", exact=True)
    for name in names:
        expect(rows.get_by_role("link", name=name)).to_be_visible()


@pytest.mark.parametrize("shared", ["whole", "cut"])
def test_a_file_that_a_visitor_drops_does_nothing(
    visit: Callable[..., Visit], recordings: dict[str, Path], shared: str
) -> None:
    """A shared page stays as it is, whatever its link opens; nothing is sent, not for the owner who is signed in."""
    here = visit()
    here.expected = ("404",)
    track = here.client.upload(recordings["dog_small"])
    link = here.client.address(here.client.share_track(track.id).url)
    here.go("/")
    _signed_in(_tab(here))
    sent: list[str] = []
    here.page.on("request", lambda one: sent.append(one.url) if one.method != "GET" else None)
    here.page.goto("about:blank")
    here.page.goto(link if shared == "whole" else f"{here.url}/shared")
    title = track.filename if shared == "whole" else "Nothing is shared here"
    expect(here.page.get_by_role("heading", level=1)).to_have_text(title)
    assert here.page.evaluate(_DROP, [["first.wav"], b64encode(tone_wav(0.3)).decode()])
    # What is dropped is opened in later turns of the page's loop, and an upload begins at once.
    here.page.get_by_role("button", name="Light theme").click()
    expect(here.page.get_by_role("button", name="Dark theme")).to_be_visible()
    here.page.evaluate(_TURNS)
    expect(here.page.get_by_role("heading", level=1)).to_have_text(title)
    expect(here.page.get_by_role("complementary", name="Uploads")).to_have_count(0)
    expect(here.page.get_by_text("Drop to add")).to_have_count(0)
    assert sent == []
    assert [each.id for each in here.client.tracks().items] == [track.id]


def test_a_part_that_cannot_be_loaded_leaves_the_page(visit: Callable[..., Visit]) -> None:
    """After an upgrade its file is gone: the page says so, and goes on elsewhere."""
    here = visit()
    here.expected = ("404", "Failed to load", "Failed to fetch", "dynamically imported")
    here.page.route(re.compile("/assets/ModelsPage"), lambda route: route.fulfill(status=404, body="gone"))
    here.go("/")
    pages = here.page.get_by_role("navigation")
    pages.get_by_role("link", name="Models").click()
    expect(here.page.get_by_role("heading", name="This page could not be loaded")).to_be_visible()
    assert here.violations() == []
    pages.get_by_role("link", name="Jobs").click()
    expect(here.page.get_by_role("heading", level=1)).to_have_text("Jobs")


def test_nobody_signed_in_drops_nothing(visit: Callable[..., Visit]) -> None:
    """The sign-in form is not replaced by the file."""
    here = visit()
    here.page.goto(here.url)
    _signed_out(here.page)
    assert here.page.evaluate(_DROP, [["first.wav"], ""])
    assert here.page.evaluate("document.querySelector('[name=key]') !== null")


@WIDE_FIRST
def test_space_plays_wherever_one_does_not_type(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: dict[str, int]
) -> None:
    """After a pointer pressed a slider, a button, a label or a list; a button that keys reached still takes Space."""
    here = visit(size)
    job = here.client.wait(here.client.analyze(recordings["rain_roof"], ["classify", "explain", "describe"]))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    label = page.locator(".bar__name").first
    expect(label).to_be_visible()
    toggle = page.get_by_role("button", name="Play", exact=True).or_(
        page.get_by_role("button", name="Pause", exact=True)
    )
    pressed = [
        page.get_by_label("Zoom").or_(page.get_by_label("Opacity of the evidence")).first,
        page.get_by_role("button", name="Evidence", exact=True),
        label,
        page.get_by_role("button", name="Light theme"),
    ]
    page.get_by_role("button", name="Loop the visible range").click()
    for control in pressed:
        control.click()
        expect(toggle).to_have_accessible_name("Play")
        page.keyboard.press("Space")
        expect(toggle).to_have_accessible_name("Pause")
        page.keyboard.press("Space")
        expect(toggle).to_have_accessible_name("Play")
    expect(page.get_by_role("button", name="Dark theme")).to_be_visible()
    page.get_by_role("button", name="Usage").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(toggle).to_have_accessible_name("Play")
