"""The views of a recording at every zoom, and which evidence they show, measured in pixels."""

from __future__ import annotations

import math
import re
import wave
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, ViewportSize, expect

from phonoscope.contract import ModelCard
from phonoscope.tasks import Explain
from tests.browser.axis import axis
from tests.browser.visit import PLOTS_LOADED, WIDE_FIRST, Visit

_RATE_HZ = 8_000
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
_DURATION_S = 170
_CLICK_S, _CLICK_SAMPLES = 150.0, 36
_CLOSEST_S, _WHEEL_ZOOM = 0.005, 0.0015
_COLUMNS = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    return Array.from({ length: width }, (_, x) => {
        let y = 0;
        while (y < height && data[4 * (y * width + x) + 3] <= 127) y += 1;
        return 1 - (2 * y) / height;
    });
}"""
_BRIGHT = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height / 2);
    const sums = new Array(width).fill(0);
    data.forEach((value, at) => { sums[(at >> 2) % width] += at % 4 === 3 ? 0 : value; });
    return sums;
}"""
"""How bright each column of the upper half is: far above the tone, where only the click sounds."""
_LONGEST_FRAME_S = 0.032
"""Of a level that is fine enough to show 0.4 s."""
_READS = ("willReadFrequently",)
_SUM = """() => {
    const canvas = document.querySelector(".plot--spectrogram canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((sum, value) => sum + value, 0);
}"""


@pytest.fixture(scope="module")
def click(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone at a quarter of full scale with a click of 4.5 ms."""
    time_s = np.arange(_DURATION_S * _RATE_HZ) / _RATE_HZ
    samples = 0.25 * np.sin(2 * np.pi * 440.0 * time_s)
    at = round(_CLICK_S * _RATE_HZ)
    samples[at : at + _CLICK_SAMPLES] = 1.0
    path = tmp_path_factory.mktemp("zoom") / "click.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


@pytest.mark.main
@WIDE_FIRST
def test_the_waveform_is_right_to_the_sample(visit: Callable[..., Visit], click: Path, size: ViewportSize) -> None:
    """A click of 4.5 ms is where and as wide as it is, in both plots; a steady tone is so, also where tiles meet."""
    here = visit(size)
    here.expected = _READS
    page, client = here.page, here.client
    track = client.upload(click)
    client.wait(client.create_job(track.id, ["describe"]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/tiles/" in request.url else None)
    here.go(f"/tracks/{track.id}")
    canvas = page.locator(".plot--wave canvas")
    expect(canvas).to_be_visible()
    page.wait_for_function(PLOTS_LOADED)
    for span_s in (0.4, 0.05):
        seen = _zoomed(page, _CLICK_S + 0.002, span_s)
        loud = np.flatnonzero(seen.columns > 0.5)
        assert len(loud) == loud[-1] - loud[0] + 1
        near_s = 2.5 / seen.px_per_s + 1 / _RATE_HZ
        assert len(loud) / seen.px_per_s == pytest.approx(_CLICK_SAMPLES / _RATE_HZ, abs=near_s), span_s
        assert seen.start_s + loud[0] / seen.px_per_s == pytest.approx(_CLICK_S, abs=near_s), span_s
        if span_s == 0.4:
            assert min(_levels(asked, "spectrogram")) <= 2
            _expect_a_bright_click(page, seen)
    for at_s, span_s in ((12.288, 4.0), (65.536, 30.0)):
        steady = _zoomed(page, at_s, span_s).columns[2:-2]
        assert steady.min() > 0.9 * steady.max() > 0.2, (at_s, span_s)
    assert {0, 5} <= _levels(asked, "waveform")
    assert len(asked) < 80
    assert here.violations() == []


@WIDE_FIRST
def test_choosing_evidence_shows_it_and_does_not_replace_the_winners(
    visit: Callable[..., Visit], recordings: dict[str, Path], size: ViewportSize
) -> None:
    """Another label, layer or method turns evidence on that is off; after a reload the page explains the winner."""
    here = visit(size)
    here.expected = _READS
    page, client = here.page, here.client
    job = client.wait(client.analyze(recordings["dog_large"], ["classify", "explain", "describe"]))
    here.go(f"/tracks/{job.recording}")
    why = page.get_by_label("Why")
    expect(why).to_contain_text("dog")
    button = page.get_by_role("button", name="Evidence", exact=True)
    card = client.model(job.result(Explain).model.name)
    assert isinstance(card, ModelCard)
    shallow = card.layers[0]
    for name, choice in {"label": "rain", "layer": shallow, "method": "hirescam"}.items():
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_be_enabled()
        button.click()
        expect(button).to_have_attribute("aria-pressed", "false")
        page.wait_for_function(PLOTS_LOADED)
        before = page.evaluate(_SUM)
        page.get_by_label(f"Evidence {name}").select_option(choice)
        expect(button).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(f"before => ({_SUM})() !== before", arg=before, timeout=60_000)
    expect(why).to_contain_text("rain")
    here.expect_fine()
    page.reload()
    expect(why).to_contain_text("dog")
    expect(page.get_by_label("Evidence label")).to_have_value("dog")


class _Seen(NamedTuple):
    """How far above the middle the waveform reaches in each column, 1 at the top, from `start_s` on."""

    columns: NDArray[np.float64]
    start_s: float
    px_per_s: float


def _zoomed(page: Page, at_s: float, span_s: float) -> _Seen:
    """What is drawn once the view is zoomed to a span around a time, by the wheel, and loaded."""
    plots = page.locator(".timeline__plots")
    plots.scroll_into_view_if_needed()
    box = plots.bounding_box()
    assert box
    page.keyboard.down("Control")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.wheel(0, 10_000)
    shown_s = float(_DURATION_S)
    for span in (30.0, 2.0, 0.4, span_s):
        if span < span_s:
            continue
        start_s, px_per_s = _axis_of(page, box["width"], shown_s)
        page.mouse.move(box["x"] + (at_s - start_s) * px_per_s, box["y"] + 40)
        page.mouse.wheel(
            0, -math.log(box["width"] / px_per_s / span) / math.log(_DURATION_S / _CLOSEST_S) / _WHEEL_ZOOM
        )
        shown_s = span
    _axis_of(page, box["width"], span_s)
    page.keyboard.up("Control")
    page.mouse.move(0, 0)
    page.wait_for_function(PLOTS_LOADED)
    page.evaluate(_DRAWN)
    columns = np.asarray(page.locator(".plot--wave canvas").evaluate(_COLUMNS))
    return _Seen(columns, *axis(page))


def _levels(asked: list[str], picture: str) -> set[int]:
    """Those of which tiles of a picture were asked for."""
    found = (re.search(rf"/{picture}/tiles/(\d+)/", url) for url in asked)
    return {int(match[1]) for match in found if match}


def _expect_a_bright_click(page: Page, seen: _Seen) -> None:
    """The spectrogram is bright around the middle of the click, and no longer than it and a frame's window."""
    columns = np.asarray(page.locator(".plot--spectrogram canvas").evaluate(_BRIGHT), dtype=float)
    bright = np.flatnonzero(columns > (np.median(columns) + columns.max()) / 2)
    assert len(bright) == bright[-1] - bright[0] + 1
    length_s = _CLICK_SAMPLES / _RATE_HZ
    near_s = 2.5 / seen.px_per_s + 0.001
    assert len(bright) / seen.px_per_s < length_s + _LONGEST_FRAME_S
    middle_s = seen.start_s + (bright[0] + bright[-1] + 1) / 2 / seen.px_per_s
    assert middle_s == pytest.approx(_CLICK_S + length_s / 2, abs=near_s)


def _axis_of(page: Page, width: float, span_s: float) -> tuple[float, float]:
    """The axis once that many seconds are shown."""
    until = monotonic() + 60.0
    while (found := axis(page))[1] != pytest.approx(width / span_s, rel=0.1):
        assert monotonic() < until, f"{width / found[1]} s are shown, and not {span_s}"
        page.wait_for_timeout(20)
    return found
