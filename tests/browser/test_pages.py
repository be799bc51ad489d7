"""What holds on every page: accessible, usable with keys, safe."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ViewportSize, expect

from phonoscope.client import Client
from phonoscope.contract import Quota
from tests.browser.visit import BOTH, WIDE, Visit
from tests.support import RunningStack, phonoscope, tone_wav

_PAGES = [
    "/",
    "/search?q=rain",
    "/tracks/{track}",
    "/compare?a={track}&b={track}&bm=genre-10",
    "/classifiers",
    "/jobs",
    "/models",
    "/webhooks",
]
_MOST_SCRIPT_BYTES = 300_000


@pytest.fixture(scope="module")
def analysed_track(recordings: dict[str, Path]) -> Callable[[Client], str]:
    """Analyses a recording and returns the id of its track."""

    def analysed(client: Client) -> str:
        job = client.wait(
            client.analyze(recordings["rain_roof"], ["classify", "embed", "explain", "features", "describe"])
        )
        return job.recording

    return analysed


@pytest.mark.main
@pytest.mark.parametrize("theme", [pytest.param("dark", marks=pytest.mark.long), "light"])
def test_every_page_is_accessible(
    visit: Callable[..., Visit], analysed_track: Callable[[Client], str], theme: str
) -> None:
    """On no page, in either theme, wide or narrow: axe finds nothing, and nothing is wider than the screen."""
    here = visit()
    page = here.page
    track = analysed_track(here.client)
    shared = here.client.address(here.client.share_track(track).url)
    page.add_init_script(f"location.protocol === 'about:' || localStorage.setItem('phonoscope.theme', '{theme}')")
    found: dict[str, list[str]] = {}

    def look(where: str) -> None:
        page.wait_for_load_state("networkidle")
        found[where] = here.violations()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where

    for size in BOTH:
        page.set_viewport_size(size)
        for path in _PAGES:
            here.go(path.format(track=track))
            look(f"{path} at {size['width']}")
        page.goto(shared)
        expect(page.get_by_role("heading", level=1)).to_have_text("rain_roof.flac")
        look(f"shared at {size['width']}")
    here.go("/")
    page.get_by_role("button", name="Sign out").click()
    found["signed out"] = here.violations()
    assert {where: what for where, what in found.items() if what} == {}


def test_usage_is_shown_at_every_width(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """The header opens what is used of each quota: named, counted, accessible, and no wider than the screen."""
    here = visit(WIDE)
    here.client.upload(recordings["rain_roof"])
    for size in BOTH:
        here.page.set_viewport_size(size)
        here.go("/")
        here.page.get_by_role("button", name="Usage").click()
        sheet = here.page.get_by_role("dialog", name="Usage")
        expect(sheet.get_by_text("1 of 100,000")).to_be_visible()
        expect(sheet.get_by_role("listitem")).to_have_count(len(Quota))
        heights = sheet.locator(".usage .spread > .quiet").evaluate_all("all => all.map(one => one.clientHeight)")
        assert len(set(heights)) == 1, "an amount is on one line"
        here.expect_fine()
        here.page.keyboard.press("Escape")
        expect(sheet).to_have_count(0)


def test_the_api_can_be_read_and_tried(visit: Callable[..., Visit]) -> None:
    """The API's page works under its content security policy; a violation would be a complaint."""
    here = visit()
    page = here.page
    page.goto(f"{here.url}/docs")
    page.locator(".authorize.unlocked").first.click()
    page.get_by_label("auth-bearer-value").fill(here.key)
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".btn-done").click()
    call = page.locator("#operations-tracks-read_tracks")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")


def test_a_key_is_kept_in_the_tab_only(visit: Callable[..., Visit]) -> None:
    """It leaves the address at once, becomes no cookie, and signing out forgets it."""
    here = visit()
    here.go("/")
    page = here.page
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert "psk_" not in page.url
    assert page.context.cookies() == []
    assert here.key not in str(page.evaluate("JSON.stringify(localStorage)"))
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert here.key not in str(page.evaluate("JSON.stringify(sessionStorage)"))
    page.reload()
    page.get_by_label("API key").fill(here.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_the_printed_link_opens_the_page(visit: Callable[..., Visit], stack: RunningStack) -> None:
    """`phonoscope up` prints a link that signs in."""
    said = phonoscope("up", "--detach", "--data-dir", stack.folder).stdout
    link = re.search(r"http://127\.0\.0\.1:\d+/#key=\S+", said)
    assert link
    here = visit()
    here.page.goto(link[0])
    expect(here.page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert "key" not in here.page.url


def test_a_wrong_key_is_refused_in_words(visit: Callable[..., Visit]) -> None:
    """The sign-in form says why."""
    here = visit()
    here.expected = ("401",)
    here.page.goto(f"{here.url}/#key=psk_nobody")
    expect(here.page.get_by_role("alert")).to_contain_text("does not know this key")


def test_a_name_is_text(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """A file name with markup is shown as text and never run."""
    name = "<img src=x onerror=document.title='run'>.wav"
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(1.0, seed=77))
    here = visit()
    here.go("/")
    here.page.get_by_label("Recordings to upload").set_input_files(
        {"name": name, "mimeType": "audio/wav", "buffer": path.read_bytes()}
    )
    row = here.page.get_by_label("Recordings", exact=True).get_by_role("link", name=name)
    row.click(timeout=60_000)
    expect(here.page.get_by_role("heading", level=1)).to_have_text(name)
    assert here.page.locator("main img").count() == 0
    assert here.page.title().startswith("<img")


@pytest.mark.main
def test_keys_reach_everything(visit: Callable[..., Visit], analysed_track: Callable[[Client], str]) -> None:
    """Search, rows, playing, seeking, looping and the list of keys, without a mouse."""
    here = visit()
    track = analysed_track(here.client)
    here.go("/")
    page = here.page
    expect(page.get_by_role("link", name="rain_roof.flac")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter by name")).to_be_focused()
    page.keyboard.press("Tab")
    page.locator("main").click(position={"x": 2, "y": 2})
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="rain_roof.flac")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("rain_roof.flac")
    assert page.url.endswith(track)
    expect(page.locator(".plot--spectrogram canvas")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".clock")).to_contain_text("0:01.0")
    page.keyboard.press("]")
    expect(page.get_by_role("button", name="Remove the loop from 0:00.0 to 0:01.0")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.wait_for_timeout(1_500)
    assert float(page.locator(".clock").inner_text()[2:5]) <= 1.05
    page.keyboard.press(" ")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)


def test_a_theme_is_chosen_and_kept(visit: Callable[..., Visit]) -> None:
    """The theme is dark at first, and light after the choice, also after a reload."""
    here = visit()
    here.go("/")
    dark = here.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    here.page.get_by_role("button", name="Light theme").click()
    light = here.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert light != dark
    here.page.reload()
    expect(here.page.get_by_role("button", name="Dark theme")).to_be_visible()
    assert here.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == light


@pytest.mark.parametrize("size", [WIDE], ids=["wide"])
def test_the_first_load_is_light(visit: Callable[..., Visit], size: ViewportSize) -> None:
    """Less than 300 kB of compressed script before the library shows; larger parts load when they are opened."""
    here = visit(size)
    scripts: dict[str, bytes] = {}
    here.page.on(
        "response",
        lambda response: (
            scripts.update({urlsplit(response.url).path: response.body()}) if response.url.endswith(".js") else None
        ),
    )
    here.go("/")
    here.page.wait_for_load_state("networkidle")
    assert scripts
    assert sum(len(gzip.compress(script)) for script in scripts.values()) < _MOST_SCRIPT_BYTES
    assert not [path for path in scripts if "Track" in path or "Stems" in path]
