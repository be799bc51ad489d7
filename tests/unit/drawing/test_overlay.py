"""A heatmap over its spectrogram: in the right place, on true axes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from phonoscope.audio.mel import hertz_to_mel
from phonoscope.drawing.overlay import Plane, draw_overlay

LOW_HZ, HIGH_HZ = 20.0, 20_000.0


def drawn(spectrogram: NDArray[np.float64], heat: NDArray[np.float32], start_s: float = 0.0) -> NDArray[np.int64]:
    """The pixels, ``(rows, columns, 3)``."""
    below, above = (Plane(values, LOW_HZ, HIGH_HZ, start_s, start_s + 5.0) for values in (spectrogram, heat))
    with Image.open(io.BytesIO(draw_overlay(below, above, "dog", "Most of it."))) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def plot_of(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """What lies within the axes' frame."""
    height, width = pixels.shape[:2]
    top, bottom = round(height * (1 - 0.155 - 0.735)), round(height * (1 - 0.155))
    return pixels[top + 3 : bottom - 3, round(0.08 * width) + 3 : round(0.845 * width) - 3]


def test_heat_lies_where_it_belongs() -> None:
    """Hot in the upper half from 3 s to 4 s: there the colours are, and nowhere else."""
    heat = np.zeros((64, 100), np.float32)
    heat[32:, 60:80] = 1.0
    plot = plot_of(drawn(np.full((64, 431), -80.0), heat))
    lit = plot.max(axis=2) > 60
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    assert rows[[0, -1]] / len(lit) == pytest.approx([0.0, 0.5], abs=0.02)
    assert columns[[0, -1]] / lit.shape[1] == pytest.approx([0.6, 0.8], abs=0.02)
    assert lit[rows[0] : rows[-1], columns[0] : columns[-1]].all()


def test_without_heat_the_spectrogram_is_grey() -> None:
    """Loud is white, 80 dB below is black, low frequencies lie at the bottom."""
    spectrogram = np.full((64, 431), -90.0)
    spectrogram[:16] = 0.0
    plot = plot_of(drawn(spectrogram, np.zeros((64, 10), np.float32)))
    assert (plot.max(axis=2) == plot.min(axis=2)).all()
    assert (plot[-20:] == 255).all()
    assert (plot[:20] == 0).all()


def test_axes_are_labelled() -> None:
    """Words stand on the left, below and above, and the caption too."""
    pixels = drawn(np.zeros((8, 8)), np.zeros((8, 8), np.float32), start_s=30.0)
    for part in (pixels[:, :70], pixels[-60:-25], pixels[-25:], pixels[:45, :400]):
        assert part.min() < 100
        assert part.max() == 255


@pytest.mark.parametrize("shape", [(1, 1), (128, 1), (2, 4_000)])
def test_any_size_can_be_drawn(shape: tuple[int, int]) -> None:
    """The shortest recordings have one column."""
    assert drawn(np.zeros(shape), np.ones(shape, np.float32)).shape[2] == 3


def test_a_plane_s_extent_is_in_mel() -> None:
    """So that its rows, evenly spaced on the mel scale, stand at their hertz."""
    plane = Plane(np.zeros((2, 2)), 1_000.0, 6_400.0, 1.0, 2.0)
    assert plane.extent == (1.0, 2.0, float(hertz_to_mel(1_000.0)), float(hertz_to_mel(6_400.0)))
