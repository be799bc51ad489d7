"""The mel spectrogram: where tones lie, how loud they are, and what is kept when columns are merged."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import librosa
import numpy as np
import pytest

from phonoscope.audio.mel_power import MelAnalysis
from phonoscope.audio.samples import Block
from phonoscope.audio.spectrogram import MelSpectrogram, band_corners, decibels
from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure import spectrogram
from phonoscope_cpu.measure.spectrogram import Spectrogram

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav, Signal

RATE_HZ = 44_100


def measured(samples: Signal, rate_hz: int = RATE_HZ, block: int = RATE_HZ) -> MelSpectrogram:
    """The spectrogram of ``(samples,)`` or ``(channels, samples)``, shown block by block."""
    meter, channels = Spectrogram(), np.atleast_2d(samples).astype(np.float32)
    for start in range(0, channels.shape[1], block):
        meter.add(Block(channels[:, start : start + block], ("NONE",) * len(channels), rate_hz))
    meter.finish()
    return meter.spectrogram


def band_of(found: MelSpectrogram, frequency_hz: float) -> int:
    """The band whose edges a frequency lies between."""
    return int(np.searchsorted(found.edges_hz(), frequency_hz)) - 1


def column_of(found: MelSpectrogram, time_s: float) -> int:
    return int(time_s * found.sample_rate_hz / found.column_samples)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency_hz", [120.0, 440.0, 1_000.0, 3_300.0])
def test_a_tone_lands_in_its_band_and_time(rate_hz: int, frequency_hz: float, tone: MakeTone, wav: MakeWav) -> None:
    """Of a second of silence, one of a tone and one of silence, the second one's columns are brightest in its band."""
    beep = 0.5 * np.hanning(rate_hz) ** 0.1 * tone(frequency_hz, 1.0, rate_hz)
    meter = Spectrogram()
    describe(wav(np.concatenate([np.zeros(rate_hz), beep, np.zeros(rate_hz)]), rate_hz), meters=(meter,))
    found = meter.spectrogram
    assert found.duration_s == pytest.approx(3.0)
    start, end = (column_of(found, time_s) for time_s in (1.1, 1.9))
    assert abs(int(found.levels[:, start:end].mean(axis=1).argmax()) - band_of(found, frequency_hz)) <= 1
    assert found.levels[:, : column_of(found, 0.9)].max() == 0
    assert found.levels[:, column_of(found, 2.1) :].max() == 0


@pytest.mark.parametrize("level_db", [0.0, -40.0, -90.0])
def test_a_full_scale_tone_is_0_dbfs(level_db: float, tone: MakeTone) -> None:
    """All bands together have a sine's whole power; the band it is in the middle of has most of it."""
    centre_hz = float(measured(np.zeros(RATE_HZ)).centres_hz()[60])
    found = measured(10.0 ** (level_db / 20.0) * tone(centre_hz, 2.0, RATE_HZ))
    middle = decibels(found.levels[:, column_of(found, 1.0)])
    assert middle.argmax() == 60
    assert middle[60] == pytest.approx(level_db - 0.5, abs=0.6)
    assert 10.0 * np.log10((10.0 ** (middle / 10.0)).sum()) == pytest.approx(level_db, abs=0.3)


def test_white_noise_has_more_in_wider_bands() -> None:
    """Power by band is in proportion to the band's width: nothing is lost between bands, nothing counted twice."""
    found = measured(0.1 * np.random.default_rng(1).standard_normal(40 * RATE_HZ))
    power = (10.0 ** (decibels(found.levels) / 10.0)).mean(axis=1)
    # Noise of variance 0.01 has 0.02 of a full-scale sine's power from 0 to half the rate.
    expected = 0.02 * np.diff(found.edges_hz()) / (RATE_HZ / 2)
    assert 10.0 * np.log10(power[5:] / expected[5:]) == pytest.approx(np.zeros(123), abs=0.7)


@pytest.mark.parametrize("rate_hz", [1, 100, 8_000, 11_025, 37_800, 44_100, 192_000])
def test_the_bands_are_mel_filters(rate_hz: int) -> None:
    """A frame's bands are those of librosa's triangles, their tips at 1."""
    analysis, corners = MelAnalysis(rate_hz, 1), band_corners(rate_hz)
    size = 2 * analysis.hop
    noise = np.random.default_rng(7).standard_normal(4 * size)
    found = analysis(noise.astype(np.float32)[None])[1]
    frame = noise[analysis.hop // 2 :][:size] * np.hanning(size + 1)[:-1]
    power = np.square(np.abs(np.fft.rfft(frame))) * 4.0 / (size * np.square(np.hanning(size + 1)).sum())
    filters = librosa.filters.mel(
        sr=rate_hz, n_fft=size, n_mels=128, fmin=corners[0], fmax=corners[-1], norm=None, dtype=np.float64
    )
    assert found == pytest.approx(filters @ power, rel=1e-3, abs=1e-6)


def test_merging_keeps_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that became one hold the mean power of what they held."""
    noise = 0.1 * np.random.default_rng(2).standard_normal(6 * 8_000) * np.linspace(0.01, 1.0, 6 * 8_000)
    fine = measured(noise, 8_000)
    monkeypatch.setattr(spectrogram, "_MOST_COLUMNS", 16)
    coarse = measured(noise, 8_000)
    width, columns = coarse.column_samples // fine.column_samples, coarse.levels.shape[1]
    assert (width, columns) == (16, -(-fine.levels.shape[1] // 16))
    power = 10.0 ** (decibels(fine.levels) / 10.0)
    for column in range(columns):
        expected = 10.0 * np.log10(power[:, column * width : (column + 1) * width].mean(axis=1))
        assert decibels(coarse.levels[:, column]) == pytest.approx(expected, abs=0.4)


def test_a_long_recording_keeps_at_least_2000_columns() -> None:
    """Never more than 4,000 either, and each in its place."""
    noise = 0.01 * np.random.default_rng(3).standard_normal(200 * 8_000)
    noise[150 * 8_000 : 151 * 8_000] *= 50.0
    found = measured(noise, 8_000, 8_000)
    assert 2_000 <= found.levels.shape[1] <= 4_000
    assert found.levels.shape[1] == -(-len(noise) // found.column_samples)
    assert found.levels.mean(axis=0).argmax() == pytest.approx(
        column_of(found, 150.5), abs=0.6 * 8_000 / found.column_samples
    )


def test_memory_does_not_grow_with_length() -> None:
    """Five times the recording needs no more memory."""
    second = 0.1 * np.random.default_rng(4).standard_normal((2, 8_000)).astype(np.float32)
    peaks = []
    for seconds in (150, 750):
        tracemalloc.start()
        meter = Spectrogram()
        for _ in range(seconds):
            meter.add(Block(second, ("FL", "FR"), 8_000))
        meter.finish()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100_000


@pytest.mark.parametrize("samples", [1, 2, 511, 512, 513, 2_048, 44_100])
@pytest.mark.parametrize("block", [1, 700, 44_100])
def test_any_length_and_any_blocks(samples: int, block: int) -> None:
    """As many columns as the samples need; the same however the recording was cut into blocks."""
    noise = 0.1 * np.random.default_rng(samples).standard_normal(samples)
    found = measured(noise, block=max(block, samples // 700))
    assert found.samples == samples
    assert found.levels.shape == (128, -(-samples // found.column_samples))
    assert found.levels.max() > 0
    whole = measured(noise)
    assert np.abs(found.levels.astype(int) - whole.levels).max() <= 1


@pytest.mark.parametrize("rate_hz", [1, 8, 40, 100, 8_000, 192_000, 1_000_000])
def test_any_rate(rate_hz: int) -> None:
    """Every band has an answer, from at least 20 Hz where the rate allows it up to half the rate or 22.05 kHz."""
    found = measured(0.1 * np.random.default_rng(5).standard_normal(rate_hz), rate_hz, max(1, rate_hz // 2))
    edges = found.edges_hz()
    assert len(edges) == 129
    assert np.all(np.diff(edges) > 0.0)
    assert edges[-1] <= min(rate_hz / 2, 22_050.0)
    assert edges[0] >= min(rate_hz / 4, 20.0)
    assert np.all((found.centres_hz() > edges[:-1]) & (found.centres_hz() < edges[1:]))
    assert (found.levels.max(axis=1) > 0).all()


def test_silence_is_level_0() -> None:
    """Nothing divides by zero, and the loudest spot is at the bottom of the scale."""
    found = measured(np.zeros((2, RATE_HZ)))
    assert not found.levels.any()
    assert found.loudest_dbfs == -127.5


def test_absurd_levels_stay_within_a_byte() -> None:
    """What lies beyond full scale is 0 dBFS."""
    assert measured(np.full(RATE_HZ, 32.0) * (-1.0) ** np.arange(RATE_HZ)).loudest_dbfs == 0.0


def test_channels_are_the_mean_of_powers(tone: MakeTone) -> None:
    """Opposed channels do not cancel; a tone in one of two is 3 dB less than in both."""
    sine = 0.5 * tone(1_000.0, 1.0, RATE_HZ)
    both, opposed, one = (
        measured(np.stack([sine, other])).loudest_dbfs for other in (sine, -sine, np.zeros(len(sine)))
    )
    assert both == opposed
    assert both - one == pytest.approx(3.0, abs=0.51)


def test_time_goes_on_when_the_rate_changes(tone: MakeTone) -> None:
    """A second at another rate is a second still, in its place, and a tone in it keeps its pitch."""
    meter = Spectrogram()
    for rate_hz, level in ((8_000, 0.0), (48_000, 0.5), (4_000, 0.0)):
        samples = (level * tone(500.0, 1.0, rate_hz)).astype(np.float32)
        meter.add(Block(samples[None], ("FC",), rate_hz))
    meter.finish()
    found = meter.spectrogram
    assert (found.duration_s, found.sample_rate_hz) == (3.0, 8_000)
    loud = np.flatnonzero(found.levels[band_of(found, 500.0)] > 100)
    assert loud[[0, -1]] == pytest.approx([column_of(found, 1.0), column_of(found, 2.0)], abs=2.0)
    assert abs(int(found.levels[:, column_of(found, 1.5)].argmax()) - band_of(found, 500.0)) <= 1


def test_the_number_of_channels_may_change(tone: MakeTone) -> None:
    """Mono, then stereo, then mono: a steady tone stays as loud, for it is the mean of the channels."""
    sine = (0.5 * tone(1_000.0, 3.0, RATE_HZ)).astype(np.float32)
    meter = Spectrogram()
    for second, channels in enumerate((1, 2, 1)):
        part = sine[second * RATE_HZ : (second + 1) * RATE_HZ]
        meter.add(Block(np.stack([part] * channels), ("NONE",) * channels, RATE_HZ))
    meter.finish()
    assert np.array_equal(meter.spectrogram.levels, measured(sine.astype(np.float64)).levels)


def test_an_archive_is_what_was_put_in() -> None:
    """Written and read again, every field is the same."""
    found = measured(0.1 * np.random.default_rng(6).standard_normal(RATE_HZ))
    again = MelSpectrogram.from_npz(found.to_npz())
    for name, value in vars(found).items():
        assert np.array_equal(getattr(again, name), value), name
        assert isinstance(getattr(again, name), type(value)), name


def test_nothing_was_shown() -> None:
    """Without a block there is no spectrogram."""
    meter = Spectrogram()
    meter.finish()
    with pytest.raises(ValueError, match="no block"):
        _ = meter.spectrogram
