"""Labels that owners confirm and reject, on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.visit import Visit
from tests.support import tone_wav


def test_labels_are_confirmed_rejected_and_undone(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """On the recording's page; the library shows what is confirmed, and that it is."""
    here = visit()
    page, client = here.page, here.client
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(2.0, seed=750))
    track = client.upload(path).id
    client.say_label(track, "steady_tone")
    here.go(f"/tracks/{track}")
    own = page.get_by_role("region", name="Your labels")
    expect(own.get_by_role("listitem")).to_have_text(["steady tone"])
    own.get_by_label("Add a label").fill("hum")
    own.get_by_label("Add a label").press("Enter")
    expect(own.get_by_role("listitem")).to_have_text(["steady tone", "hum"])
    own.get_by_role("button", name="Reject steady tone").click()
    expect(own.get_by_role("listitem")).to_have_text(["hum", "steady tone"])
    expect(own.get_by_role("button", name="Confirm steady tone")).to_be_visible()
    assert {(each.label, each.state.value) for each in client.labels(track).labels} == {
        ("hum", "confirmed"),
        ("steady_tone", "rejected"),
    }
    own.get_by_role("button", name="Undo").click()
    expect(own.get_by_role("button", name="Reject steady tone")).to_be_visible()
    here.go("/")
    row = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(row.locator(".track__label")).to_contain_text("confirmed by you")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="hum").click()
    expect(row).to_have_count(1)
