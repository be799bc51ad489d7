"""What many recordings of the library are given to at once, and the orders in which it lists them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from phonoscope.states import Status, TaskName
from tests.browser.visit import BOTH, Visit
from tests.support import tone_wav

_ENDS_MS = 90_000
_ORDERS = {
    "oldest": ["b.wav", "c.wav", "a.wav"],
    "name": ["a.wav", "b.wav", "c.wav"],
    "longest": ["c.wav", "a.wav", "b.wav"],
    "shortest": ["b.wav", "a.wav", "c.wav"],
    "newest": ["a.wav", "c.wav", "b.wav"],
}


def _rows(page: Page) -> Locator:
    return page.get_by_label("Recordings", exact=True).get_by_role("listitem")


def test_what_is_selected_is_heard_again_and_taken_apart(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """Those that are selected, and no others: their rows have labels, and their pages stems."""
    here = visit()
    page, client = here.page, here.client
    ids = {path.name: client.upload(path).id for path in recordings.values()}
    here.go("/")
    page.get_by_role("button", name="Select", exact=True).click()
    chosen = ["dog_large.flac", "dog_small.m4a"]
    for name in chosen:
        page.get_by_label(f"Select {name}").check()
    bar = page.get_by_role("region", name="Selected recordings")
    bar.get_by_role("button", name="Listen again").click()
    expect(bar.get_by_role("status")).to_have_text("Listened to again: 2 of 2")
    for name in chosen:
        label = _rows(page).filter(has_text=name).locator(".track__label")
        expect(label).to_contain_text("dog", timeout=_ENDS_MS)
    expect(_rows(page).filter(has_text="rain_roof.flac")).to_contain_text("not listened to")
    bar.get_by_role("button", name="Take apart").click()
    expect(bar.get_by_role("status")).to_have_text("Taken apart: 2 of 2")
    here.expect_fine(*BOTH)
    asked = {job.id: job for job in client.jobs().items if job.tasks[0].name is TaskName.SEPARATE}
    assert {job.recording for job in asked.values()} == {ids[name] for name in chosen}
    assert {client.wait(job).status for job in asked.values()} == {Status.SUCCEEDED}
    page.get_by_role("link", name="dog_small.m4a").click()
    page.locator("#stems").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled(timeout=90_000)


def test_what_could_not_be_deleted_stays_selected(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """It is said why, and a second try deletes that one alone."""
    here = visit()
    here.expected = ("503",)
    page, client = here.page, here.client
    ids = {}
    for seed, name in enumerate(("a.wav", "b.wav", "c.wav")):
        (tmp_path / name).write_bytes(tone_wav(0.5, rate_hz=8_000, seed=40 + seed))
        ids[name] = client.upload(tmp_path / name).id

    def refuse(route: Route) -> None:
        problem = {"title": "Busy", "status": 503, "detail": "the store is busy", "code": "busy", "retryable": True}
        route.fulfill(status=503, json=problem, content_type="application/problem+json")

    refused = f"**/v1/tracks/{ids['b.wav']}"
    page.route(refused, lambda route: refuse(route) if route.request.method == "DELETE" else route.continue_())
    here.go("/")
    page.get_by_role("button", name="Select", exact=True).click()
    for name in ids:
        page.get_by_label(f"Select {name}").check()
    bar = page.get_by_role("region", name="Selected recordings")
    for says in ("Deleted: 2 of 3, 1 failed: The store is busy.", "Deleted: 1 of 1"):
        bar.get_by_role("button", name="Delete …").click()
        bar.get_by_role("button", name="Delete", exact=True).click()
        expect(bar.get_by_role("status")).to_have_text(says)
        if client.tracks().items:
            expect(_rows(page)).to_have_count(1)
            expect(page.get_by_label("Select b.wav")).to_be_checked()
            expect(bar.get_by_role("status")).to_have_text(says)
            page.unroute(refused)
    expect(_rows(page)).to_have_count(0)
    assert client.tracks().items == []


def test_the_library_has_five_orders(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """By age, name and length; a reload keeps the order."""
    here = visit()
    for name, seconds in {"b.wav": 0.5, "c.wav": 1.5, "a.wav": 1.0}.items():
        (tmp_path / name).write_bytes(tone_wav(seconds, rate_hz=8_000, seed=round(10 * seconds)))
        here.client.upload(tmp_path / name)
    here.go("/")
    page = here.page
    order = page.get_by_label("Order of the library")
    names = _rows(page).get_by_role("link")
    expect(names).to_have_text(_ORDERS["newest"])
    assert set(order.locator("option").all_inner_texts()) == set(_ORDERS)
    for name, wanted in _ORDERS.items():
        order.select_option(name)
        expect(names).to_have_text(wanted)
        page.reload()
        expect(names).to_have_text(wanted)
    here.expect_fine(*BOTH)
