"""Axes that are true, shares that add up, and sentences that hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from phonoscope.audio.bands import BANDS
from phonoscope_ml.attribution import Attribution
from phonoscope_ml.evidence import Evidence, Heat, axes, read_evidence
from phonoscope_ml.frontends import DecibelSettings, LogMel
from tests.unit.ml.listeners import BandListener, burst, spectrogram

WIDE = DecibelSettings()
TONES = (("sub-bass", 40.0), ("bass", 140.0), ("low-mid", 360.0), ("mid", 1_000.0), ("high-mid", 3_000.0))
HIGH_TONES = (("presence", 5_000.0), ("brilliance", 11_000.0))


def test_mel_centres_are_where_the_filters_peak() -> None:
    """Within the transform's own resolution, and they rise from f_min to f_max."""
    grid = axes(WIDE)
    resolution_hz = WIDE.sample_rate_hz / WIDE.n_fft
    wide_enough = np.diff(grid.hertz_edges) > 2 * resolution_hz
    peaks = LogMel(WIDE).filters.argmax(dim=0).numpy() * resolution_hz
    assert np.abs(peaks - grid.hertz)[wide_enough].max() <= resolution_hz
    assert (grid.hertz_edges[:-1] < grid.hertz).all()
    assert (grid.hertz < grid.hertz_edges[1:]).all()
    assert grid.hertz_edges[0] > WIDE.f_min_hz
    assert grid.hertz_edges[-1] < WIDE.f_max_hz


def test_frames_are_where_a_click_lights_up(small: DecibelSettings) -> None:
    """The brightest frame's second is the click's, and the axes have the spectrogram's shape."""
    for at_s in (0.1, 0.425, 0.8):
        click = np.zeros(small.window_samples, np.float32)
        click[round(at_s * small.sample_rate_hz)] = 1.0
        seen = spectrogram(small, click)[0, 0]
        grid = axes(small, start_s=7.0)
        assert seen.shape == (len(grid.hertz), len(grid.seconds))
        assert grid.seconds[int(seen.sum(dim=0).argmax())] == pytest.approx(7.0 + at_s, abs=0.025)
        assert grid.seconds_edges[[0, -1]].tolist() == [7.0, 8.0]


def test_frames_that_the_picture_leaves_out_are_counted() -> None:
    """Where only some of the transform's frames are kept, seconds follow those."""
    thinned = replace(WIDE, frame_offset=0.5, frame_step=2.5)
    frames = LogMel(thinned)(torch.zeros(1, thinned.window_samples)).shape[-1]
    grid = axes(thinned)
    assert len(grid.seconds) == frames
    assert grid.seconds[:4].tolist() == pytest.approx([0.0, 0.12, 0.2, 0.32])


@pytest.mark.parametrize(("band", "hertz"), [*TONES, *HIGH_TONES])
def test_a_tone_s_evidence_lies_in_its_band(band: str, hertz: float) -> None:
    """Evidence at a tone's own row counts for the band that the tone is in, but for what reaches across its edge."""
    heat = np.zeros((WIDE.n_mels, 126), np.float32)
    heat[np.abs(axes(WIDE).hertz - hertz).argmin(), 10:30] = 1.0
    shares = _shares(read_evidence(heat, axes(WIDE), "tone"))
    assert shares[band] > 0.75
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_heard_tone_is_read_aloud(small: DecibelSettings) -> None:
    """From samples to the sentence: a model that hears 1 kHz says where and when it sounded."""
    with Attribution(BandListener(small, 850.0, 1_150.0)) as attribution:
        sound = burst(small, 1_000.0, 0.2, 0.4) + burst(small, 2_500.0, 0.6, 0.9)
        heat = attribution.heatmaps(attribution(spectrogram(small, sound)), 0).values[0]
    found = read_evidence(heat, axes(small, start_s=2.5), "whistle")
    assert _shares(found)["mid"] > 0.99
    assert found.region is not None
    assert 850.0 < found.region.low_hz < 1_000.0 < found.region.high_hz < 1_200.0
    assert 2.65 < found.region.start_s < found.region.end_s < 2.95
    assert found.reading == "Most of the evidence for *whistle* lies between 920 Hz and 1.1 kHz, at 2.7–2.9 s."


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 40.0))
def test_most_means_more_than_half(seed: int, contrast: float) -> None:
    """Whatever the heatmap, its region holds more than half of it and its shares add to 1."""
    heat = np.random.default_rng(seed).random((WIDE.n_mels, 126)).astype(np.float32) ** np.float32(contrast)
    found = read_evidence(heat, axes(WIDE), "noise")
    grid, region = axes(WIDE), found.region
    assert region is not None
    rows = (grid.hertz > region.low_hz) & (grid.hertz < region.high_hz)
    columns = (grid.seconds >= region.start_s) & (grid.seconds <= region.end_s)
    assert heat[np.ix_(rows, columns)].sum() > 0.5 * heat.sum()
    assert sum(_shares(found).values()) == pytest.approx(1.0)


def test_evidence_over_time_only_names_no_band() -> None:
    """A layer with one row says when, and not how high."""
    heat = np.zeros((WIDE.n_mels, 126), np.float32)
    heat[:, 30:40] = 1.0
    found, edges = read_evidence(heat, axes(WIDE), "guitar"), axes(WIDE).hertz_edges
    assert found.region is not None
    assert (found.region.low_hz, found.region.high_hz) == (edges[0], edges[-1])
    assert found.reading.startswith("Most of the evidence for *guitar* lies in all bands alike, at 1.2–1.")


def test_bands_are_those_of_the_contract() -> None:
    """Seven, without a gap, from 20 Hz up, the last without an end."""
    assert [name for name, _, _ in BANDS] == [name for name, _ in (*TONES, *HIGH_TONES)]
    assert [low for _, low, _ in BANDS] == [20.0, 60.0, 250.0, 500.0, 2_000.0, 4_000.0, 6_000.0]
    assert [high for _, _, high in BANDS] == [60.0, 250.0, 500.0, 2_000.0, 4_000.0, 6_000.0, None]


def test_rows_below_the_lowest_band_are_not_lost() -> None:
    """A front end that begins at 0 Hz still has shares that add to 1."""
    low = replace(WIDE, f_min_hz=0.0)
    shares = _shares(read_evidence(np.ones((low.n_mels, 126), np.float32), axes(low), "hum"))
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("heat", "silent", "reading"),
    [
        (np.zeros((128, 126), np.float32), False, "There is no evidence for *dog*."),
        (np.ones((128, 126), np.float32), True, "There is only silence, and no evidence for *dog*."),
    ],
)
def test_silence_says_so(heat: Heat, silent: bool, reading: str) -> None:
    """No share, no region and no NaN, whatever the network makes of a silent spectrogram."""
    found = read_evidence(heat, axes(WIDE), "dog", silent=silent)
    assert found.reading == reading
    assert found.region is None
    assert set(_shares(found).values()) == {0.0}


def _shares(found: Evidence) -> dict[str, float]:
    return {band.name: band.share for band in found.bands}
