"""Loudness and true peak, by the test signals of EBU Tech 3341."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from av.audio.layout import AudioLayout

from phonoscope.audio.samples import Block
from phonoscope.audio.speakers import speakers_of
from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.loudness import Loudness

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav, Signal

RATE_HZ = 48_000


def _level(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def _measured(samples: Signal, layout: str = "stereo", rate_hz: int = RATE_HZ) -> Loudness:
    loudness, speakers = Loudness(), speakers_of(AudioLayout(layout))
    for start in range(0, samples.shape[1], rate_hz):
        loudness.add(Block(samples[:, start : start + rate_hz].astype(np.float32), speakers, rate_hz))
    loudness.finish()
    return loudness


@pytest.mark.parametrize("decibels", [-23.0, -33.0])
def test_stereo_tone(decibels: float, tone: MakeTone, wav: MakeWav) -> None:
    """Cases 1 and 2: 1 kHz in both channels at -23 (-33) dBFS is -23 (-33) LUFS within 0.1 LU."""
    signal = _level(decibels) * tone(1_000.0, 20.0, RATE_HZ)
    found = describe(wav(np.stack([signal, signal]), RATE_HZ))
    assert found["loudness_lufs"] == pytest.approx(decibels, abs=0.1)
    assert found["true_peak_dbfs"] == pytest.approx(decibels, abs=0.1)


def test_gate(tone: MakeTone) -> None:
    """Case 3, shortened: what lies 13 dB below the rest does not count."""
    spans = ((-36.0, 3.0), (-23.0, 30.0), (-36.0, 3.0))
    signal = np.concatenate([_level(decibels) * tone(1_000.0, seconds, 16_000) for decibels, seconds in spans])
    assert _measured(signal[None] * [[1.0], [1.0]], rate_hz=16_000).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_mono_is_one_speaker(tone: MakeTone) -> None:
    """The same tone from one speaker is 3 LU less loud than from two."""
    signal = _level(-23.0) * tone(1_000.0, 3.0, RATE_HZ)
    assert _measured(signal[None], "mono").integrated_lufs == pytest.approx(-26.0, abs=0.1)


def test_surround(tone: MakeTone) -> None:
    """Case 6: 5.1 with -28, -28, -24, -30, -30 dBFS is -23 LUFS, and the low-frequency channel has no weight."""
    signal = tone(1_000.0, 3.0, RATE_HZ)
    levels = np.array([_level(-28), _level(-28), _level(-24), 1.0, _level(-30), _level(-30)])
    assert _measured(levels[:, None] * signal, "5.1").integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_the_order_of_channels_does_not_matter(tone: MakeTone) -> None:
    """They count by their speakers, wherever they are in the file."""
    signal = tone(1_000.0, 1.0, RATE_HZ)
    levels = {"FL": _level(-28), "FR": _level(-28), "FC": _level(-24), "LFE": 1.0, "SL": _level(-30), "SR": _level(-30)}
    for names in (("FL", "FR", "FC", "LFE", "SL", "SR"), ("FC", "SL", "FL", "LFE", "FR", "SR")):
        loudness = Loudness()
        channels = np.array([levels[name] for name in names])[:, None] * signal
        loudness.add(Block(channels.astype(np.float32), names, RATE_HZ))
        loudness.finish()
        assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
        assert loudness.true_peaks_dbfs == pytest.approx([20.0 * np.log10(levels[name]) for name in names], abs=0.1)


def test_loudest_moments_and_range(tone: MakeTone) -> None:
    """Tech 3342, case 1: 20 s at -20 LUFS and 20 s at -30 have a range of 10 LU; the loudest part is at -20."""
    signal = np.concatenate([_level(decibels) * tone(1_000.0, 20.0, 8_000) for decibels in (-20.0, -30.0)])
    loudness = _measured(np.stack([signal, signal]), rate_hz=8_000)
    assert loudness.range_lu == pytest.approx(10.0, abs=0.1)
    assert loudness.momentary_max_lufs == pytest.approx(-20.0, abs=0.1)
    assert loudness.short_term_max_lufs == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize(("seconds", "defined"), [(0.3, (False, False)), (0.5, (True, False)), (3.5, (True, True))])
def test_what_a_short_recording_has(seconds: float, defined: tuple[bool, bool], tone: MakeTone) -> None:
    """No momentary loudness below 0.4 s; no short-term one, and no range, below 3 s."""
    loudness = _measured(0.1 * tone(1_000.0, seconds, RATE_HZ)[None], "mono")
    momentary, short_term = defined
    assert (loudness.momentary_max_lufs is not None) == momentary
    assert (loudness.short_term_max_lufs is not None) == (loudness.range_lu is not None) == short_term


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
def test_any_rate(rate_hz: int, tone: MakeTone) -> None:
    """The weighting follows the sampling rate."""
    signal = _level(-23.0) * tone(1_000.0, 2.0, rate_hz)
    assert _measured(np.stack([signal, signal]), rate_hz=rate_hz).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_peak_between_samples(tone: MakeTone, wav: MakeWav) -> None:
    """Case 16: a sine at a quarter of the rate, 45° off, touches -6 dBFS between samples of -9."""
    signal = 0.5 * tone(RATE_HZ / 4, 1.0, RATE_HZ, np.pi / 4) * np.hanning(RATE_HZ)
    assert np.abs(signal).max() == pytest.approx(_level(-9.03), rel=0.01)
    found = describe(wav(signal, RATE_HZ))
    assert -6.4 <= found["true_peak_dbfs"] <= -5.8


def test_peak_at_the_end() -> None:
    """A last sample at full scale counts, though no tenth of a second is complete after it."""
    signal = np.zeros((2, RATE_HZ + 10))
    signal[1, -1] = 1.0
    assert _measured(signal).true_peak_dbfs == pytest.approx(0.0, abs=0.3)


def test_quiet_peak(tone: MakeTone) -> None:
    """Peaks far below full scale are told to a tenth of a decibel as well."""
    signal = _level(-75.0) * tone(1_000.0, 1.0, RATE_HZ)
    assert _measured(signal[None], "mono").true_peak_dbfs == pytest.approx(-75.0, abs=0.1)


def test_many_channels_are_folded(tone: MakeTone, wav: MakeWav) -> None:
    """24 channels are folded to mono, which is said; their peak is that of the highest."""
    signal = np.zeros((24, 2 * RATE_HZ))
    signal[7] = 0.5 * tone(1_000.0, 2.0, RATE_HZ)
    found = describe(wav(signal, RATE_HZ))
    assert found["loudness_lufs"] == pytest.approx(-9.0 - 20.0 * np.log10(24.0), abs=0.2)
    assert found["true_peak_dbfs"] == pytest.approx(-6.0, abs=0.1)
    assert found["true_peaks_dbfs"][7] == {"channel": None, "peak_dbfs": found["true_peak_dbfs"]}
    assert any("24 channels folded to mono" in warning for warning in found["warnings"])


def test_silence(wav: MakeWav) -> None:
    """Silence has neither loudness nor peak."""
    found = describe(wav(np.zeros((2, 4 * RATE_HZ)), RATE_HZ))
    names = ("loudness_lufs", "momentary_max_lufs", "short_term_max_lufs", "loudness_range_lu", "true_peak_dbfs")
    assert {name: found[name] for name in names} == dict.fromkeys(names)
    assert found["true_peaks_dbfs"] == [{"channel": name, "peak_dbfs": None} for name in ("FL", "FR")]


def test_too_short(tone: MakeTone) -> None:
    """Below 400 ms there is no loudness, which is said, but a peak."""
    loudness = _measured(tone(1_000.0, 0.3, RATE_HZ)[None], "mono")
    assert loudness.integrated_lufs is None
    assert loudness.true_peak_dbfs == pytest.approx(0.0, abs=0.1)
    assert loudness.warnings == ["loudness_lufs needs at least 0.4 s"]


def test_change_of_rate(tone: MakeTone) -> None:
    """What follows a change of rate is left out, which is said."""
    loudness = Loudness()
    quiet, loud = _level(-23.0) * tone(1_000.0, 1.0, RATE_HZ), tone(1_000.0, 1.0)
    loudness.add(Block(np.stack([quiet, quiet]).astype(np.float32), ("FL", "FR"), RATE_HZ))
    loudness.add(Block(np.stack([loud, loud]).astype(np.float32), ("FL", "FR"), 22_050))
    loudness.finish()
    assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert ["rate or the channels change" in warning for warning in loudness.warnings] == [True]


@pytest.mark.parametrize(("rate_hz", "channels"), [(100, 1), (RATE_HZ, 65)])
def test_beyond_the_filter(rate_hz: int, channels: int) -> None:
    """What FFmpeg's filter cannot take is measured as far as possible, and said."""
    loudness = _measured(np.full((channels, 4 * rate_hz // 5), 0.5), f"{channels} channels", rate_hz)
    assert loudness.true_peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert any("not between them" in warning for warning in loudness.warnings)
