"""Classifiers of one's own on the page: made, read, applied, exported, and taught by what one marks or corrects."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from phonoscope.contract import LabelRequest
from tests.browser.classifiers import PATIENCE_MS, api, await_version, said_of, taught, tone_library
from tests.browser.visit import BOTH, PLOTS_LOADED, WIDE, Visit, record_players

_STRETCH = re.compile(r"^0:00\.\d – 0:00\.\d$")


@pytest.fixture
def here(visit: Callable[..., Visit]) -> Visit:
    return visit(WIDE)


@pytest.mark.main
def test_one_is_made_from_confirmed_labels(here: Visit, tmp_path: Path) -> None:
    """The form offers what was confirmed; the card says how good it is, and that it is too early."""
    page = here.page
    tone_library(here, tmp_path, 3)
    here.go("/classifiers")
    expect(page.get_by_text("There is no classifier yet.")).to_be_visible()
    page.get_by_role("button", name="New classifier").click()
    form = page.get_by_role("form", name="New classifier")
    form.get_by_label("Name", exact=True).fill("My pitch!")
    expect(form.get_by_text("It will be named “my-pitch”.")).to_be_visible()
    form.get_by_label("low").check()
    expect(form.get_by_role("button", name="Teach it")).to_be_disabled()
    form.get_by_label("high").check()
    expect(form.get_by_label("Space", exact=True)).to_have_value("auto")
    here.expect_fine(*BOTH)
    form.get_by_role("button", name="Teach it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("my-pitch")
    await_version(here, 1)
    figures = page.get_by_role("region", name="How well it does")
    expect(figures).to_contain_text("with 95 % confidence")
    expect(figures).to_contain_text("chosen by itself: mobilenet; its examples are heard in no other space.")
    expect(page.get_by_role("region", name="About it")).to_contain_text("mobilenet, which each teaching chooses")
    expect(figures).to_contain_text("Too few recordings to say")
    table = figures.get_by_role("region", name="Figures by label")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("row", name="low")).to_contain_text("3")
    here.expect_fine(*BOTH)
    page.get_by_label("teach it again when my labels change").check()
    await_version(here, 2)
    assert api(here, "/v1/classifiers/my-pitch")["reteach"]
    expect(page.get_by_role("list", name="Versions").get_by_role("listitem")).to_have_count(2)
    page.get_by_role("link", name="Classifiers").last.click()
    row = page.get_by_role("list", name="Your classifiers").get_by_role("listitem")
    expect(row).to_contain_text("ready")
    expect(row).to_contain_text(re.compile(r"\d+ % \(\d+ – \d+ %\) too few recordings to say"))
    here.expect_fine(*BOTH)
    row.get_by_role("link").click()
    delete = page.get_by_role("button", name="Delete it")
    delete.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")
    expect(delete).to_be_focused()
    delete.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("There is no classifier yet.")).to_be_visible()


def test_one_is_made_from_chosen_recordings(here: Visit, tmp_path: Path) -> None:
    """By label, found by name; a name that is taken is refused in words."""
    page = here.page
    tracks = tone_library(here, tmp_path, 3)
    here.expected = ("409",)
    here.go("/classifiers")
    page.get_by_role("button", name="New classifier").click()
    form = page.get_by_role("form", name="New classifier")
    form.get_by_role("radio", name="recordings you choose").click()
    for number, (label, names) in enumerate({"dull": ["low-0", "low-1"], "bright": ["high-0"]}.items(), 1):
        form.get_by_label(f"Label {number}", exact=True).fill(label)
        for name in names:
            form.get_by_role("searchbox", name=f"Recordings of label {number}").fill(name)
            form.get_by_role("button", name=f"{name}.wav", exact=True).click()
    form.get_by_label("Name", exact=True).fill("environment-50")
    form.get_by_role("button", name="Teach it").click()
    expect(form.get_by_role("alert")).to_contain_text("environment-50")
    form.get_by_label("Name", exact=True).fill("tint")
    form.get_by_role("button", name="Teach it").click()
    await_version(here, 1)
    card = api(here, "/v1/classifiers/tint")
    assert (card["labels"], card["examples"], len(tracks)) == (["bright", "dull"], 3, 6)


def _mark(row: Locator, words: str) -> None:
    row.get_by_role("button", name=re.compile(f"^{words}")).click()


def test_marked_results_become_a_classifier(here: Visit, tmp_path: Path) -> None:
    """“Like these” and “not like these” on similar recordings and on a search's results, then one press."""
    page = here.page
    tracks = tone_library(here, tmp_path, 4)
    here.go(f"/tracks/{tracks['low-0']}")
    page.locator("#similar").scroll_into_view_if_needed()
    similar = page.locator("#similar").get_by_role("listitem")
    _mark(similar.filter(has_text="low-1.wav").first, "Like these")
    tray = page.get_by_role("region", name="What you marked")
    expect(tray.get_by_role("status")).to_have_text("2 like these, 0 not like these")
    expect(tray).to_contain_text("Mark one at least that is not like these")
    expect(tray.get_by_role("button", name="Make a classifier of it")).to_be_disabled()
    here.expect_fine(*BOTH)
    page.get_by_role("link", name="Search", exact=True).click()
    here.page.goto(f"{here.url}/search?track={tracks['high-0']}")
    page.get_by_role("radio", name="moments").click()
    found = page.get_by_role("list", name="Moments").get_by_role("listitem")
    expect(found.first).to_be_visible()
    high = found.filter(has_text="high-1.wav").first
    _mark(high, "Not like these")
    expect(high.get_by_role("button", name="Not like these")).to_have_attribute("aria-pressed", "true")
    _mark(found.filter(has_text="low-2.wav").first, "Like these")
    _mark(found.filter(has_text="low-3.wav").first, "Like these")
    here.expect_fine(*BOTH)
    tray.get_by_label("What these are").fill("Deep hum")
    tray.get_by_role("button", name="Make a classifier of it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("deep-hum")
    await_version(here, 1)
    card = api(here, "/v1/classifiers/deep-hum")
    assert (card["labels"], card["examples"]) == (["Deep hum", "not Deep hum"], 3)
    here.go("/search")
    expect(tray).to_have_count(0)


def test_the_library_is_labelled_and_the_classifier_travels(here: Visit, tmp_path: Path) -> None:
    """Its labels are filters and chips as any model's; a track teaches it; its file is another classifier."""
    page = here.page
    tracks = tone_library(here, tmp_path, 4)
    taught(here)
    library = page.get_by_role("region", name="Your library")
    expect(library).to_contain_text("It has not labelled your library yet.")
    library.get_by_role("button", name="Label my library").click()
    expect(library).to_contain_text(re.compile(r"labelled your library .*: 8 recordings"), timeout=PATIENCE_MS)
    here.expect_fine(*BOTH)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export version 1").click()
    assert download.value.suggested_filename == "pitch-1.zip"
    kept = tmp_path / "pitch-1.zip"
    download.value.save_as(kept)
    library.get_by_role("link", name="Show its labels in the library").click()
    expect(page.get_by_label("Model of the labels")).to_have_value("pitch")
    labelled = {name: api(here, f"/v1/tracks/{track}")["labels"].get("pitch") for name, track in tracks.items()}
    given = next(name for name, labels in labelled.items() if labels and name.endswith("-3"))
    chip = page.get_by_role("group", name="Filter by label").get_by_role("button", name=labelled[given][0])
    chip.click()
    expect(page.get_by_role("link", name=f"{given}.wav")).to_be_visible()
    page.get_by_role("link", name=f"{given}.wav").click()
    own = page.get_by_role("region", name="Your labels")
    expect(own.get_by_role("listitem")).to_have_attribute("title", "predicted by pitch")
    own.get_by_role("button", name="Teach with this").click()
    form = page.get_by_role("form", name="Teach a classifier with this")
    form.get_by_label("Label of this recording").fill(labelled[given][0])
    here.expect_fine(*BOTH)
    form.get_by_role("button", name="Teach", exact=True).click()
    expect(form.get_by_role("status")).to_contain_text("taught again")
    assert said_of(here, tracks[given]) == {(labelled[given][0], "confirmed")}
    form.get_by_role("link", name="pitch").click()
    await_version(here, 2)
    page.get_by_role("link", name="Classifiers").last.click()
    page.get_by_label("A classifier's file to import").set_input_files(kept)
    page.get_by_label("Name of the imported classifier").fill("pitch-again")
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("pitch-again")
    expect(page.get_by_text("It was imported")).to_be_visible()
    expect(page.get_by_text("Taught from a file")).to_be_visible()
    assert api(here, "/v1/classifiers/pitch-again")["labels"] == ["high", "low"]
    here.client.say_label(tracks["low-0"], "a hum", start_s=0.0, end_s=0.5)
    page.get_by_label("teach it again when my labels change").check()
    await_version(here, 2)
    card = api(here, "/v1/classifiers/pitch-again")
    assert (card["labels"], card["reteach"]) == (["high", "low"], True)


def test_a_label_that_a_classifier_lacks_is_taught_from_a_stretch(here: Visit, tmp_path: Path) -> None:
    """Its next version has it beside the others, though it was made for named labels alone, and counts the stretch."""
    page = here.page
    tracks = tone_library(here, tmp_path, 5)
    taught(here)
    here.client.say_label(tracks["high-4"], "shrill")
    here.go(f"/tracks/{tracks['high-3']}")
    page.wait_for_function(PLOTS_LOADED, timeout=PATIENCE_MS)
    _loop_the_middle(page)
    own = page.get_by_role("region", name="Your labels")
    own.get_by_role("radio", name=_STRETCH).click()
    own.get_by_label("Add a label").fill("shrill")
    own.get_by_label("Add a label").press("Enter")
    expect(own.get_by_role("list", name="Labels of stretches")).to_contain_text("shrill")
    page.get_by_role("button", name="Teach with this").click()
    form = page.get_by_role("form", name="Teach a classifier with this")
    form.get_by_label("Label of this recording").fill("shrill")
    form.get_by_role("radio", name=_STRETCH).click()
    expect(form).to_contain_text("pitch does not have this label yet.")
    form.get_by_role("button", name="Teach", exact=True).click()
    expect(form.get_by_role("status")).to_contain_text("taught again")
    form.get_by_role("link", name="pitch").click()
    await_version(here, 2)
    card = api(here, "/v1/classifiers/pitch")
    assert card["labels"] == ["high", "low", "shrill"]
    [said] = here.client.labels(tracks["high-3"]).labels
    assert said.label == "shrill"
    assert (said.start_s, said.end_s) == pytest.approx((0.25, 0.75), abs=0.1)
    assert {each["label"]: each["recordings"] for each in card["figures"]["labels"]}["shrill"] == 2


def _loop_the_middle(page: Page) -> None:
    """From a quarter to three quarters, by a drag."""
    box = page.locator(".timeline__plots").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + 30, steps=4)
    page.mouse.up()


def test_a_doubtful_example_is_heard_and_changed(here: Visit, tmp_path: Path) -> None:
    """What contradicts the other recordings is listed; the other label takes its place."""
    page = here.page
    tracks = tone_library(here, tmp_path, 8)
    kept = [LabelRequest(label="high")]
    here.client.replace_labels(tracks["low-1"], kept, here.client.labels(tracks["low-1"]).revision)
    for name in ("low", "high"):
        for number in range(3, 8):
            here.client.say_label(tracks[f"{name}-{number}"], name)
    taught(here)
    doubts = page.get_by_role("list", name="Examples that may be labelled wrongly").get_by_role("listitem")
    doubt = doubts.filter(has_text="low-1.wav")
    expect(doubt).to_contain_text("said to be high, sounds like low")
    record_players(page)
    doubt.get_by_role("button", name="Play").click()
    expect(doubt.get_by_role("button", name="Stop")).to_be_visible()
    here.expect_fine(*BOTH)
    doubt.get_by_role("button", name="It is low").click()
    expect(doubt).to_contain_text("changed to low")
    assert said_of(here, tracks["low-1"]) == {("high", "rejected"), ("low", "confirmed")}
    page.get_by_role("button", name="Teach it again").click()
    await_version(here, 2)
    expect(page.get_by_text("said to be high, sounds like low")).to_have_count(0)
