"""The library as a shelf: probabilities and density of rows, collections, and what is done with a selection."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from phonoscope.client import Client
from tests.browser.visit import NARROW, WIDE_FIRST, Visit
from tests.support import tone_wav


def add(client: Client, folder: Path, *names: str) -> list[str]:
    """Recordings of a moment each, not analysed; their ids."""
    made = []
    for seed, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.write_bytes(tone_wav(0.2, rate_hz=8_000, seed=300 + seed))
        made.append(client.upload(path).id)
    return made


def rows(page: Page) -> Locator:
    return page.get_by_label("Recordings", exact=True).get_by_role("listitem")


def select(page: Page, *names: str) -> None:
    page.get_by_role("button", name="Select", exact=True).click()
    for name in names:
        page.get_by_label(f"Select {name}.wav").check()


@WIDE_FIRST
def test_recordings_are_collected(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """A new collection takes what is selected, shows it alone, is renamed, gives it back and goes; recordings stay."""
    here = visit(size)
    add(here.client, tmp_path, "owl", "wren", "rain")
    here.go("/")
    page = here.page
    select(page, "owl", "wren")
    page.get_by_role("button", name="Collect …").click()
    page.get_by_label("Name of the new collection").fill("night <b>birds</b>")
    page.get_by_role("button", name="Put there").click()
    expect(page.get_by_label("Selected recordings").get_by_role("status")).to_have_text("Put in night <b>birds</b>: 2")
    page.get_by_role("button", name="Done").click()

    shown = page.get_by_label("Collection that is shown")
    expect(shown.locator("option")).to_have_text(["all recordings", "night <b>birds</b> (2)"])
    shown.select_option(index=1)
    expect(rows(page)).to_have_count(2)
    expect(page).to_have_url(re.compile(r"collection=col_"))
    page.reload()
    expect(rows(page)).to_have_count(2)
    here.expect_fine()

    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of the collection").fill("birds")
    page.get_by_label("Name of the collection").press("Enter")
    expect(shown.locator("option:checked")).to_have_text("birds (2)")

    select(page, "owl")
    page.get_by_role("button", name="Take out").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Done").click()

    page.get_by_role("button", name="Delete collection").click()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete", exact=True).click()
    expect(rows(page)).to_have_count(3)
    assert here.client.collections() == []


def test_a_collection_s_name_that_is_taken_is_said(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """In the service's words; the form stays, and another name is taken."""
    here = visit()
    here.expected = ("409",)
    add(here.client, tmp_path, "owl")
    here.client.create_collection("birds")
    here.go("/")
    page = here.page
    page.get_by_role("button", name="New collection").click()
    name = page.get_by_label("Name of the collection")
    name.fill("birds")
    name.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("you have a collection", ignore_case=True)
    name.fill("owls")
    name.press("Enter")
    expect(page.get_by_label("Collection that is shown").locator("option:checked")).to_have_text("owls (0)")
    expect(page.get_by_text("No recording matches.")).to_be_visible()


def test_a_search_stays_in_its_collection(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """By name here; Enter in the library's field leads to it with the collection that is shown, and so does a link."""
    here = visit()
    owl, _ = add(here.client, tmp_path, "owl", "owlet")
    few = here.client.create_collection("few").id
    here.client.add_to_collection(few, [owl])
    here.go("/")
    page = here.page
    page.get_by_label("Collection that is shown").select_option("few (1)")
    page.get_by_label("Filter by name").fill("owl")
    expect(page.get_by_role("link", name="Search for “owl” by sound too")).to_be_visible()
    page.get_by_label("Filter by name").press("Enter")
    named = page.get_by_role("region", name="Found by name")
    expect(named.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_label("Collection to search in").locator("option:checked")).to_have_text("few")
    page.get_by_label("Collection to search in").select_option("all recordings")
    expect(named.get_by_role("listitem")).to_have_count(2)


def test_rows_say_how_sure_and_are_dense(visit: Callable[..., Visit], recordings: dict[str, Path]) -> None:
    """The probability stands beside the label; dense rows are lower, have more columns, and are remembered."""
    here = visit()
    job = here.client.wait(here.client.analyze(recordings["dog_large"], ["classify", "describe"]))
    here.go("/")
    page = here.page
    label = rows(page).first.locator(".track__label")
    expect(label).to_have_text(re.compile(r"^dog (> )?\d\d %$"))
    tall = rows(page).first.bounding_box()
    page.get_by_label("Density of the rows").select_option("dense")
    names = page.locator(".track__names")
    expect(names).to_contain_text("tempo")
    expect(rows(page).first).to_contain_text("kHz, mono")
    low = rows(page).first.bounding_box()
    assert tall is not None
    assert low is not None
    assert low["height"] < tall["height"]
    page.reload()
    expect(names).to_be_visible()
    here.expect_fine()
    cells = rows(page).first.locator(".track > *")
    lefts = [box["x"] for box in (cells.nth(at).bounding_box() for at in range(cells.count())) if box]
    heads = [box["x"] for box in (names.locator("> *").nth(at).bounding_box() for at in range(13)) if box]
    assert lefts == pytest.approx(heads, abs=1.0)
    page.set_viewport_size(NARROW)
    expect(names).to_have_count(0)
    here.expect_fine()
    row, sureness = (one.bounding_box() for one in (rows(page).first, label.locator(".track__sureness")))
    edge = label.bounding_box()
    assert row is not None
    assert sureness is not None
    assert edge is not None
    right = sureness["x"] + sureness["width"]
    assert right <= min(edge["x"] + edge["width"], row["x"] + row["width"]) + 1.0
    assert row["y"] <= sureness["y"]
    assert sureness["y"] + sureness["height"] <= row["y"] + row["height"]
    here.client.say_label(job.recording, "wolf")
    page.reload()
    expect(label).to_contain_text("wolf")
    expect(label).not_to_contain_text("%")


@WIDE_FIRST
def test_a_model_is_used_for_chosen_recordings(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Its card says what it mistakes, and leads to the library, where what is selected is heard by it."""
    here = visit(size)
    track = here.client.upload(recordings["rain_roof"])
    here.go("/models")
    page = here.page
    mistaken = page.get_by_role("article", name="environment-50").locator(".mistakes")
    expect(mistaken).to_have_text(re.compile(r"^Most often mistaken: \S.* for \S.* \(\d+ of \d+, \d+ %\)"))
    card = page.get_by_role("article", name="environment-10")
    address = card.get_by_role("link", name="Listen again with it: environment-10").get_attribute("href")
    assert address is not None
    here.go(address)
    expect(page.get_by_label("Model of the labels")).to_have_value("environment-10")
    page.get_by_label(f"Select {track.filename}").check()
    page.get_by_role("button", name="Listen with environment-10").click()
    expect(page.get_by_label("Selected recordings").get_by_role("status")).to_have_text("Listened to again: 1 of 1")
    expect(rows(page).first.locator(".track__label")).to_contain_text("rain", timeout=60_000)
    assert here.client.track(track.id).classified_by == ["environment-10"]
    assert here.violations() == []
