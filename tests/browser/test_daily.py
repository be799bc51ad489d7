"""What a daily user does in the library, and what the page says of each state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response, ViewportSize, expect

from phonoscope.contract import TrackChange
from phonoscope.states import Status
from phonoscope.storage.store import ObjectStore
from tests.browser.visit import NARROW, WIDE_FIRST, Visit, held_at, record_players
from tests.support import RunningStack, tone_wav

_ENDS_MS = 60_000
_SENT = """() => {
    const assets = performance.getEntriesByType("resource").filter((one) => one.name.includes("/assets/"));
    return Object.fromEntries(assets.map((one) => [one.name, one.transferSize]));
}"""
"""The bytes that were sent for each script and style of the page that is open."""


def _upload(here: Visit, folder: Path, *names: str) -> list[str]:
    """Tones of these names, in this order; their ids."""
    ids = []
    for seed, name in enumerate(names):
        path = folder / name
        path.write_bytes(tone_wav(0.5, seed=seed + 10 * len(names)))
        ids.append(here.client.upload(path).id)
    return ids


@WIDE_FIRST
def test_a_row_plays_in_place(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """One at a time, and Space stops it; an unheard recording is not called unknown."""
    here = visit(size)
    record_players(here.page)
    for seed, name in enumerate(("first.wav", "second.wav")):
        (tmp_path / name).write_bytes(tone_wav(60.0, rate_hz=8_000, seed=seed))
        here.client.upload(tmp_path / name)
    here.go("/")
    page = here.page
    rows = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(rows.first).to_contain_text("not listened to")
    expect(page.get_by_text("2 recordings in the library")).to_be_visible()
    expect(rows.first).to_contain_text("second.wav")
    page.get_by_label("Order of the library").select_option("name")
    expect(rows.first).to_contain_text("first.wav")
    assert page.url.endswith("?sort=name")
    page.get_by_role("button", name="Play first.wav").click()
    expect(page.get_by_role("button", name="Stop first.wav")).to_be_visible()
    page.wait_for_function("() => players.length === 1 && players[0].currentTime > 0")
    page.get_by_role("button", name="Play second.wav").click()
    expect(page.get_by_role("button", name="Play first.wav")).to_be_visible()
    page.wait_for_function("() => players[0].paused && players[1].currentTime > 0")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play second.wav")).to_be_visible()
    assert page.evaluate("players.every((one) => one.paused)")
    here.expect_fine()


def test_the_safe_answer_has_the_focus_and_the_next_row_after(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Enter twice deletes nothing; after a deletion keys go on where they were."""
    here = visit()
    _upload(here, tmp_path, "one.wav", "two.wav", "three.wav")
    here.go("/")
    page = here.page
    bin_ = page.get_by_role("button", name="Delete two.wav")
    bin_.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alertdialog").get_by_role("button", name="Keep")).to_be_focused()
    assert here.violations() == []
    page.keyboard.press("Enter")
    expect(bin_).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="two.wav")).to_have_count(0)
    expect(page.get_by_role("link", name="one.wav")).to_be_focused()
    assert [track.filename for track in here.client.tracks().items] == ["three.wav", "one.wav"]
    for name, focused in (
        ("one.wav", page.get_by_role("link", name="three.wav")),
        ("three.wav", page.get_by_role("button", name="Try an example")),
    ):
        page.get_by_role("button", name=f"Delete {name}").press("Enter")
        page.get_by_role("alertdialog").get_by_role("button", name="Delete").press("Enter")
        expect(focused).to_be_focused()
    assert here.client.tracks().items == []


def test_the_last_that_matches_gives_the_focus_to_the_search(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Which is what one changes next."""
    here = visit()
    _upload(here, tmp_path, "one.wav", "two.wav")
    here.go("/?q=one")
    page = here.page
    page.get_by_role("button", name="Delete one.wav").press("Enter")
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_text("No recording matches.")).to_be_visible()
    expect(page.get_by_label("Filter by name")).to_be_focused()
    assert here.violations() == []


@WIDE_FIRST
def test_many_are_labelled_exported_and_deleted_at_once(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """Those that are selected, and no others."""
    here = visit(size)
    ids = _upload(here, tmp_path, "one.wav", "two.wav", "three.wav")
    here.client.change_track(ids[0], TrackChange(name="the first"))
    here.go("/")
    page = here.page
    page.get_by_role("button", name="Select", exact=True).click()
    page.get_by_label("Select the first").check()
    page.get_by_label("Select three.wav").check()
    bar = page.get_by_role("region", name="Selected recordings")
    expect(bar).to_contain_text("2 selected")
    here.expect_fine()
    bar.get_by_role("button", name="Label …").click()
    page.get_by_label("Label of the selected recordings").fill("hum")
    page.keyboard.press("Enter")
    expect(bar).to_contain_text("Labelled hum: 2 of 2")
    labelled = {track.id: track.confirmed for track in here.client.tracks().items}
    assert labelled == {ids[0]: ["hum"], ids[1]: [], ids[2]: ["hum"]}
    expect(page.get_by_role("group", name="Filter by label").get_by_role("button", name="hum")).to_have_text("hum 2")
    with page.expect_download() as download:
        bar.get_by_role("button", name="Export CSV").click()
    assert download.value.suggested_filename == "recordings.csv"
    table = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    rows = [row.split(",")[:4] for row in table[1:]]
    assert rows == [["three.wav", "", "hum", "yes"], ["one.wav", "the first", "hum", "yes"]]
    bar.get_by_role("button", name="Delete …").click()
    expect(bar.get_by_role("button", name="Keep")).to_be_focused()
    bar.get_by_role("button", name="Delete", exact=True).click()
    expect(bar).to_contain_text("Deleted: 2 of 2")
    assert [track.id for track in here.client.tracks().items] == [ids[1]]
    bar.get_by_role("button", name="Done").press("Enter")
    expect(page.get_by_role("button", name="Select", exact=True)).to_be_focused()


@WIDE_FIRST
def test_uploads_say_what_was_heard_and_survive_a_reload(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """A label in place of "done"; the same bytes again are said to be here already, under their name."""
    here = visit(size)
    here.go("/")
    page = here.page
    page.get_by_label("Recordings to upload").set_input_files(recordings["dog_large"])
    dock = page.get_by_role("complementary", name="Uploads")
    expect(dock.get_by_role("listitem").first).to_contain_text("dog", timeout=_ENDS_MS)
    expect(dock).to_contain_text("%", timeout=_ENDS_MS)
    again = {"name": "again.flac", "mimeType": "audio/flac", "buffer": recordings["dog_large"].read_bytes()}
    page.get_by_label("Recordings to upload").set_input_files(again)  # type: ignore[arg-type]
    expect(dock.get_by_role("listitem").nth(1)).to_contain_text("already here as dog_large.flac", timeout=_ENDS_MS)
    here.expect_fine()
    page.reload()
    expect(dock.get_by_role("listitem")).to_have_count(2)
    expect(dock.get_by_role("listitem").nth(1)).to_contain_text("already here as dog_large.flac")
    [track] = here.client.tracks().items
    here.client.change_track(track.id, TrackChange(name="Rex"))
    page.get_by_label("Recordings to upload").set_input_files({**again, "name": "third.flac"})  # type: ignore[arg-type]
    expect(dock.get_by_role("listitem").nth(2)).to_contain_text("already here as Rex", timeout=_ENDS_MS)
    page.reload()
    expect(dock.get_by_role("listitem").nth(2)).to_contain_text("already here as Rex")
    here.client.change_track(track.id, TrackChange(name=None))
    dock.get_by_role("button", name="Fold").click()
    expect(dock.get_by_role("listitem")).to_have_count(0)
    dock.get_by_role("button", name="Show").click()
    dock.get_by_role("link", name="again.flac").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("dog_large.flac")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").fill(here.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    expect(dock).to_have_count(0)


def test_an_upload_goes_on_after_a_reload(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """What was stored is analysed, without a press."""
    here = visit()
    here.go("/")
    page = here.page
    page.route("**/v1/jobs", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    here.expected = ("ERR_FAILED",)
    page.get_by_label("Recordings to upload").set_input_files(recordings["rain_roof"])
    dock = page.get_by_role("complementary", name="Uploads")
    expect(dock).to_contain_text("1 failed", timeout=_ENDS_MS)
    page.unroute("**/v1/jobs")
    page.reload()
    expect(dock.get_by_role("listitem")).to_contain_text("%", timeout=_ENDS_MS)


@WIDE_FIRST
def test_an_empty_library_offers_examples_and_a_tour(visit: Callable[..., Visit], size: ViewportSize) -> None:
    """One click makes recordings with results; the tour is gone for good once it was closed."""
    here = visit(size)
    here.go("/")
    page = here.page
    tour = page.get_by_role("complementary", name="Tour")
    expect(tour).to_contain_text("1 of 3")
    here.expect_fine()
    tour.get_by_role("button", name="Next").click()
    tour.get_by_role("button", name="Next").click()
    tour.get_by_role("button", name="Close").press("Enter")
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    page.get_by_role("button", name="Try an example").click()
    rows = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(rows.filter(has_text="dog_large.flac").locator(".track__label")).to_contain_text("dog", timeout=_ENDS_MS)
    expect(rows.filter(has_text="song.flac")).to_be_visible(timeout=_ENDS_MS)
    expect(rows).to_have_count(3, timeout=_ENDS_MS)
    page.reload()
    expect(rows).to_have_count(3)
    expect(tour).to_have_count(0)


def test_no_network_is_said(visit: Callable[..., Visit]) -> None:
    """And that it goes on by itself."""
    here = visit(NARROW)
    here.go("/")
    said = here.page.get_by_text("No network.")
    expect(here.page.get_by_role("button", name="Try an example")).to_be_visible()
    here.page.context.set_offline(True)
    expect(said).to_be_visible()
    assert here.violations() == []
    here.page.context.set_offline(False)
    expect(said).to_have_count(0)


@WIDE_FIRST
def test_an_unknown_address_is_the_page_s_own(visit: Callable[..., Visit], size: ViewportSize) -> None:
    """It says so and leads to the library."""
    here = visit(size)
    here.expected = ("404",)
    here.go("/nothing/here")
    expect(here.page.get_by_role("heading", name="There is no such page")).to_be_visible()
    here.expect_fine()
    here.page.get_by_role("link", name="Go to the library").click()
    expect(here.page.get_by_role("button", name="Choose files")).to_be_visible()


def test_the_system_s_theme_is_followed(visit: Callable[..., Visit]) -> None:
    """Until one is chosen, also while the page is open."""
    here = visit()
    page = here.page
    here.go("/")
    dark = _ground(page)
    page.emulate_media(color_scheme="light")
    expect(page.get_by_role("button", name="Dark theme")).to_be_visible()
    expect(page.locator("html[data-theme=light]")).to_have_count(1)
    light = _ground(page)
    assert light != dark
    page.reload()
    assert _ground(page) == light
    page.get_by_role("button", name="Dark theme").click()
    assert _ground(page) == dark
    page.reload()
    assert _ground(page) == dark


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


@WIDE_FIRST
def test_evidence_is_on_and_its_checks_answer_in_words(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Amber is explained in one line; each check passes, is doubtful or fails, and says what it means."""
    here = visit(size)
    options = {"explain": {"trust": True}}
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"], options))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    expect(page.get_by_text("made it say dog")).to_be_visible()
    why = page.get_by_label("Why", exact=True)
    expect(why.get_by_role("heading", name="Can it be believed?")).to_be_visible()
    expect(why).to_contain_text("checks")
    expect(why.locator("dt strong")).to_have_count(3)
    assert set(why.locator("dt strong").all_inner_texts()) <= {"passes", "doubtful", "fails"}
    here.expect_fine()


def test_what_was_never_heard_says_so(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """On its own page as in the list."""
    here = visit()
    [track] = _upload(here, tmp_path, "quiet.wav")
    # What is asked for to be drawn has it measured.
    for drawn in ("waveform", "spectrogram"):
        held_at(here.page, f"**/{drawn}**")
    here.go(f"/tracks/{track}")
    expect(here.page.get_by_label("Labels", exact=True)).to_contain_text("never listened to")
    expect(here.page.get_by_label("How it sounds")).to_contain_text("Not measured yet.")


@WIDE_FIRST
def test_what_could_not_be_heard_says_so(
    stack: RunningStack, visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """On its page as in the list: it was tried, and failed."""
    here = visit(size)
    here.expected = ("/waveform", "/audio", "/spectrogram")
    [track] = _upload(here, tmp_path, "lost.wav")
    store = ObjectStore(stack.settings)
    keys = store.keys(f"tracks/{track}/")
    assert keys
    store.delete(keys)
    job = here.client.wait(here.client.create_job(track, ["classify", "describe"]))
    assert job.status is Status.FAILED
    here.go("/")
    row = here.page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(row).to_contain_text("could not be listened to")
    here.expect_fine()
    here.go(f"/tracks/{track}")
    expect(here.page.get_by_label("Labels", exact=True)).to_contain_text("It could not be listened to.")
    expect(here.page.get_by_label("How it sounds")).to_contain_text("It could not be measured.")
    here.expect_fine()


def test_what_is_sent_is_compressed(visit: Callable[..., Visit]) -> None:
    """Scripts and styles in Brotli, 130 kB of them at most on a first visit, and JSON; what is short stays as it is."""
    here = visit()
    answers: list[Response] = []
    here.page.on("response", lambda one: answers.append(one))  # noqa: PLW0108 - a bound method of C is no handler
    here.go("/")
    here.page.wait_for_load_state("networkidle")
    assets = [one for one in answers if "/assets/" in one.url]
    sizes = [(one.request.sizes()["responseBodySize"], one.headers.get("content-encoding")) for one in assets]
    assert 0 < sum(size_bytes for size_bytes, _ in sizes) < 130_000
    assert {coding for size_bytes, coding in sizes if size_bytes >= 1024 or coding} == {"br"}
    here.page.get_by_role("link", name="Models").click()
    expect(here.page.get_by_role("article", name="environment-50")).to_be_visible()
    here.page.wait_for_load_state("networkidle")
    jsons = [one for one in answers if one.headers.get("content-type", "").startswith("application/json")]
    long = [one for one in jsons if len(one.body()) >= 1_000]
    assert "/v1/models" in {urlsplit(one.url).path for one in long}
    assert [one.url for one in long if one.headers.get("content-encoding") != "gzip"] == []


def test_a_second_visit_asks_for_no_script_again(visit: Callable[..., Visit]) -> None:
    """What carries its version in its name is kept for good: not a byte of it is sent twice."""
    here = visit()
    kept: dict[str, str] = {}
    here.page.on("response", lambda one: kept.update({one.url: one.headers.get("cache-control", "")}))
    here.go("/")
    here.page.wait_for_load_state("networkidle")
    first = here.page.evaluate(_SENT)
    assert first
    assert all(size_bytes > 0 for size_bytes in first.values())
    assert [url for url in first if "immutable" not in kept[url]] == []
    here.go("/")
    here.page.wait_for_load_state("networkidle")
    assert here.page.evaluate(_SENT) == dict.fromkeys(first, 0)
