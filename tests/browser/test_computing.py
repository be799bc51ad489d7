"""What the page says while a recording's tasks wait and run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Request, Route, ViewportSize, expect

from tests.browser.visit import NARROW, WIDE, Visit

_TASKS = ("classify", "embed", "explain", "features", "describe")
_OFFERS = {
    "Show the evidence": ".evidence",
    "Show the feature maps": "#inside",
    "Compare with other recordings": "#similar",
}


def _held(here: Visit, job_id: str, track_id: str) -> dict[str, Any]:
    """The job as it was while its first task ran, as of another recording."""
    answer = httpx.get(f"{here.url}/v1/jobs/{job_id}", headers={"Authorization": f"Bearer {here.key}"})
    job: dict[str, Any] = answer.raise_for_status().json()
    waits = {"status": "queued", "result": None, "finished_at": None, "progress": 0.0}
    tasks = [{**task, **waits} for task in job["tasks"]]
    tasks[0]["status"] = "running"
    return {**job, "track_id": track_id, "status": "running", "finished_at": None, "tasks": tasks}


def _hold(page: Page, job: dict[str, Any]) -> None:
    """Answers that this job runs and has no results yet, until routes are removed."""

    def answer(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        items = [job] if asked["status"] == ["running"] and asked.get("track_id") == [job["track_id"]] else []
        route.fulfill(json={"items": items, "next_cursor": None})

    page.route("**/v1/jobs?*", answer)
    page.route("**/v1/tracks/*/results", lambda route: route.fulfill(json={"track_id": job["track_id"], "items": []}))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_is_being_computed_is_not_offered(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Each section says that its task goes on, without a button; once nothing goes on, the buttons are there."""
    here = visit(size)
    page, client = here.page, here.client
    done = client.wait(client.analyze(recordings["dog_large"], list(_TASKS)))
    track = client.upload(recordings["dog_small"]).id
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    _hold(page, _held(here, done.id, track))
    here.go(f"/tracks/{track}")
    expect(page.get_by_role("list", name="Running tasks").get_by_role("listitem")).to_have_count(len(_TASKS))
    for section in ("inside", "similar"):
        page.locator(f"#{section}").scroll_into_view_if_needed()
    expect(page.locator(".evidence")).to_contain_text("The evidence is being computed.")
    expect(page.locator("#inside")).to_contain_text("The feature maps are being computed.")
    expect(page.locator("#similar")).to_contain_text("What this recording sounds like is being computed.")
    expect(page.get_by_label("How it sounds")).to_contain_text("It is being measured.")
    expect(page.get_by_label("Labels", exact=True)).to_contain_text("It is being listened to.")
    for offer, place in _OFFERS.items():
        expect(page.locator(place).get_by_role("button", name=offer)).to_have_count(0)
    here.expect_fine()
    page.unroute_all(behavior="ignoreErrors")
    for offer, place in _OFFERS.items():
        expect(page.locator(place).get_by_role("button", name=offer)).to_be_visible()
    expect(page.get_by_label("How it sounds")).not_to_contain_text("It is being measured.")
    assert [one.url for one in asked] == []
