"""The outline: lowest, highest, RMS, and where each bucket starts."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from phonoscope.audio.samples import Block
from phonoscope_cpu.describe import describe
from phonoscope_cpu.measure.peaks import WaveformMeter

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeTone, MakeWav

RATE_HZ = 8_000


def measured(*blocks: np.ndarray, rate_hz: int = RATE_HZ) -> WaveformMeter:
    """Peaks that were shown these blocks of ``(channels, samples)``."""
    peaks = WaveformMeter()
    for block in blocks:
        channels = np.atleast_2d(block).astype(np.float32)
        peaks.add(Block(channels, ("FL", "FR")[: len(channels)], rate_hz))
    peaks.finish()
    return peaks


def test_a_sine_lies_between_its_amplitudes(tone: MakeTone, wav: MakeWav) -> None:
    """Every point of a steady sine reaches its amplitude both ways, and its RMS is the amplitude by the root of two."""
    peaks = WaveformMeter()
    describe(wav(0.5 * tone(1_000.0, 8.0, 44_100), 44_100), meters=(peaks,))
    outline = peaks.waveform
    assert outline.duration_s == pytest.approx(8.0)
    _, low, high, rms = outline.coarser(500)
    assert len(low) == 500
    assert low == pytest.approx(np.full(500, -0.5), abs=0.005)
    assert high == pytest.approx(np.full(500, 0.5), abs=0.005)
    assert rms == pytest.approx(np.full(500, 0.5 / np.sqrt(2.0)), rel=0.02)


@pytest.mark.parametrize("samples", [1, 2, 7_999, 8_000, 8_001, 8_002, 16_000, 16_001, 100_003])
@pytest.mark.parametrize("block", [1_000, 8_000, 30_011])
def test_buckets_are_exact(samples: int, block: int) -> None:
    """Each is the extremes and the RMS of just its own samples, however the recording was cut into blocks."""
    signal = np.random.default_rng(samples).uniform(-1.0, 1.0, samples).astype(np.float32)
    outline = measured(*(signal[start : start + block] for start in range(0, samples, block))).waveform
    width = outline.bucket_samples
    assert outline.samples == samples
    assert len(outline.low) == -(-samples // width) == len(outline.high) == len(outline.rms)
    assert len(outline.low) == samples if samples <= 8_000 else 4_000 <= len(outline.low) <= 8_000
    starts = np.arange(0, samples, width)
    assert outline.starts_s() == pytest.approx(starts / RATE_HZ)
    assert np.array_equal(outline.low, np.minimum.reduceat(signal, starts))
    assert np.array_equal(outline.high, np.maximum.reduceat(signal, starts))
    expected = [np.sqrt(np.mean(np.square(signal[at : at + width], dtype=np.float64))) for at in starts]
    assert outline.rms == pytest.approx(np.array(expected), rel=1e-5)


def test_the_channels_are_mixed() -> None:
    """The outline is that of their mean; what one channel has inverted is there."""
    signal = np.linspace(-1.0, 1.0, 100)
    assert measured(np.stack([signal, 0.5 * signal])).waveform.high.max() == 0.75
    assert measured(np.stack([signal, -signal])).waveform.high.max() == 1.0


def test_time_goes_on_when_the_rate_changes() -> None:
    """A second at another rate is a second still, and in its place."""
    peaks = WaveformMeter()
    for rate_hz, level in ((8_000, 0.1), (48_000, 0.5), (4_000, 0.9)):
        peaks.add(Block(np.full((1, rate_hz), level, dtype=np.float32), ("FC",), rate_hz))
    peaks.finish()
    outline = peaks.waveform
    assert (outline.duration_s, outline.sample_rate_hz) == (3.0, 8_000)
    assert outline.coarser(3)[3] == pytest.approx([0.1, 0.5, 0.9], abs=0.01)


def test_a_low_rate_takes_little_memory() -> None:
    """A few bytes of a file can be hours."""
    peaks = WaveformMeter()
    tracemalloc.start()
    for rate_hz in (48_000, 1):
        peaks.add(Block(np.full((1, 400), 0.5, dtype=np.float32), ("FC",), rate_hz))
    peaks.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peaks.waveform.samples == 400 + 400 * 48_000
    assert peak < 64 << 20
