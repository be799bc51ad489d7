"""What an owner corrects of a recording's labels, wherever the page says what is heard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from tests.browser.visit import SIZES, Visit


def _listened(here: Visit, recording: Path) -> str:
    """A recording that was classified; its id."""
    return here.client.wait(here.client.analyze(recording, ["classify"])).recording


@SIZES
def test_what_is_heard_is_what_was_confirmed(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Rejected, the model's label is named as such; a confirmed one is said first; undone, all is as it was."""
    here = visit(size)
    page = here.page
    track = _listened(here, recordings["dog_large"])
    here.go(f"/tracks/{track}")
    heard, own = page.get_by_role("region", name="What is heard"), page.get_by_role("region", name="Your labels")
    counts = heard.locator(".heard__label")
    expect(counts).to_have_text(re.compile(r"^dog [> ]*\d+ %$"))
    before = heard.inner_text()
    own.get_by_role("button", name="Reject dog").click()
    expect(heard).to_contain_text(re.compile(r"model: dog [> ]*\d+ %, rejected by you"))
    expect(counts).to_have_count(0)
    own.get_by_label("Add a label").fill("wolf")
    own.get_by_label("Add a label").press("Enter")
    expect(counts).to_have_text("wolf, confirmed by you")
    assert re.search(r"wolf.*model: dog [> ]*\d+ %, rejected by you", heard.inner_text(), re.DOTALL)
    expect(page.locator("#what .bars > li").filter(has_text="dog").locator("s")).to_have_text("dog")
    here.expect_fine()
    shown = here.client.track(track)
    assert (shown.label, shown.label_confirmed) == ("wolf", True)
    for left in ("model: dog", "dog"):
        own.get_by_role("button", name="Undo").click()
        expect(heard).to_have_text(re.compile(f"{left} [> ]*\\d+ %"))
    expect(counts).to_have_count(1)
    assert heard.inner_text() == before
