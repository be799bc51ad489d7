"""What a tab remembers over a reload: for its owner alone, and so that nothing is asked for twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.visit import BOTH, Visit

_ENDS_MS = 90_000
_LOST = ("ERR_FAILED",)


def _dock(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Uploads")


def _row_px(page: Page) -> float:
    box = _dock(page).get_by_role("listitem").bounding_box()
    assert box
    return round(box["height"], 1)


def test_a_reload_goes_on_with_the_analysis(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """It is watched, and not asked for again; nothing moves when it is ready."""
    here = visit()
    here.expected = _LOST
    page = here.page
    here.go("/")
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/v1/jobs"):
            asked.append(request.url)

    page.on("request", note)
    # The page is told of nothing: for it the analysis goes on, however fast it is.
    page.route("**/v1/jobs/job_*", lambda _: None)
    page.route("**/v1/jobs/job_*/**", lambda _: None)
    page.get_by_label("Recordings to upload").set_input_files(recordings["rain_roof"])
    page.wait_for_function("() => Object.values(sessionStorage).some((kept) => kept.includes('job_'))")
    assert len(asked) == 1
    busy_px = _row_px(page)
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    expect(_dock(page).get_by_role("listitem")).to_contain_text("%", timeout=_ENDS_MS)
    assert len(asked) == 1
    assert _row_px(page) == busy_px
    here.expect_fine(*BOTH)
    assert len(here.client.jobs().items) == 1


def test_a_restored_tab_shows_no_uploads_of_who_has_signed_out(
    visit: Callable[..., Visit], recordings: dict[str, Path]
) -> None:
    """Neither to the next person nor in what the tab stores; every open tab forgets them too."""
    here, another = visit(), visit()
    page = here.page
    here.go("/")
    page.get_by_label("Recordings to upload").set_input_files(recordings["dog_small"])
    expect(_dock(page).get_by_role("listitem")).to_contain_text("%", timeout=_ENDS_MS)
    kept = page.evaluate("({ ...sessionStorage })")
    assert "dog_small" in str(kept)
    elsewhere = page.context.new_page()
    elsewhere.goto(f"{here.url}/jobs")
    elsewhere.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert "dog_small" not in page.evaluate("JSON.stringify({ ...sessionStorage })")
    restored = page.context.new_page()
    restored.goto(f"{here.url}/health/live")
    restored.evaluate(
        "kept => Object.entries(kept).forEach(([name, value]) => sessionStorage.setItem(name, value))", kept
    )
    restored.goto(f"{here.url}/")
    restored.get_by_label("API key").fill(another.key)
    restored.get_by_role("button", name="Sign in").click()
    expect(restored.get_by_role("button", name="Choose files")).to_be_visible()
    expect(_dock(restored)).to_have_count(0)
    assert "dog_small" not in restored.evaluate("JSON.stringify({ ...sessionStorage })")


def test_an_example_that_fails_says_so_and_is_tried_again(visit: Callable[..., Visit]) -> None:
    """Beside those that did not, also after a reload."""
    here = visit()
    here.expected = _LOST
    page = here.page
    here.go("/")
    page.route("**/v1/examples/rain_roof.flac", lambda route: route.abort())
    page.get_by_role("button", name="Try an example").click()
    rows = _dock(page).get_by_role("listitem")
    expect(rows).to_have_count(3)
    failed = rows.filter(has_text="rain_roof")
    again = failed.get_by_role("button", name="Try rain_roof.flac again")
    expect(again).to_be_visible(timeout=_ENDS_MS)
    page.reload()
    expect(again).to_be_visible()
    here.expect_fine(*BOTH)
    page.unroute("**/v1/examples/rain_roof.flac")
    again.click()
    expect(failed).to_contain_text("%", timeout=_ENDS_MS)
