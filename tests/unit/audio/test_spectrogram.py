"""Spectrograms as they are kept: levels, edges, and fewer columns."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.audio.mel import hertz_to_mel
from phonoscope.audio.spectrogram import MelSpectrogram, decibels, quantised

RAMP = MelSpectrogram(np.tile(np.arange(10, 20, dtype=np.uint8), (128, 1)), 100, 950, 44_100)


def test_levels_are_half_decibels() -> None:
    """To decibels and back nothing is lost; a power is at most a quarter of a decibel off."""
    levels = np.arange(256, dtype=np.uint8)
    assert decibels(levels)[[0, 1, 255]] == pytest.approx([-127.5, -127.0, 0.0])
    assert np.array_equal(quantised(10.0 ** (decibels(levels) / 10.0)), levels)
    power = np.geomspace(1e-12, 1.0, 1_000)
    assert decibels(quantised(power)) == pytest.approx(10.0 * np.log10(power), abs=0.251)


def test_bands_are_evenly_spaced_on_the_mel_scale() -> None:
    """Edges lie half way between centres, and as far apart."""
    edges, centres = hertz_to_mel(RAMP.edges_hz()), hertz_to_mel(RAMP.centres_hz())
    assert centres == pytest.approx((edges[:-1] + edges[1:]) / 2)
    assert np.diff(edges) == pytest.approx(np.full(128, edges[1] - edges[0]))


@pytest.mark.parametrize("columns", [1, 3, 9])
def test_fewer_columns_are_mean_powers_of_equal_times(columns: int) -> None:
    """Each begins where its time does, and a shorter last column has less weight."""
    found = RAMP.coarser(columns)
    assert found.shape == (128, columns)
    power = np.repeat(10.0 ** (decibels(RAMP.levels[0]) / 10.0), 100)[:950]
    starts = np.arange(columns) * 950 // (columns * 100) * 100
    for column, (start, end) in enumerate(zip(starts, [*starts[1:], 950], strict=True)):
        assert decibels(found[:, column]) == pytest.approx(
            np.full(128, 10.0 * np.log10(power[start:end].mean())), abs=0.26
        )


def test_the_loudest_spot() -> None:
    """Wherever it is."""
    assert RAMP.loudest_dbfs == -127.5 + 19 / 2
