"""What somebody new reads on a track's page: evidence, doubt, advice and labels in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, ViewportSize, expect

from phonoscope.contract.labels import LabelState
from phonoscope.tasks import Classify, Describe, Explain
from tests.browser.axis import seconds_of
from tests.browser.sound import STARTS
from tests.browser.visit import BARKS_FROM_S, LONG_S, PLOTS_LOADED, WIDE, WIDE_FIRST, Visit
from tests.corpus import music
from tests.support import examples

_ENDS_MS = 60_000
_FRACTION = re.compile(r"\b[01][.,]\d\d\b")


def _fine(here: Visit) -> None:
    """In both themes."""
    for theme in ("light", "dark"):
        here.page.emulate_media(color_scheme=theme)
        expect(here.page.locator(f"html[data-theme={theme}]")).to_have_count(1)
        here.expect_fine()


@WIDE_FIRST
def test_evidence_is_told_in_words_and_on_one_scale(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Amber beside its meaning, layers finer and coarser, checks in sentences; every probability is in percent."""
    here = visit(size)
    options = {"explain": {"trust": True}}
    tasks = ["classify", "explain", "describe"]
    job = here.client.wait(here.client.analyze(recordings["dog_large"], tasks, options))
    explained = job.result(Explain)
    here.go(f"/tracks/{job.recording}")
    page = here.page
    amber = page.locator(".amber")
    expect(amber).to_contain_text("made it say dog")
    if size is WIDE:
        page.wait_for_function(PLOTS_LOADED)
        expect(amber).to_be_in_viewport(ratio=1)
    assert explained.cell_s is not None
    expect(amber).to_contain_text(f"steps of {explained.cell_s:.2f} s and {explained.cell_bands} bands")
    layers = page.get_by_label("Evidence layer")
    expect(layers).to_have_value(explained.layer)
    expect(layers.locator("option").last).to_have_text(f"{explained.layer} (default)")
    texts = layers.locator("option").all_inner_texts()
    assert all("finer" in text for text in texts[:3])
    layers.select_option(here.client.model(explained.model.name).layers[0])  # type: ignore[union-attr]
    expect(layers.locator("option").last).to_have_text(f"{explained.layer} (coarser, default)")
    expect(page.locator(".evidence [role=status]")).to_be_empty(timeout=_ENDS_MS)
    layers.select_option(explained.layer)
    why = page.get_by_label("Why", exact=True)
    verdict = why.locator(".believed__verdict")
    expect(verdict).to_have_text(re.compile(r"^It (passes|is doubtful|fails): [^.]+\.$"))
    checks = why.locator(".believed__check")
    expect(checks).to_have_count(3)
    for check in checks.all():
        expect(check.locator("dt")).to_have_text(re.compile("[✓~✗] (passes|doubtful|fails)$"))
        expect(check.locator("dd").first).to_have_text(re.compile(r"^[A-Z][^.]+ should [^.]+\.$"))
    expect(why).to_contain_text(re.compile(r"in one window: 0:0\d\.\d – 0:0\d\.\d"))
    _on_one_scale(page)
    _fine(here)


def _on_one_scale(page: Page) -> None:
    """No probability is a fraction in one place and percent in another."""
    for name in ("Labels", "Why", "What is heard"):
        text = page.get_by_label(name, exact=True).inner_text()
        assert "%" in text
        assert _FRACTION.findall(text) == []
    strip = page.get_by_role("list", name="Labels over time").get_by_role("listitem")
    of_one_window = re.compile(r" \d+ % in one window of \d+(\.\d)? s, ")
    titles = [one.get_attribute("title") or "" for one in strip.all()]
    assert any("%" in title for title in titles)
    assert all(of_one_window.search(title) for title in titles if "%" in title)
    legend = page.get_by_role("list", name="Colours of the labels")
    expect(legend).to_contain_text(re.compile(r"each % is of one window of \d+(\.\d)? s"))


@WIDE_FIRST
def test_why_here_at_any_place_of_a_long_recording(visit: Callable[..., Visit], long: Path, size: ViewportSize) -> None:
    """Asks for what is heard at the playhead; what the page says of the whole recording stays, also when reloaded."""
    here = visit(size)
    job = here.client.wait(here.client.analyze(long, ["classify", "explain", "describe"]))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    own = page.get_by_label("Why", exact=True).locator("p").first
    expect(own).to_contain_text("evidence for")
    before, mark = own.inner_text(), page.get_by_role("img", name="The evidence is of")
    of_own = mark.get_attribute("aria-label")
    there = next(
        (window.start_s + window.end_s) / 2
        for window in job.result(Classify).windows
        if window.start_s > BARKS_FROM_S and not window.silent
    )
    _seek(page, there / LONG_S)
    ask = page.get_by_role("button", name="Why here?")
    expect(ask).to_contain_text(re.compile(r"0:[23]\d\.\d – 0:[23]\d\.\d"))
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/v1/jobs")) as sent:
        ask.click()
    asked = _explain_options(sent.value)
    assert asked["start_s"] == pytest.approx(there - 2.5, abs=0.3)
    assert asked["end_s"] - asked["start_s"] == pytest.approx(5.0, abs=0.11)
    back = page.get_by_role("button", name="Back to the recording's own evidence")
    expect(back).to_be_visible()
    text = f"The evidence is of {_clock(asked['start_s'])} – {_clock(asked['end_s'])}"
    expect(mark).to_have_attribute("aria-label", text, timeout=_ENDS_MS)
    expect(page.locator(".evidence-span")).to_contain_text(text.removeprefix("The evidence is of "))
    expect(own).to_contain_text(asked["label"].replace("_", " "))
    expect(page.get_by_label("Why", exact=True)).to_contain_text(re.compile(r"and (> )?\d+ % in one window, 0:[23]\d"))
    _fine(here)
    back.click()
    expect(own).to_have_text(before)
    expect(mark).to_have_attribute("aria-label", str(of_own))
    page.reload()
    expect(own).to_have_text(before)
    expect(mark).to_have_attribute("aria-label", str(of_own))


@WIDE_FIRST
def test_what_the_model_heard_says_its_seconds_and_loops_them(
    visit: Callable[..., Visit], long: Path, size: ViewportSize
) -> None:
    """They are marked on the axis, looped while only the evidence is heard, and no longer."""
    here = visit(size)
    job = here.client.wait(here.client.analyze(long, ["classify", "explain", "describe"]))
    explained = job.result(Explain)
    here.go(f"/tracks/{job.recording}")
    page = here.page
    seconds = f"{_clock(explained.start_s)} – {_clock(explained.end_s)}"
    expect(page.locator(".evidence-span")).to_contain_text(f"are of {seconds} alone")
    mark = page.locator(".evidence-mark span").bounding_box()
    plots = page.locator(".timeline__plots").bounding_box()
    assert mark
    assert plots
    assert (mark["x"] - plots["x"]) / plots["width"] == pytest.approx(explained.start_s / LONG_S, abs=0.01)
    assert mark["width"] / plots["width"] == pytest.approx((explained.end_s - explained.start_s) / LONG_S, abs=0.01)
    loop = page.get_by_role("button", name=f"Remove the loop from {_clock(explained.start_s)}")
    expect(loop).to_have_count(0)
    page.get_by_role("radio", name="evidence only").click()
    expect(loop).to_be_visible()
    page.get_by_role("button", name="Play", exact=True).click()
    middle = (explained.start_s + explained.end_s) / 2
    _await_clock(page, f"at > {middle} && at <= {explained.end_s + 0.1}")
    _await_clock(page, f"at >= {explained.start_s - 0.1} && at < {middle}")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.get_by_role("radio", name="recording", exact=True).click()
    expect(loop).to_have_count(0)
    page.get_by_role("button", name="Loop it").click()
    expect(loop).to_be_visible()
    here.expect_fine()


@WIDE_FIRST
def test_tempo_and_key_show_their_doubt_and_beats_are_heard(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """In words and percent; clicks are heard with the recording."""
    here = visit(size)
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    here.page.add_init_script(STARTS)
    here.go(f"/tracks/{job.recording}")
    page = here.page
    sounds = page.get_by_label("How it sounds")
    expect(sounds).to_contain_text(re.compile(r"190 bpm\s*(sure|fairly sure|unsure), \d+ %"))
    clicks = page.get_by_role("button", name="Click on the beats")
    clicks.click()
    expect(clicks).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("a higher click where a bar starts")).to_be_visible()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => started.length > 12")
    page.get_by_role("button", name="Pause", exact=True).click()
    _fine(here)
    clicks.click()
    expect(clicks).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Play", exact=True).click()
    at = _clock_s(page)
    _await_clock(page, f"at > {at + 0.2}")
    expect(page.locator(".transport__problem")).to_have_count(0)


@WIDE_FIRST
def test_mixing_advice_is_in_words_the_furthest_first(
    visit: Callable[..., Visit], tmp_path: Path, size: ViewportSize
) -> None:
    """With sign and unit, of the bands that lie beyond the genre's own spread."""
    here = visit(size)
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    options = {"describe": {"genre": "pop"}}
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"], options))
    reference = job.result(Describe).reference
    assert reference is not None
    standing = [
        (abs(band.difference_db), band.name, band.difference_db)
        for band in reference.bands
        if band.difference_db is not None and abs(band.difference_db) > (band.spread_db or 0.0)
    ]
    wanted = [
        f"{name}: {size_db:.1f} dB {'above' if apart > 0 else 'below'} what pop usually has"
        f"{'+' if apart > 0 else '−'}{size_db:.1f} dB"
        for size_db, name, apart in sorted(standing, key=lambda one: -one[0])
    ]
    assert len(wanted) > 1
    here.go(f"/tracks/{job.recording}")
    expect(here.page.get_by_role("list", name="Mixing advice").get_by_role("listitem")).to_have_text(wanted)
    _fine(here)


@WIDE_FIRST
def test_each_label_has_its_colour_and_its_stretches_play(
    visit: Callable[..., Visit], long: Path, size: ViewportSize
) -> None:
    """The strip, its legend and the list agree; the list has every probability, and plays by pointer and by keys."""
    here = visit(size)
    job = here.client.wait(here.client.analyze(long, ["classify", "describe"]))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    legend = page.get_by_role("list", name="Colours of the labels")
    rows = page.get_by_role("list", name="Stretches of one label each").locator("button.segment")
    expect(rows.first).to_be_visible()
    labels = {name.strip() for name in legend.locator(".legend__label").all_inner_texts()}
    shown = [text for text in rows.locator(".segment__name").all_inner_texts() if text not in ("unknown", "silence")]
    assert labels == set(shown)
    assert len(labels) > 1
    for row in rows.all():
        unknown = row.locator(".segment__name").inner_text() in ("unknown", "silence")
        expect(row.locator(".segment__chance")).to_have_text("" if unknown else re.compile(r"^(< |> )?\d+ %$"))
        expect(row.locator(".segment__time")).to_have_text(re.compile(r"^0:\d\d\.\d – 0:\d\d\.\d$"))
    colours = {_colour(each) for each in legend.locator(".legend__label").all()}
    assert len(colours - {"rgba(0, 0, 0, 0)"}) == len(labels)
    assert colours <= {_edge(each) for each in page.locator(".label:not(.label--unknown)").all()}
    # Round and round, so that it does not end by itself.
    page.get_by_role("button", name="Loop the visible range").click()
    row = max(rows.all()[1:], key=_length_s)
    start = row.locator(".segment__time").inner_text().partition(" – ")[0]
    row.click()
    _await_clock(page, f"at >= {seconds_of(start)}")
    expect(row).to_have_attribute("aria-current", "true")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    rows.first.focus()
    page.keyboard.press("Enter")
    expect(rows.first).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    _fine(here)


@WIDE_FIRST
def test_vacant_rooms_are_small(visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize) -> None:
    """Where nothing was made stands a button, and no grey slab, before it is seen and after."""
    here = visit(size)
    job = here.client.wait(here.client.analyze(recordings["dog_small"], ["classify", "describe"]))
    here.go(f"/tracks/{job.recording}")
    page = here.page
    expect(page.get_by_label("How it sounds")).to_contain_text("loudness")
    for section in ("inside", "stems", "similar"):
        expect(page.locator(f"#{section} .skeleton")).to_have_count(0)
        assert _room(page, section) <= 32
    for section in ("inside", "stems", "similar"):
        page.locator(f"#{section}").scroll_into_view_if_needed()
        expect(page.locator(f"#{section}").get_by_role("button").first).to_be_visible()
        assert _room(page, section) < 100
    _fine(here)


def _room(page: Page, section: str) -> float:
    """The height of what is below a section's heading, in pixels."""
    return float(page.locator(f"#{section} > div").evaluate("node => node.getBoundingClientRect().height"))


def _seek(page: Page, share: float) -> None:
    plots = page.locator(".timeline__plots")
    box = plots.bounding_box()
    assert box
    plots.click(position={"x": box["width"] * share, "y": 30})


def _explain_options(request: Request) -> dict[str, Any]:
    assert request.post_data is not None
    options: dict[str, Any] = json.loads(request.post_data)["options"]["explain"]
    return options


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _length_s(row: Locator) -> float:
    """The length of a stretch, by the times that it shows."""
    start, _, end = row.locator(".segment__time").inner_text().partition(" – ")
    return seconds_of(end) - seconds_of(start)


def _clock_s(page: Page) -> float:
    return seconds_of(page.locator(".clock").inner_text().partition(" ")[0])


def _await_clock(page: Page, holds: str) -> None:
    page.wait_for_function(
        "() => { const [minutes, seconds] = document.querySelector('.clock').textContent.split(' ')[0].split(':');"
        f" const at = 60 * Number(minutes) + Number(seconds); return {holds}; }}",
        timeout=_ENDS_MS,
    )


def _colour(item: Locator) -> str:
    return str(item.evaluate("node => getComputedStyle(node, '::before').backgroundColor"))


def _edge(item: Locator) -> str:
    return str(item.evaluate("node => getComputedStyle(node).borderBottomColor"))


def test_what_is_heard_in_parts_stands_for_a_recording_without_a_label(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    """Half a minute of several sounds, of which none is that of the whole; what the owner rejected is left out."""
    here, demo = visit(), examples()
    day = demo.write(tmp_path / "day.wav", demo.quantised(demo.day()[0], 0.9))
    track = here.client.wait(here.client.analyze(day, ["classify"])).recording
    here.go(f"/tracks/{track}")
    heard = here.page.get_by_role("region", name="What is heard")
    expect(heard).to_contain_text(", each in a part")
    expect(heard).to_contain_text("rain")
    here.client.say_label(track, "rain", LabelState.REJECTED)
    here.page.reload()
    expect(heard).to_contain_text(", each in a part")
    expect(heard).not_to_contain_text("rain")
