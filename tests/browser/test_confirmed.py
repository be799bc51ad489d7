"""What an owner confirmed or rejected, where the page shows what was found and what is heard over time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from phonoscope.contract import LabelState
from tests.browser.visit import BOTH, WIDE, Visit


def test_a_search_says_that_a_label_is_confirmed(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """By name, by a recording, and by the label itself, which no model has."""
    here = visit(WIDE)
    page, client = here.page, here.client
    jobs = {name: client.analyze(path, ["classify", "embed"]) for name, path in recordings.items()}
    tracks = {name: client.wait(job).recording for name, job in jobs.items()}
    client.say_label(tracks["dog_small"], "our_hound")
    here.go("/search?q=dog_small")
    expect(page.get_by_role("region", name="Found by name")).to_contain_text("our hound (confirmed)")
    here.go(f"/search?track={tracks['dog_large']}")
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.filter(has_text="dog_small")).to_contain_text("our hound (confirmed)")
    here.go("/search?q=our hound")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("our hound (confirmed)")
    here.expect_fine(*BOTH)


def test_labels_over_time_leave_out_what_was_rejected(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """Of a span, then of the whole recording; the strip and the list have what the export predicts."""
    here = visit(WIDE)
    page, client = here.page, here.client
    job = client.analyze(recordings["dog_large"], ["classify"])
    track = client.wait(job).recording
    here.go(f"/tracks/{track}")
    stretches = page.get_by_role("list", name="Stretches of one label each").get_by_role("listitem")
    strip = page.get_by_role("list", name="Labels over time").get_by_role("listitem")
    expect(stretches.first).to_contain_text("dog")
    expect(strip.first).to_contain_text("dog")
    client.say_label(track, "dog", LabelState.REJECTED, 0.0, 1.0)
    here.go(f"/tracks/{track}")
    expect(stretches.first).to_contain_text("0:01.0")
    assert [text for text in _times(page) if text.startswith("0:00.0")] == []
    client.say_label(track, "dog", LabelState.REJECTED)
    here.go(f"/tracks/{track}")
    expect(page.get_by_role("region", name="Your labels")).to_contain_text("dog")
    expect(page.locator("#what .bars > li")).not_to_have_count(0)
    expect(strip.filter(has_text="dog")).to_have_count(0)
    expect(stretches.filter(has_text="dog")).to_have_count(0)


def _times(page: Page) -> list[str]:
    return page.locator(".segment__time").all_inner_texts()
