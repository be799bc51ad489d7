"""Where a clip is dropped decides: on the library's search field it is searched by, elsewhere it is added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from tests.browser.visit import WIDE_FIRST, Visit, drag

_ENDS_MS = 60_000


@WIDE_FIRST
def test_a_clip_on_the_search_field_is_searched_by(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Nothing is added: what sounds like it is found. A text is the browser's, and a clip beside the field is added."""
    here = visit(size)
    page = here.page
    jobs = [here.client.analyze(recordings[name], ["classify", "embed"]) for name in ("dog_large", "rain_roof")]
    for job in jobs:
        here.client.wait(job)
    here.go("/")
    field = page.get_by_role("searchbox", name="Filter by name")
    assert drag(field, "dragover", "drop") == [False, False]
    assert drag(field, "dragover", path=recordings["dog_small"]) == [True]
    expect(field).to_have_attribute("placeholder", "Drop to search by it")
    expect(page.get_by_text("Drop to add to the library")).to_have_count(0)
    assert here.violations() == []
    assert drag(field, "drop", path=recordings["dog_small"]) == [True]
    expect(page.get_by_text("What sounds like")).to_be_visible()
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.first).to_contain_text("dog_large", timeout=_ENDS_MS)
    here.expect_fine()
    assert len(here.client.tracks().items) == 2
    page.get_by_role("link", name="Library", exact=True).click()
    expect(field).to_have_attribute("placeholder", "Filter by name")
    assert drag(page.locator("main"), "dragover", "drop", path=recordings["dog_small"]) == [True, True]
    expect(page.get_by_label("Uploads").get_by_text("done")).to_be_visible(timeout=_ENDS_MS)
    assert len(here.client.tracks().items) == 3
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_label("Search by words")).to_be_visible()
    expect(page.get_by_text("What sounds like")).to_have_count(0)


def test_a_clip_on_the_search_page_s_box_is_searched_by(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """What sounds like it is found, and nothing is added."""
    here = visit()
    page = here.page
    for name in ("dog_large", "rain_roof"):
        here.client.wait(here.client.analyze(recordings[name], ["classify", "embed"]))
    here.go("/search")
    box = page.get_by_role("region", name="Search", exact=True)
    assert drag(box, "dragover", path=recordings["dog_small"]) == [True]
    expect(page.get_by_text("Drop to add to the library")).to_have_count(0)
    assert drag(box, "drop", path=recordings["dog_small"]) == [True]
    found = page.get_by_role("list", name="Recordings").get_by_role("listitem")
    expect(found.first).to_contain_text("dog_large", timeout=_ENDS_MS)
    expect(page.get_by_role("complementary", name="Uploads")).to_have_count(0)
    assert len(here.client.tracks().items) == 2
