"""Labels that owners confirm and reject, on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, ViewportSize, expect

from phonoscope.contract.labels import LabelState
from tests.browser.visit import PLOTS_LOADED, WIDE_FIRST, Visit, held_at, last_of
from tests.support import tone_wav

_PLACE = "0:01.0 – 0:02.0"
_HUM = f"hum, {_PLACE}"


def _tone(here: Visit, folder: Path, length_s: float) -> str:
    """A recording that nobody listened to; its id."""
    path = folder / "tone.wav"
    path.write_bytes(tone_wav(length_s, seed=750))
    return here.client.upload(path).id


def _own(here: Visit) -> Locator:
    return here.page.get_by_role("region", name="Your labels")


def _add(own: Locator, label: str) -> None:
    own.get_by_label("Add a label").fill(label)
    own.get_by_label("Add a label").press("Enter")


def _said(here: Visit, track: str) -> set[tuple[str, str, float | None, float | None]]:
    return {(each.label, each.state.value, each.start_s, each.end_s) for each in here.client.labels(track).labels}


def _whole(**states: str) -> set[tuple[str, str, float | None, float | None]]:
    return {(label, state, None, None) for label, state in states.items()}


@pytest.mark.main
def test_labels_are_confirmed_rejected_and_undone(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """On the recording's page; the library shows what is confirmed, and that it is."""
    here = visit()
    page, client = here.page, here.client
    track = _tone(here, tmp_path, 2.0)
    client.say_label(track, "steady_tone")
    here.go(f"/tracks/{track}")
    own = _own(here)
    expect(own.get_by_role("listitem")).to_have_text(["steady tone"])
    _add(own, "hum")
    expect(own.get_by_role("listitem")).to_have_text(["steady tone", "hum"])
    own.get_by_role("button", name="Reject steady tone").click()
    expect(own.get_by_role("listitem")).to_have_text(["hum", "steady tone"])
    expect(own.get_by_role("button", name="Confirm steady tone")).to_be_visible()
    assert _said(here, track) == _whole(hum="confirmed", steady_tone="rejected")
    own.get_by_role("button", name="Undo").click()
    expect(own.get_by_role("button", name="Reject steady tone")).to_be_visible()
    here.go("/")
    row = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(row.locator(".track__label")).to_contain_text("confirmed")
    page.get_by_role("group", name="Filter by label").get_by_role("button", name="hum").click()
    expect(row).to_have_count(1)


@WIDE_FIRST
def test_a_rare_label_is_found_behind_the_frequent_ones(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """Of twenty labels twelve are filters at first, and all of them on request; the rarest one leaves its recording."""
    here = visit(size)
    page, client = here.page, here.client
    often = [f"sound_{number}" for number in range(19)]
    for length_s, labels in ((0.2, often), (0.3, [*often, "owl"])):
        track = _tone(here, tmp_path, length_s)
        for label in labels:
            client.say_label(track, label)
    here.go("/")
    rows = page.get_by_label("Recordings", exact=True).get_by_role("listitem")
    expect(rows).to_have_count(2)
    chips = page.get_by_role("group", name="Filter by label")
    owl = chips.get_by_role("button", name="owl")
    expect(chips.get_by_role("button")).to_have_count(1 + 12 + 1)
    expect(owl).to_have_count(0)
    chips.get_by_role("button", name="8 more").click()
    expect(owl).to_have_text("owl 1")
    here.expect_fine()
    owl.click()
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("link")).to_have_attribute("href", f"/tracks/{track}")
    chips.get_by_role("button", name="fewer").click()
    expect(owl).to_have_attribute("aria-pressed", "true")
    expect(chips.get_by_role("button")).to_have_count(1 + 1 + 12 + 1)


@WIDE_FIRST
def test_labels_are_typed_one_after_another(visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize) -> None:
    """The field keeps the focus, also while a label before is still being stored; each is stored in its turn."""
    here = visit(size)
    page = here.page
    track = _tone(here, tmp_path, 1.0)
    here.go(f"/tracks/{track}")
    own = _own(here)
    field = own.get_by_label("Add a label")
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if route.request.method == "GET" or held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/v1/tracks/*/labels", hold_first)
    field.click()
    for label in ("hum", "rattle", "hiss"):
        page.keyboard.type(label)
        page.keyboard.press("Enter")
        expect(field).to_have_value("")
        expect(field).to_be_focused()
    assert _said(here, track) == set()
    last_of(page, held, 1).continue_()
    expect(own.get_by_role("listitem")).to_have_text(["hum", "rattle", "hiss"], timeout=60_000)
    expect(field).to_be_focused()
    assert _said(here, track) == _whole(hum="confirmed", rattle="confirmed", hiss="confirmed")
    here.expect_fine()


def test_a_label_that_is_not_stored_comes_back(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """The page names it and says why; it is in the field again, unless something else is being typed there."""
    here = visit()
    here.expected = ("ERR_FAILED",)
    page = here.page
    track = _tone(here, tmp_path, 1.0)
    here.go(f"/tracks/{track}")
    own = _own(here)
    field = own.get_by_label("Add a label")
    held = held_at(page, "**/v1/tracks/*/labels", "POST")
    for count, (label, typed, left) in enumerate((("hum", "", "hum"), ("rattle", "hi", "hi"))):
        _add(own, label)
        field.press_sequentially(typed)
        last_of(page, held, count + 1).abort()
        expect(own.get_by_role("alert")).to_have_text(
            f"{label} is not stored: The service does not answer. Is it running?"
        )
        expect(field).to_have_value(left)
    page.unroute_all(behavior="ignoreErrors")
    _add(own, "rattle")
    expect(own.get_by_role("listitem")).to_have_text(["rattle"])
    expect(own.get_by_role("alert")).to_have_count(0)
    assert _said(here, track) == _whole(rattle="confirmed")


def test_undo_takes_back_one_change_after_the_other(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Each that was made here, the last one first, by keys too; what another program said meanwhile stays."""
    here = visit()
    track = _tone(here, tmp_path, 1.0)
    here.client.say_label(track, "steady_tone")
    here.go(f"/tracks/{track}")
    own = _own(here)
    undo = own.get_by_role("button", name="Undo")
    expect(own.get_by_role("listitem")).to_have_text(["steady tone"])
    expect(undo).to_have_count(0)
    _add(own, "hum")
    expect(own.get_by_role("status")).to_have_text("hum is confirmed.")
    here.client.say_label(track, "other")
    own.get_by_role("button", name="Reject steady tone").click()
    expect(own.get_by_role("status")).to_have_text("steady tone is rejected.")
    expect(undo).to_be_enabled()
    undo.press("Enter")
    expect(own.get_by_role("button", name="Reject steady tone")).to_be_visible()
    expect(undo).to_be_enabled()
    expect(undo).to_be_focused()
    assert _said(here, track) == _whole(hum="confirmed", other="confirmed", steady_tone="confirmed")
    undo.press("Enter")
    expect(undo).to_have_count(0)
    expect(own.get_by_label("Add a label")).to_be_focused()
    assert _said(here, track) == _whole(other="confirmed", steady_tone="confirmed")


def test_undo_leaves_what_was_changed_elsewhere_since(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Of the same label too, and it says so."""
    here = visit()
    track = _tone(here, tmp_path, 1.0)
    here.go(f"/tracks/{track}")
    own = _own(here)
    _add(own, "hum")
    undo = own.get_by_role("button", name="Undo")
    expect(undo).to_be_enabled()
    here.client.say_label(track, "hum", state=LabelState.REJECTED)
    undo.click()
    expect(own.get_by_role("status")).to_have_text("That label was changed elsewhere since: it stays as it is.")
    expect(undo).to_have_count(0)
    expect(own.get_by_role("button", name="Confirm hum")).to_be_visible()
    assert _said(here, track) == _whole(hum="rejected")


@WIDE_FIRST
def test_a_stretch_is_labelled_where_it_is_looped(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """Without any classifier; listed with its times it plays, is rejected, removed, undone, and survives a reload."""
    here = visit(size)
    page = here.page
    track = _tone(here, tmp_path, 3.0)
    here.go(f"/tracks/{track}")
    own = _own(here)
    page.wait_for_function(PLOTS_LOADED, timeout=60_000)
    expect(own.get_by_role("radio")).to_have_count(0)
    for key in ("ArrowRight", "[", "ArrowRight", "]"):
        page.keyboard.press(key)
    own.get_by_role("radio", name=_PLACE).click()
    _add(own, "hum")
    stretches = own.get_by_role("list", name="Labels of stretches").get_by_role("listitem")
    expect(stretches).to_have_text([_HUM])
    assert _said(here, track) == {("hum", "confirmed", 1.0, 2.0)}
    here.expect_fine()

    own.get_by_role("button", name=f"Reject {_HUM}").click()
    expect(own.get_by_role("button", name=f"Confirm {_HUM}")).to_be_enabled()
    assert _said(here, track) == {("hum", "rejected", 1.0, 2.0)}
    here.expect_fine()
    own.get_by_role("button", name="Undo").click()
    expect(own.get_by_role("button", name=f"Reject {_HUM}")).to_be_enabled()
    own.get_by_role("button", name=f"Remove {_HUM}").click()
    expect(stretches).to_have_count(0)
    assert _said(here, track) == set()
    own.get_by_role("button", name="Undo").click()
    expect(stretches).to_have_count(1)
    assert _said(here, track) == {("hum", "confirmed", 1.0, 2.0)}

    page.reload()
    expect(stretches).to_have_text([_HUM])
    expect(own.get_by_role("radio")).to_have_count(0)
    own.get_by_role("button", name=f"Play {_HUM}").click()
    expect(own.get_by_role("button", name=f"Pause {_HUM}")).to_be_visible()
    expect(own.get_by_role("radio", name=_PLACE)).to_be_visible()
    own.get_by_role("button", name=f"Pause {_HUM}").click()
    expect(own.get_by_role("button", name=f"Play {_HUM}")).to_be_visible()


def test_labels_of_points_and_to_the_microsecond_are_changed_where_they_are(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """What a program said of a place that the page would round stays at that place."""
    here = visit()
    track = _tone(here, tmp_path, 2.0)
    here.client.say_label(track, "click", start_s=0.250001)
    here.client.say_label(track, "hum", start_s=0.500001, end_s=1.000001)
    here.go(f"/tracks/{track}")
    own = _own(here)
    own.get_by_role("button", name="Reject click, at 0:00.3").click()
    expect(own.get_by_role("button", name="Confirm click, at 0:00.3")).to_be_enabled()
    own.get_by_role("button", name="Reject hum, 0:00.5 – 0:01.0").click()
    expect(own.get_by_role("button", name="Confirm hum, 0:00.5 – 0:01.0")).to_be_enabled()
    assert _said(here, track) == {
        ("click", "rejected", 0.250001, None),
        ("hum", "rejected", 0.500001, 1.000001),
    }
