"""Draws a heatmap over the spectrogram that it explains, on axes in seconds and hertz."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from phonoscope.audio.mel import Hertz, hertz_to_mel
from phonoscope.drawing.palette import ramp

MEDIA_TYPE = "image/png"
_SIZE_INCHES, _DOTS_PER_INCH = (9.0, 4.2), 110
_TICKS_HZ = (50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0)
_KILOHERTZ = 1_000.0
_NARROWEST_TICK = 0.045
"""The least distance of two tick labels, as a share of the axis."""
_MOST_OPAQUE = 0.8
_RANGE_DB, _BRIGHTEST = 80.0, 255
_BOTTOM, _HEIGHT, _BAR_PIXELS = 0.155, 0.735, 12


@dataclass(frozen=True)
class Plane:
    """Values on a mel axis, whose rows are evenly spaced on the mel scale, and a time axis in seconds.

    Shape:
        - values: ``(mels, columns)``
    """

    values: NDArray[np.floating]
    low_hz: float
    high_hz: float
    start_s: float
    end_s: float

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left and right in seconds, bottom and top in mel."""
        return self.start_s, self.end_s, float(hertz_to_mel(self.low_hz)), float(hertz_to_mel(self.high_hz))


def draw_overlay(spectrogram: Plane, heat: Plane, title: str, caption: str) -> bytes:
    """Draws a PNG: the spectrogram in grey, and over it the heat in [0, 1], more opaque where it is higher.

    Args:
        spectrogram: in decibels below the peak; -80 dB is black.
        heat: on the same frequencies, with the same number of rows.
    """
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH)
    axes = figure.add_axes((0.08, _BOTTOM, 0.765, _HEIGHT))
    axes.imshow(
        _mixed(spectrogram, heat), origin="lower", aspect="auto", extent=spectrogram.extent, interpolation="nearest"
    )
    ticks = _ticks(spectrogram.low_hz, spectrogram.high_hz)
    axes.set_yticks(hertz_to_mel(ticks), [_hertz(hertz) for hertz in ticks])
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel("seconds")
    axes.set_ylabel("hertz (mel scale)")
    _add_legend(figure, 0.86, "gray", "dB", ("-80", "-60", "-40", "-20", "0"))
    _add_legend(figure, 0.93, "inferno", "evidence", ("none", "half", "most"))
    figure.text(0.08, 0.015, caption, fontsize=8.5)
    file = io.BytesIO()
    figure.savefig(file, format="png", pil_kwargs={"compress_level": 1})
    return file.getvalue()


def warm_up() -> None:
    """Draws once, so that the first image does not wait for fonts and lazy imports."""
    blank = Plane(np.zeros((2, 2)), 100.0, 200.0, 0.0, 1.0)
    draw_overlay(blank, blank, "", "")


def _mixed(spectrogram: Plane, heat: Plane) -> NDArray[np.uint8]:
    """The blended colours, on the spectrogram's columns. Shape: ``(mels, columns, 3)``."""
    columns = spectrogram.values.shape[1]
    seconds = spectrogram.start_s + (np.arange(columns) + 0.5) * (spectrogram.end_s - spectrogram.start_s) / columns
    place = (seconds - heat.start_s) / (heat.end_s - heat.start_s) * heat.values.shape[1]
    hot = heat.values[:, place.astype(int).clip(0, heat.values.shape[1] - 1), None].astype(np.float32)
    grey = (spectrogram.values[:, :, None] / _RANGE_DB + 1.0).clip(0.0, 1.0) * _BRIGHTEST
    colours = ramp("inferno")[(hot[:, :, 0] * _BRIGHTEST).astype(np.uint8)]
    opacity = _MOST_OPAQUE * hot
    mixed: NDArray[np.uint8] = (grey * (1.0 - opacity) + colours * opacity).astype(np.uint8)
    return mixed


def _add_legend(figure: Figure, left: float, colours: str, title: str, words: Sequence[str]) -> None:
    """Adds a colour ramp with words from bottom to top; as plain pixels, since axes take a tenth of a second."""
    width, height = (round(size * _DOTS_PER_INCH) for size in _SIZE_INCHES)
    steps = np.linspace(0, _BRIGHTEST, round(_HEIGHT * height)).astype(np.uint8)
    bar = np.repeat(ramp(colours)[steps, None], _BAR_PIXELS, axis=1)
    figure.figimage(bar, round(left * width), round(_BOTTOM * height), origin="lower")
    figure.text(left, _BOTTOM + _HEIGHT + 0.025, title, fontsize=7)
    for step, word in enumerate(words):
        level = _BOTTOM + _HEIGHT * step / (len(words) - 1)
        figure.text(left + _BAR_PIXELS / width + 0.004, level, word, fontsize=7, va="center")


def _ticks(low_hz: float, high_hz: float) -> Hertz:
    inside = np.array([hertz for hertz in _TICKS_HZ if low_hz <= hertz <= high_hz] or [low_hz, high_hz])
    mel = hertz_to_mel(inside)
    least = _NARROWEST_TICK * float(hertz_to_mel(high_hz) - hertz_to_mel(low_hz))
    kept = [0]
    for place in range(1, len(inside)):
        if mel[place] - mel[kept[-1]] >= least:
            kept.append(place)
    return inside[kept]


def _hertz(hertz: float) -> str:
    return f"{hertz / _KILOHERTZ:g}k" if hertz >= _KILOHERTZ else f"{hertz:g}"
