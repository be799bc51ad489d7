"""A library of ten thousand recordings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from playwright.sync_api import ViewportSize, expect
from sqlalchemy import insert

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import TrackLabelsRow, TrackRow
from phonoscope.db.service.keys import authenticate
from tests.browser.visit import WIDE_FIRST, Visit
from tests.support import RunningStack

_TRACKS = 10_000
_MOST_ROWS = 60
_PATIENCE_S = 60.0
_LABELS: tuple[list[str], ...] = (["rain"], ["dog"], [])


def _fill(stack: RunningStack, key: str, tracks: int = _TRACKS) -> None:
    """Inserts tracks without recordings, and their labels: this test looks at the list only."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        owner_id = authenticate(session, key).owner_id
        first = datetime.now(UTC) - timedelta(days=30)
        facts = {"media_type": "audio/wav", "container": "wav", "codec": "pcm_s16le", "warnings": [], "channels": 1}
        sizes = {"size_bytes": 1, "sample_rate_hz": 44_100, "duration_s": 5.0, "owner_id": owner_id}
        rows = [
            {
                "id": f"trk_{owner_id}{number:05}",
                "sha256": f"{number:064}",
                "filename": f"take-{number:05}.wav",
                "object_key": f"tracks/none/{number}",
                "created_at": first + timedelta(seconds=number),
                **facts,
                **sizes,
            }
            for number in range(tracks)
        ]
        session.execute(insert(TrackRow), rows)
        classified = {"model": "environment-50", "position": 0, "finished_at": first}
        labels = [
            {"track_id": row["id"], "labels": _LABELS[number % len(_LABELS)] if number else ["owl"], **classified}
            for number, row in enumerate(rows)
        ]
        session.execute(insert(TrackLabelsRow), labels)
    database.close()


def test_a_long_list_renders_few_rows(stack: RunningStack, visit: Callable[..., Visit]) -> None:
    """Few rows are in the document at any scroll position; search and labels find rows far down."""
    here = visit()
    here.expected = ("/waveform", "/audio", "/spectrogram")
    _fill(stack, here.key)
    here.go("/")
    page = here.page
    rows = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(rows.first).to_contain_text("take-09999.wav")
    seen: set[str] = set()
    until = monotonic() + _PATIENCE_S
    while len(seen) <= 100 or page.evaluate("scrollY") <= 6_000:
        assert monotonic() < until, f"{len(seen)} rows were seen"
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(150)
        assert rows.count() < _MOST_ROWS
        seen |= set(rows.get_by_role("link").all_inner_texts())

    chips = page.get_by_role("group", name="Filter by label")
    expect(chips.get_by_role("button")).to_have_text(["all", "dog 3,333", "rain 3,333", "owl 1"])
    chips.get_by_role("button", name="owl").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("take-00000.wav")
    chips.get_by_role("button", name="all").click()

    page.get_by_label("Filter by name").fill("take-00042")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("rain")
    page.get_by_label("Filter by name").fill("")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="dog").click()
    expect(rows.first).to_contain_text("take-09997.wav")

    page.evaluate("scrollTo(0, 3000)")
    page.wait_for_timeout(150)
    link = rows.nth(12).get_by_role("link")
    expect(link).to_be_in_viewport()
    name = link.inner_text()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    assert page.evaluate("scrollY") == 0
    page.get_by_role("link", name="Back to the library").click()
    expect(page.get_by_role("button", name="dog")).to_have_attribute("aria-pressed", "true")
    expect(rows.filter(has_text=name)).to_be_in_viewport()
    page.reload()
    expect(rows.first).to_contain_text("take-09997.wav")


@WIDE_FIRST
def test_all_that_match_are_selected(stack: RunningStack, visit: Callable[..., Visit], size: ViewportSize) -> None:
    """Those too that the list has not read: as many as it says match, and all of them are put in a collection."""
    here = visit(size)
    here.expected = ("/waveform",)
    _fill(stack, here.key, 360)
    page = here.page
    count = page.locator(".library__count").first
    here.go("/")
    expect(count).to_contain_text("360 recordings in the library")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="dog").click()
    expect(count).to_contain_text("120 recordings match")
    page.get_by_role("button", name="Select", exact=True).click()
    bar = page.get_by_role("region", name="Selected recordings")
    bar.get_by_role("button", name="Select all 100 shown").click()
    expect(bar.get_by_role("status")).to_have_text("100 selected")
    bar.get_by_role("button", name="Select all 120 that match").click()
    expect(bar.get_by_role("status")).to_have_text("120 selected")
    expect(bar.get_by_role("button", name="that match")).to_have_count(0)
    assert here.violations() == []
    bar.get_by_role("button", name="Collect …").click()
    page.get_by_label("Name of the new collection").fill("dogs")
    page.get_by_role("button", name="Put there").click()
    expect(bar.get_by_role("status")).to_have_text("Put in dogs: 120")
    [dogs] = here.client.collections()
    assert dogs.tracks == 120
    bar.get_by_role("button", name="Select none").click()
    expect(bar.get_by_role("button", name="Select all 100 shown")).to_be_visible()
    expect(bar.get_by_role("button", name="Collect …")).to_be_disabled()
    bar.get_by_role("button", name="Done").click()

    page.get_by_role("group", name="Filter by label").get_by_role("button", name="all").click()
    page.get_by_label("Collection that is shown").select_option("dogs (120)")
    expect(count).to_contain_text("120 recordings in the collection")
    page.get_by_label("Filter by name").fill("take-0001")
    expect(count).to_contain_text("4 recordings match")
    page.get_by_label("Filter by name").fill("take")
    expect(count).to_contain_text("more than 100 recordings match")
