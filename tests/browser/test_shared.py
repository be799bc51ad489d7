"""Links by which others read one recording, made and opened in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import text

from phonoscope.contract import TrackChange
from phonoscope.db.access.engine import Database
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from tests.browser.visit import BOTH, WIDE_FIRST, Visit, record_players
from tests.support import RunningStack, tone_wav


def _opened(here: Visit, address: str) -> Page:
    here.page.goto("about:blank")
    here.page.goto(address)
    return here.page


@pytest.mark.main
@WIDE_FIRST
def test_a_link_is_made_opened_and_revoked(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """A visitor without a key sees and hears the recording, and nothing else; after it was revoked the page says so."""
    owner, visitor = visit(size), visit(size)
    job = owner.client.wait(owner.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    owner.client.change_track(job.recording, TrackChange(name="Rex", notes="hidden notes"))
    owner.go(f"/tracks/{job.recording}")
    page = owner.page
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("menuitem", name="Share …").click()
    page.get_by_label("Days until the link ends").select_option("1")
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Shared link", exact=True).input_value()
    owner.expect_fine()
    [share] = owner.client.shares(job.recording).items
    assert 86_000 < (share.expires_at - share.created_at).total_seconds() <= 86_400

    asked: list[str] = []
    record_players(visitor.page)
    visitor.page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    there = _opened(visitor, address)
    expect(there.get_by_role("heading", level=1)).to_have_text("Rex")
    expect(there.get_by_text("made it say dog")).to_be_visible()
    expect(there.get_by_label("Labels", exact=True)).to_contain_text("dog")
    expect(there.get_by_label("How it sounds")).to_contain_text("tempo")
    expect(there.locator(".plot[aria-busy=true]")).to_have_count(0)
    there.get_by_role("button", name="Play", exact=True).click()
    there.wait_for_function("() => players.some((one) => one.currentTime > 0)")
    assert "hidden notes" not in there.content()
    for name in ("Check the evidence", "Classify", "Delete", "Sign out", "Share", "Confirm"):
        expect(there.get_by_role("button", name=re.compile(name))).to_have_count(0)
    expect(there.get_by_role("navigation")).to_have_count(0)
    visitor.expect_fine()
    api = [one for one in asked if "/v1/" in one]
    assert api
    assert all(one.startswith("GET ") for one in api), api
    assert not [one for one in asked if "pss_" in one.partition("#")[0]]
    assert (
        there.evaluate("Object.keys({...localStorage, ...sessionStorage}).filter((one) => one.includes('key'))") == []
    )

    page.get_by_role("button", name=f"Revoke {share.id}").click()
    expect(page.get_by_label("Shared link", exact=True)).to_have_count(0)
    visitor.expected = ("404",)
    there.reload()
    expect(there.get_by_role("heading", name="Nothing is shared here")).to_be_visible()
    expect(there.get_by_text("This link has ended")).to_be_visible()
    visitor.expect_fine()


def test_a_link_shows_the_same_to_whoever_is_signed_in(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """Another owner's key has no part in it, and stays as it was; a link that was cut says so."""
    owner, other = visit(), visit()
    track = owner.client.upload(recordings["dog_small"])
    made = owner.client.share_track(track.id)
    other.expected = ("404",)
    other.go("/")
    page = _opened(other, owner.client.address(made.url))
    expect(page.get_by_role("heading", level=1)).to_have_text("dog_small.m4a")
    page.goto(f"{other.url}/")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page = _opened(other, f"{other.url}/shared#{made.token[:9]}")
    expect(page.get_by_text("This link has ended")).to_be_visible()
    page = _opened(other, f"{other.url}/shared")
    expect(page.get_by_text("not whole")).to_be_visible()


def test_a_visitor_reads_that_it_could_not_be_measured(
    stack: RunningStack, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """It was tried, and failed: not that it was not tried yet."""
    owner, visitor = visit(), visit()
    visitor.expected = ("/waveform", "/audio", "/spectrogram")
    path = tmp_path / "lost.wav"
    path.write_bytes(tone_wav(0.5, rate_hz=8_000, seed=72))
    track = owner.client.upload(path).id
    store = ObjectStore(stack.settings)
    store.delete(store.keys(f"tracks/{track}/"))
    assert owner.client.wait(owner.client.create_job(track, ["describe"])).status is Status.FAILED
    page = _opened(visitor, owner.client.address(owner.client.share_track(track).url))
    expect(page.get_by_label("How it sounds")).to_contain_text("It could not be measured.")
    visitor.expect_fine(*BOTH)


def test_a_page_whose_link_ends_while_it_is_open_says_so(
    stack: RunningStack, visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """By itself, once it would read its links again."""
    owner, visitor = visit(), visit()
    visitor.expected = ("404",)
    track = owner.client.upload(recordings["dog_small"])
    made = owner.client.share_track(track.id)
    visitor.page.clock.install()
    page = _opened(visitor, owner.client.address(made.url))
    expect(page.get_by_role("heading", level=1)).to_have_text("dog_small.m4a")
    _end(stack, made.id)
    page.clock.fast_forward("24:00:00")
    expect(page.get_by_text("This link has ended")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is shared here")
    visitor.expect_fine(*BOTH)


def _end(stack: RunningStack, share: str) -> None:
    """As if a link's time were over."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        session.execute(text("UPDATE shares SET expires_at = now() WHERE id = :id"), {"id": share})
    database.close()


def test_stems_of_a_shared_recording_play(visit: Callable[..., Visit], recordings: dict[str, Path], tiny: str) -> None:
    """What was taken apart is mixed by a visitor too, who can export nothing."""
    owner, visitor = visit(), visit()
    options = {"separate": {"model": tiny}}
    job = owner.client.wait(owner.client.analyze(recordings["dog_small"], ["describe", "separate"], options))
    page = _opened(visitor, owner.client.address(owner.client.share_track(job.recording).url))
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()
    expect(page.get_by_role("button", name="Export this mix")).to_have_count(0)
    visitor.expect_fine(*BOTH)
