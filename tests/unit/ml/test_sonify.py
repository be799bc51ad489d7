"""Hearing through a heatmap: what is hot stays, what is cold dies."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.audio.decode import Samples
from phonoscope_ml.attribution import Attribution
from phonoscope_ml.evidence import Heat, axes
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.sonify import sonify
from tests.unit.ml.listeners import BandListener, burst, spectrogram

WIDE = DecibelSettings()


def test_a_tone_inside_stays_and_one_outside_dies() -> None:
    """In hertz: within 1 dB inside, more than 20 dB down outside, both sounding together."""
    heat = _heat((800.0, 1_250.0), (0.0, 5.0))
    inside, outside = _tone(1_000.0), _tone(4_000.0)
    filtered = sonify(inside + outside, heat, axes(WIDE), WIDE)
    assert abs(_level_db(filtered, 1_000.0) - _level_db(inside, 1_000.0)) < 1.0
    assert _level_db(filtered, 4_000.0) - _level_db(outside, 4_000.0) < -20.0


def test_a_tone_lives_only_while_it_is_hot() -> None:
    """In seconds: within 1 dB during the heat, more than 20 dB down before and after."""
    tone = _tone(1_000.0)
    filtered = sonify(tone, _heat((500.0, 2_000.0), (1.0, 2.0)), axes(WIDE), WIDE)
    rate = WIDE.sample_rate_hz
    for start_s, end_s, low, high in ((1.1, 1.9, -1.0, 1.0), (0.0, 0.9, -400.0, -20.0), (2.1, 5.0, -400.0, -20.0)):
        part = slice(round(start_s * rate), round(end_s * rate))
        change = 10 * np.log10(np.mean(filtered[part] ** 2) / np.mean(tone[part] ** 2) + 1e-30)
        assert low < change < high


def test_what_a_model_heard_can_be_heard(small: DecibelSettings) -> None:
    """From samples through a network and its heatmap back to samples: its own tone remains, the other does not."""
    own, other = burst(small, 1_000.0, 0.2, 0.45), burst(small, 2_500.0, 0.2, 0.45)
    with Attribution(BandListener(small, 700.0, 1_300.0)) as attribution:
        heat = attribution.heatmaps(attribution(spectrogram(small, own + other)), 0).values[0]
    filtered = sonify(own + other, heat, axes(small), small)
    rate = small.sample_rate_hz
    assert _level_db(filtered, 1_000.0, rate) - _level_db(own, 1_000.0, rate) > -3.0
    assert _level_db(filtered, 2_500.0, rate) - _level_db(other, 2_500.0, rate) < -20.0


def test_half_the_heat_is_half_the_amplitude() -> None:
    """The mask is the heat itself: 0.5 is 6 dB down."""
    tone = _tone(1_000.0)
    filtered = sonify(tone, np.full((WIDE.n_mels, 126), 0.5, np.float32), axes(WIDE), WIDE)
    assert _level_db(filtered, 1_000.0) - _level_db(tone, 1_000.0) == pytest.approx(-6.02, abs=0.05)


def test_all_heat_gives_the_recording_back() -> None:
    """Phase kept and transform undone: within the spectrogram's range of hertz not a sample differs by a thousandth."""
    sound = _tone(300.0) + _tone(3_333.0)
    filtered = sonify(sound, np.ones((WIDE.n_mels, 126), np.float32), axes(WIDE), WIDE)
    assert np.abs(filtered - sound)[4_096:-4_096].max() < 1e-3


@pytest.mark.parametrize("length", [0, 1, 7, 1_023, 2_048, 44_101, 220_500])
def test_the_length_is_exact(length: int) -> None:
    """To the sample, for windows shorter than a transform too."""
    noise = np.random.default_rng(length).uniform(-1.0, 1.0, length).astype(np.float32)
    filtered = sonify(noise, _heat((200.0, 9_000.0), (0.0, 3.0)), axes(WIDE), WIDE)
    assert filtered.shape == (length,)
    assert filtered.dtype == np.float32
    assert np.isfinite(filtered).all()


def test_the_peak_is_safe() -> None:
    """A square wave at full scale overshoots when its upper partials go; what is played does not clip."""
    square = np.sign(_tone(441.0)).astype(np.float32)
    heat = _heat((0.0, 900.0), (0.0, 5.0))
    assert np.abs(sonify(0.5 * square, heat, axes(WIDE), WIDE)).max() > 0.55
    assert np.abs(sonify(square, heat, axes(WIDE), WIDE)).max() == pytest.approx(1.0, abs=1e-6)
    assert np.abs(sonify(square, heat, axes(WIDE), WIDE)).max() <= 1.0


@pytest.mark.parametrize("heat", [np.zeros((128, 126), np.float32), np.ones((128, 126), np.float32)])
def test_silence_stays_silence(heat: Heat) -> None:
    """No NaN and no noise come out of nothing; nor out of something seen through no heat."""
    assert not sonify(np.zeros(220_500, np.float32), heat, axes(WIDE), WIDE).any()
    assert not sonify(_tone(1_000.0), np.zeros_like(heat), axes(WIDE), WIDE).any()


def _heat(hertz: tuple[float, float], seconds: tuple[float, float]) -> Heat:
    grid = axes(WIDE)
    rows = (grid.hertz >= hertz[0]) & (grid.hertz <= hertz[1])
    columns = (grid.seconds >= seconds[0]) & (grid.seconds <= seconds[1])
    heat: Heat = np.outer(rows, columns).astype(np.float32)
    return heat


def _tone(hertz: float, amplitude: float = 0.3) -> Samples:
    tone: Samples = (amplitude * np.sin(2 * np.pi * hertz * np.arange(220_500) / 44_100)).astype(np.float32)
    return tone


def _level_db(samples: Samples, hertz: float, rate: int = 44_100) -> float:
    """The level of one tone by correlation with it, over the whole length."""
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / rate) * np.hanning(len(samples))
    return float(20 * np.log10(np.abs(samples @ wave) + 1e-30))
