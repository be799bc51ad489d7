"""The models on the page: one of them can be chosen for what is added from then on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, ViewportSize, expect

from phonoscope.tasks import Classify
from tests.browser.visit import BOTH, WIDE_FIRST, Visit
from tests.integration.spaces_of import recall_of
from tests.support import RunningStack, tone_wav

_ENDS_MS = 60_000
_SAYS = "New recordings from this browser are classified by environment-10."


def add(here: Visit, path: Path) -> str:
    """Adds a recording on the library's page, and returns the model that was asked to classify it."""
    here.page.get_by_label("Recordings to upload").set_input_files(path)
    row = here.page.get_by_label("Uploads").get_by_role("listitem").filter(has_text=path.name)
    expect(row.get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    classified = here.client.jobs().items[0].result(Classify)
    # A kind is heard where the model is not named.
    return "auto" if classified.kind else classified.model.name


def sound(folder: Path, seed: int) -> Path:
    path = folder / f"sound-{seed}.wav"
    path.write_bytes(tone_wav(1.0, seed=seed))
    return path


def use(page: Page, model: str) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("button", name=f"Use this one: {model}").click()


@WIDE_FIRST
def test_a_model_is_used_for_new_recordings(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """*Use this one* is said where recordings are added, survives a reload, is undone, and ends with the sign-in."""
    here = visit(size)
    page = here.page
    here.go("/")
    assert add(here, sound(tmp_path, 1)) == "auto"
    use(page, "environment-10")
    expect(page.get_by_role("status").filter(has_text=_SAYS)).to_be_visible()
    here.expect_fine()
    page.get_by_role("link", name="Library", exact=True).click()
    page.reload()
    expect(page.get_by_text(_SAYS)).to_be_visible()
    assert here.violations() == []
    assert add(here, sound(tmp_path, 2)) == "environment-10"
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("What is heard decides what classifies new recordings.")).to_be_focused()
    assert add(here, sound(tmp_path, 3)) == "auto"
    use(page, "environment-10")
    page.get_by_role("button", name="Stop using this one: environment-10").click()
    expect(page.get_by_role("button", name="Use this one: environment-10")).to_be_focused()
    use(page, "environment-10")
    page.get_by_role("button", name="Sign out").click()
    here.go("/")
    expect(page.get_by_label("Recordings to upload")).to_be_attached()
    expect(page.get_by_text(_SAYS)).to_have_count(0)


def test_a_model_that_is_gone_is_not_asked_for(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """A new recording is classified by what is heard then, and the page no longer names the model."""
    here = visit()
    page = here.page
    here.expected = ("422",)
    here.go("/models")
    gone = "environment-10"

    def ask_for_another(route: Route) -> None:
        route.continue_(post_data=(route.request.post_data or "").replace(gone, "no-such-model"))

    page.get_by_role("button", name=f"Use this one: {gone}").click()
    page.route("**/v1/jobs", ask_for_another)
    page.get_by_role("link", name="Library", exact=True).click()
    assert add(here, sound(tmp_path, 4)) == "auto"
    expect(page.get_by_text(_SAYS)).to_have_count(0)
    here.expect_fine(*BOTH)


def test_the_recall_of_a_space_is_shown(visit: Callable[..., Visit], stack: RunningStack, tmp_path: Path) -> None:
    """In the table of the spaces that hold something of one's own."""
    here = visit()
    here.client.wait(here.client.analyze(sound(tmp_path, 4), ["embed"], {"classify": {"model": "environment-10"}}))
    with recall_of(stack, "mobilenet", 0.97, 50):
        here.go("/models")
        row = here.page.get_by_role("region", name="Table of spaces").get_by_role("row").filter(has_text="mobilenet")
        expect(row.get_by_role("cell").last).to_have_text(re.compile(r"^97\s%$"))
