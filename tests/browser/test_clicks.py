"""Beats are heard as clicks, in time with what plays: stems to the sample, recordings of any length to milliseconds."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, Route, ViewportSize, expect

from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.client import Client
from phonoscope.contract import Job
from phonoscope.tasks import Describe
from tests.browser.sound import STARTS, listen
from tests.browser.visit import WIDE, WIDE_FIRST, Visit, held_at, last_of, record_players
from tests.corpus import music

Signal = NDArray[np.float64]

_STEMS = 4
_SAID = "a higher click where a bar starts"
_MINUTES = 30
# Whole steps of the analysis: each beat is found as far from its pulse, whichever pulse is heard while the clock lags.
_RATE_HZ, _EVERY_S, _FIRST_S = 8_000, 43 * 256 / 22_050, 0.25
_PULSE_HZ, _PULSE_S = 3_400.0, 0.008
_CLICKS_HZ, _CLICK_FADES_S = (1_200.0, 1_800.0), 0.008
_WITHIN_S = 0.01
_LEAST = 0.2
_PAIRS, _TRIES = 6, 60
_NOW_S = """(() => {
    const [at] = document.querySelector(".clock").textContent.trim().split(" ");
    return at.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
})()"""


class Pair(NamedTuple):
    """A pulse of the recording by its time in it, and how much later its click is heard, in seconds."""

    pulse_s: float
    later_s: float


@WIDE_FIRST
def test_stems_are_heard_with_clicks(
    visit: Callable[..., Visit], tmp_path: Path, tiny: str, size: ViewportSize
) -> None:
    """Each click starts with its beat's sample of the stems; the recording has clicks too when it is played."""
    here = visit(size)
    page = here.page
    waltz = next(case for case in music.CASES if case.name == "a waltz at 190")
    job = here.client.wait(here.client.analyze(waltz.make(tmp_path), ["describe"]))
    here.client.wait(here.client.create_job(job.recording, ["separate"], {"separate": {"model": tiny}}))
    page.add_init_script(STARTS)
    here.go(f"/tracks/{job.recording}")
    page.locator("#stems").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Play the stems")).to_be_enabled()
    page.get_by_role("radio", name="stems").click()
    clicks = page.get_by_role("button", name="Click on the beats")
    clicks.click()
    said = page.get_by_text(_SAID)
    expect(said).to_be_visible()
    expect(page.get_by_role("radio", name="stems")).to_be_checked()
    # So that it does not end meanwhile.
    page.get_by_role("button", name="Loop the visible range").click()
    page.get_by_role("button", name="Play the stems").click()
    page.wait_for_function(f"() => started.length > {_STEMS} + 6")
    started: list[dict[str, float]] = page.evaluate("started")
    stems, beats = started[:_STEMS], started[_STEMS : _STEMS + 7]
    assert len({stem["when"] for stem in stems}) == 1
    wanted = _beats(here.client, job)
    found = [beat["when"] - stems[0]["when"] + stems[0]["offset"] for beat in beats]
    assert found == pytest.approx(wanted[: len(found)].tolist(), abs=1.0 / stems[0]["rate"])
    here.expect_fine()
    count = page.evaluate("started.length")
    page.get_by_role("radio", name="recording", exact=True).click()
    # Whenever their loop begins anew, all stems start together.
    long = f"started.slice({count}).filter((one) => one.seconds > 5).length"
    page.wait_for_function(f"() => {long} % {_STEMS} === 1")
    expect(said).to_be_visible()
    clicks.click()
    expect(said).to_have_count(0)
    count = page.evaluate("started.length")
    page.get_by_role("radio", name="stems").click()
    page.wait_for_function(f"() => started.length >= {count} + {_STEMS}")
    assert page.evaluate(f"started.slice({count}).every((one) => one.seconds > 5)")


@pytest.mark.timeout(600)
def test_half_an_hour_is_heard_with_clicks(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Each click is milliseconds from its beat, measured in what is heard: at the start, late, slower, in a loop."""
    here = visit(WIDE)
    page = here.page
    listen(page)
    path = _metronome(tmp_path / "metronome.flac")
    job = here.client.wait(here.client.analyze(path, ["describe"]))
    beats = _beats(here.client, job)
    assert len(beats) > 0.9 * _MINUTES * 60.0 / _EVERY_S
    here.go(f"/tracks/{job.recording}")
    page.get_by_role("button", name="Click on the beats").click()
    expect(page.get_by_text(_SAID)).to_be_visible()
    page.get_by_role("button", name="Play", exact=True).click()
    _expect_in_time(page, beats, 1.0)
    plots = page.locator(".timeline__plots")
    box = plots.bounding_box()
    assert box
    plots.click(position={"x": 0.9 * box["width"], "y": 40})
    page.wait_for_function(f"() => {_NOW_S} > 0.85 * 60 * {_MINUTES}")
    _expect_in_time(page, beats, 1.0)
    page.get_by_label("keep the pitch").uncheck()
    page.get_by_role("slider", name="speed", exact=True).fill("0.75")
    expect(page.get_by_text("0.75 ×", exact=True)).to_be_visible()
    _expect_in_time(page, beats, 0.75)
    page.keyboard.press("l")
    expect(page.locator(".timeline .loop")).to_have_count(1)
    _expect_in_time(page, beats, 0.75)
    here.expect_fine()


def test_the_page_says_why_there_are_no_clicks(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """While what they need is loaded, and where it cannot be: then the recording is streamed."""
    here = visit()
    here.expected = ("404",)
    page = here.page
    job = here.client.wait(here.client.analyze(_metronome(tmp_path / "metronome.flac", 1), ["describe"]))
    held = held_at(page, "**/waveform/levels*")
    here.go(f"/tracks/{job.recording}")
    page.get_by_role("button", name="Click on the beats").click()
    expect(page.get_by_text("loading what the clicks need")).to_be_visible()
    last_of(page, held, 1).fulfill(status=404, json={"detail": "the outline was never measured", "status": 404})
    expect(page.get_by_text("No clicks with the recording")).to_contain_text("The outline was never measured.")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => {_NOW_S} > 0.5")
    here.expect_fine()


def test_a_recording_plays_on_where_its_parts_end(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """As those that an earlier release measured: with clicks up to there, then streamed; nothing more is asked for."""
    here = visit()
    page = here.page
    job = here.client.wait(here.client.analyze(_metronome(tmp_path / "metronome.flac", 1), ["describe"]))

    def shorten(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "detail_end_s": 31.0})

    page.route("**/waveform/levels*", shorten)
    record_players(page)
    listen(page)
    parts: list[str] = []
    page.on("request", lambda one: parts.append(one.url.rpartition("/")[2]) if "/audio/parts/" in one.url else None)
    here.go(f"/tracks/{job.recording}")
    page.get_by_role("button", name="Click on the beats").click()
    expect(page.get_by_text(_SAID)).to_contain_text("up to 0:30; with its stems throughout")
    page.get_by_role("button", name="Play", exact=True).click()
    _expect_in_time(page, _beats(here.client, job), 1.0)
    plots = page.locator(".timeline__plots")
    box = plots.bounding_box()
    assert box
    plots.click(position={"x": 28.5 / 60.0 * box["width"], "y": 40})
    page.wait_for_function("() => players.some((one) => !one.paused && one.currentTime > 31)")
    page.wait_for_function(f"() => {_NOW_S} > 31")
    assert [part.partition("?")[0] for part in parts] == ["0"]
    here.expect_fine()


def test_the_position_stands_while_a_part_is_fetched(visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Where it was sought to; pause keeps it, and play goes on from there."""
    here = visit()
    page = here.page
    job = here.client.wait(here.client.analyze(_metronome(tmp_path / "metronome.flac", 2), ["describe"]))
    held = held_at(page, "**/audio/parts/2*")
    here.go(f"/tracks/{job.recording}")
    page.get_by_role("button", name="Click on the beats").click()
    expect(page.get_by_text(_SAID)).to_be_visible()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => {_NOW_S} > 0.5")
    plots = page.locator(".timeline__plots")
    box = plots.bounding_box()
    assert box
    plots.click(position={"x": 0.6 * box["width"], "y": 40})
    asked = last_of(page, held, 1)
    expect(page.get_by_text("loading the recording")).to_be_visible()
    at_s = page.evaluate(_NOW_S)
    assert at_s == pytest.approx(0.6 * 120.0, abs=1.0)
    page.get_by_role("button", name="Pause", exact=True).click()
    assert page.evaluate(_NOW_S) == at_s
    page.get_by_role("button", name="Play", exact=True).click()
    asked.continue_()
    page.wait_for_function(f"() => {_NOW_S} > {at_s} + 0.5")
    here.expect_fine()


def _beats(client: Client, job: Job) -> Signal:
    found = job.result(Describe).beats
    assert found is not None
    with np.load(io.BytesIO(client.download(found)), allow_pickle=False) as arrays:
        beats: Signal = arrays["beats_s"]
    return beats


def _metronome(path: Path, minutes: int = _MINUTES) -> Path:
    """Short tones at even times, in stereo."""
    samples = np.zeros(minutes * 60 * _RATE_HZ, np.float32)
    time_s = np.arange(round(_PULSE_S * _RATE_HZ)) / _RATE_HZ
    pulse = 0.7 * np.sin(2.0 * np.pi * _PULSE_HZ * time_s) * np.hanning(len(time_s))
    for at in range(int((minutes * 60 - _FIRST_S) / _EVERY_S)):
        start = round((_FIRST_S + at * _EVERY_S) * _RATE_HZ)
        samples[start : start + len(pulse)] = pulse
    with path.open("wb") as file, Encoder(file, _RATE_HZ, 2, FORMATS["flac"]) as encoder:
        for minute in np.split(samples, minutes):
            encoder.write(np.stack([minute, minute]))
    return path


def _expect_in_time(page: Page, beats: Signal, speed: float) -> None:
    """What is heard has each beat's click as much later than its pulse as the beat was found to be.

    Of one of them something may be missing: a browser without time for it leaves out a piece of what is heard.
    """
    pairs: list[Pair] = []
    tried: list[str] = []
    while len(pairs) < _PAIRS:
        assert len(tried) < _TRIES, tried
        at_s = page.evaluate(_NOW_S)
        page.wait_for_function(f"() => Math.abs({_NOW_S} - {at_s}) > 0.3")
        heard = page.evaluate(f"({{ ...latest(), now: {_NOW_S} }})")
        samples = np.asarray(heard["samples"])
        found = _pairs(samples, heard["rate"], heard["now"], speed)
        tried.append(f"at {heard['now']:.1f} s up to {np.abs(samples).max():.2f}, {len(found)} pairs")
        pairs += found
    nearest = [beats[np.argmin(np.abs(beats - pair.pulse_s))] for pair in pairs]
    wrong_s = [pair.later_s - (beat_s - pair.pulse_s) / speed for pair, beat_s in zip(pairs, nearest, strict=True)]
    *most, _ = sorted(map(abs, wrong_s))
    assert max(most) < _WITHIN_S, pairs


def _pairs(samples: Signal, rate_hz: float, now_s: float, speed: float) -> list[Pair]:
    """The pulses and their clicks, of what was heard last while the player was at a time."""
    shape = np.hanning(round(_PULSE_S / speed * rate_hz))
    pulses = _found(samples, rate_hz, _PULSE_HZ * speed, shape)
    fade = np.exp(-np.arange(round(0.03 * rate_hz)) / rate_hz / _CLICK_FADES_S)
    clicks = [at for hertz in _CLICKS_HZ for at in _found(samples, rate_hz, hertz, fade)]
    pairs = []
    for pulse in pulses:
        later = [click - pulse for click in clicks if abs(click - pulse) < _EVERY_S / 4]
        about_s = now_s - (len(samples) / rate_hz - pulse) * speed
        pulse_s = _FIRST_S + round((about_s - _FIRST_S) / _EVERY_S) * _EVERY_S
        pairs += [Pair(pulse_s, one) for one in later]
    return pairs


def _found(samples: Signal, rate_hz: float, hertz: float, shape: Signal) -> list[float]:
    """The times at which a tone of this shape begins, in seconds."""
    wanted = shape * np.exp(2j * np.pi * hertz * np.arange(len(shape)) / rate_hz)
    level = np.abs(np.correlate(samples, wanted, "valid")) * 2.0 / np.sum(shape**2)
    apart = round(_EVERY_S / 4 * rate_hz)
    found = []
    while level.max(initial=0.0) > _LEAST:
        at = int(level.argmax())
        found.append(at / rate_hz)
        level[max(0, at - apart) : at + apart] = 0.0
    return found
