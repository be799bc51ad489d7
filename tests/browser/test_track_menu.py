"""What the menu of a recording's page does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect
from sqlalchemy import text

from phonoscope.contract import TrackChange
from phonoscope.db.access.engine import Database
from tests.browser.visit import BOTH, PLOTS_LOADED, WIDE_FIRST, Visit
from tests.support import RunningStack, tone_wav

_DRAWN = """name => {
    const canvas = document.querySelector(name);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size > 1;
}"""
"""Holds of a canvas whose pixels are not all alike."""


def _open(here: Visit, folder: Path, name: str = "take-3.wav", seed: int = 1) -> str:
    """A recording's page."""
    path = folder / name
    path.write_bytes(tone_wav(0.5, rate_hz=8_000, seed=seed))
    track_id = here.client.upload(path).id
    here.go(f"/tracks/{track_id}")
    return track_id


def _button(page: Page) -> Locator:
    return page.get_by_role("button", name="Menu", exact=True)


def _choose(page: Page, item: str | re.Pattern[str]) -> None:
    _button(page).click()
    page.get_by_role("menuitem", name=item).click()


@WIDE_FIRST
def test_a_recording_is_named_and_noted(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """Its name is shown, kept over a reload, and given back; what was changed elsewhere is not overwritten."""
    here = visit(size)
    page = here.page
    track_id = _open(here, tmp_path)
    heading = page.locator(".studio__head > h1")
    expect(heading).to_have_text("take-3.wav")
    _button(page).click()
    expect(page.get_by_role("menuitem", name="Rename …")).to_be_focused()
    here.expect_fine()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Add notes …")).to_be_focused()
    page.keyboard.press("Escape")
    expect(_button(page)).to_be_focused()
    expect(page.get_by_role("menu")).to_have_count(0)
    _choose(page, "Rename …")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    here.expect_fine()
    page.get_by_label("Name", exact=True).fill("Bell & <b>whistle</b>")
    page.keyboard.press("Enter")
    expect(heading).to_have_text("Bell & <b>whistle</b>")
    expect(page.locator("dialog")).to_have_count(0)
    _choose(page, "Add notes …")
    page.get_by_role("textbox", name="Notes").fill("by the mill\nin rain")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("by the mill")).to_be_visible()
    page.reload()
    expect(heading).to_have_text("Bell & <b>whistle</b>")
    track = here.client.track(track_id)
    assert (track.name, track.notes) == ("Bell & <b>whistle</b>", "by the mill\nin rain")
    _choose(page, "Rename …")
    here.client.change_track(track_id, TrackChange(name="elsewhere"))
    here.expected = ("412",)
    page.get_by_role("button", name="Use the file's name").click()
    expect(page.get_by_role("alert")).to_contain_text("read again")
    page.keyboard.press("Escape")
    expect(heading).to_have_text("elsewhere")
    _choose(page, "Rename …")
    page.get_by_role("button", name="Use the file's name").click()
    expect(heading).to_have_text("take-3.wav")


@WIDE_FIRST
def test_the_safe_answer_has_the_focus(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """Enter twice deletes nothing, and the focus returns; a deleted recording's page gives way to the library."""
    here = visit(size)
    page = here.page
    track_id = _open(here, tmp_path)
    _choose(page, "Delete …")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    here.expect_fine()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(_button(page)).to_be_focused()
    assert here.client.track(track_id).id == track_id
    _choose(page, "Delete …")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    expect(page.get_by_role("link", name="phonoscope")).to_be_focused()
    assert here.client.tracks().items == []


def test_the_original_and_the_link_are_named(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The very bytes, under the name that is shown."""
    here = visit()
    page = here.page
    track_id = _open(here, tmp_path)
    here.client.change_track(track_id, TrackChange(name="Bell"))
    page.reload()
    _button(page).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download the original").click()
    assert download.value.suggested_filename == "Bell.wav"
    assert Path(download.value.path()).read_bytes() == (tmp_path / "take-3.wav").read_bytes()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _choose(page, "Copy the link")
    here.expect_fine(*BOTH)
    address = f"{here.url}/tracks/{track_id}"
    page.wait_for_function("url => navigator.clipboard.readText().then((text) => text === url)", arg=address)


def test_labels_are_exported_as_they_are_shown(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """Confirmed and predicted ones, each marked, for a spreadsheet, Audacity and Raven."""
    here = visit()
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify"]))
    here.client.say_label(job.recording, "Rex")
    here.go(f"/tracks/{job.recording}")
    marks = {
        "CSV": ("labels.csv", ",Rex,confirmed,", ",dog,predicted,"),
        "Audacity": ("labels.txt", "\tRex\n", "\tdog (predicted by "),
        "Raven": ("labels.selections.txt", "\tRex\tconfirmed\t", "\tdog\tpredicted\t"),
    }
    _button(page).click()
    here.expect_fine(*BOTH)
    page.keyboard.press("Escape")
    for program, (name, confirmed, predicted) in marks.items():
        _button(page).click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Labels for {program}").click()
        assert download.value.suggested_filename == f"dog_large - {name}"
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert confirmed in text.replace("\r", "")
        assert predicted in text


@WIDE_FIRST
def test_a_report_needs_nothing_else(
    visit: Callable[..., Visit], recordings: dict[str, Path], tmp_path: Path, size: ViewportSize
) -> None:
    """One file with pictures, labels, evidence and figures, without a script or a request; names are text."""
    here = visit(size)
    page = here.page
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    here.client.change_track(job.recording, TrackChange(name="<img src=x onerror=alert(1)>", notes="hidden notes"))
    here.go(f"/tracks/{job.recording}")
    expect(page.get_by_text("made it say dog")).to_be_visible()
    expect(page.locator(".plot[aria-busy=true]")).to_have_count(0)
    _button(page).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Report (HTML)").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "hidden notes" not in text
    asked: list[str] = []
    reader = page.context.new_page()
    reader.on("request", lambda request: asked.append(request.url))
    reader.on("pageerror", lambda error: asked.append(str(error)))
    reader.goto(path.as_uri())
    expect(reader.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
    for title in ("The recording", "Labels", "Why: dog", "How it sounds", "Models"):
        expect(reader.get_by_role("heading", name=title)).to_be_visible()
    assert reader.evaluate("[...document.images].map((one) => one.complete && one.naturalWidth > 0)") == [True, True]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth")
    digest = here.client.model("environment-50").digest
    expect(reader.get_by_text(digest)).to_be_visible()


def test_paper_is_white_and_has_no_buttons(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """What the browser prints is what was found and drawn, without what one cannot press on paper."""
    here = visit()
    here.expected = ("willReadFrequently",)
    page = here.page
    page.add_init_script("window.printed = 0; window.print = () => { window.printed += 1; };")
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    here.go(f"/tracks/{job.recording}")
    expect(page.locator(".amber")).to_contain_text("made it say dog")
    page.wait_for_function(PLOTS_LOADED)
    _choose(page, "Print or save as PDF …")
    page.wait_for_function("() => printed === 1")
    page.emulate_media(media="print")
    expect(page.get_by_label("Player", exact=True)).to_be_hidden()
    expect(page.locator(".top")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for name, says in {"Labels": "dog", "Why": "dog", "How it sounds": "LUFS"}.items():
        section = page.get_by_role("region", name=name, exact=True)
        expect(section).to_be_visible()
        expect(section).to_contain_text(says)
    for plot in ("wave", "spectrogram"):
        expect(page.locator(f".plot--{plot} canvas")).to_be_visible()
        page.wait_for_function(_DRAWN, arg=f".plot--{plot} canvas")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(0, 0, 0)"
    here.expect_fine()


@WIDE_FIRST
def test_a_recording_is_measured_again(
    visit: Callable[..., Visit], stack: RunningStack, tmp_path: Path, size: ViewportSize
) -> None:
    """Where an earlier release has measured it; else nothing is computed, and the page says so."""
    here = visit(size)
    page, client = here.page, here.client
    path = tmp_path / "take.wav"
    path.write_bytes(tone_wav(0.5, rate_hz=8_000))
    job = client.wait(client.analyze(path, ["describe"]))
    here.go(f"/tracks/{job.recording}")
    page.wait_for_function(PLOTS_LOADED)
    said = page.locator(".studio__menu [role=status]")
    _choose(page, "Measure it again")
    expect(said).to_have_text("This release has measured it already: nothing has changed.")
    here.expect_fine()
    _measured_by_an_earlier_release(stack, job.recording)
    levels = page.expect_response(lambda answer: "/spectrogram/levels" in answer.url)
    with levels:
        _choose(page, "Measure it again")
    expect(said).to_have_text("It is measured.")
    assert [task.cached for job in client.jobs().items for task in job.tasks] == [False, True, False]


def _measured_by_an_earlier_release(stack: RunningStack, track_id: str) -> None:
    """The ledger does not know the recording's results for those of this release."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        earlier = text(
            "UPDATE tasks SET fingerprint = 'earlier' FROM jobs WHERE job_id = jobs.id AND track_id = :track"
        )
        session.execute(earlier, {"track": track_id})
    database.close()
