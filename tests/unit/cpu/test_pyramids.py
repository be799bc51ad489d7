"""What ``describe`` keeps of a recording at several resolutions, and how parts of it are read."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from phonoscope.audio.pyramid import EXTREMES, LEVELS, Items, Kind, Pyramid, PyramidWriter, spectrogram_finest
from phonoscope.audio.samples import Block, Samples
from phonoscope.audio.spectrogram import decibels
from phonoscope_cpu.measure.peaks import WaveformMeter
from phonoscope_cpu.measure.spectrogram import Spectrogram

RATE_HZ = 8_000


class Written:
    """A pyramid and its file."""

    def __init__(self, file: io.BytesIO) -> None:
        self.content = file.getvalue()
        self.pyramid = Pyramid.unpack(self.content[: Pyramid.HEADER.size])

    def level(self, level: int) -> Items:
        return self.pyramid.read(level, 0, self.pyramid.items(level), self.bytes)

    def bytes(self, offset: int, size: int) -> bytes:
        return self.content[offset : offset + size]


def outline(samples: Samples, block: int = RATE_HZ) -> Written:
    meter = WaveformMeter(file := io.BytesIO())
    shown(meter, samples, block)
    return Written(file)


def levels(samples: Samples, block: int = RATE_HZ) -> Written:
    meter = Spectrogram(file := io.BytesIO())
    shown(meter, samples, block)
    return Written(file)


def shown(meter: WaveformMeter | Spectrogram, samples: Samples, block: int) -> None:
    for start in range(0, len(samples), block):
        meter.add(Block(samples[None, start : start + block], ("FC",), RATE_HZ))
    meter.finish()


def noise(samples: int, seed: int = 1) -> Samples:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 1_025, 40 * RATE_HZ])
@pytest.mark.parametrize("block", [700, RATE_HZ])
def test_each_item_spans_its_samples(samples: int, block: int) -> None:
    """At every level, however the recording was cut into blocks; levels end with the one that fits into a tile."""
    sound = noise(samples)
    found = outline(sound, block)
    assert (found.pyramid.samples, found.pyramid.sample_rate_hz, found.pyramid.finest) == (samples, RATE_HZ, 3)
    for level in range(found.pyramid.finest, found.pyramid.coarsest + 1):
        starts = np.arange(0, samples, 4**level)
        expected = [np.minimum.reduceat(sound, starts), np.maximum.reduceat(sound, starts)]
        assert np.array_equal(found.level(level), np.stack(expected, axis=1).astype(np.float16)), level
    assert found.pyramid.tiles(found.pyramid.coarsest) == 1
    assert found.pyramid.highest == np.float16(max(0.0, float(sound.max())))


def test_a_click_is_as_wide_as_it_is() -> None:
    """4.5 ms are 4.5 ms to 256 samples, wherever in the recording."""
    sound = np.zeros(60 * RATE_HZ, dtype=np.float32)
    at = round(30.5 * RATE_HZ)
    sound[at : at + 36] = 0.9
    loud = np.flatnonzero(outline(sound).level(4)[:, 1] > 0.5)
    assert (loud * 256 <= at).any()
    assert len(loud) <= 2
    assert abs(loud[0] * 256 - at) < 256


def test_columns_hold_the_mean_power_at_every_level() -> None:
    """Of what they join: finer ones come from the transform, coarser ones from these."""
    sound = noise(80 * RATE_HZ) * np.linspace(0.001, 1.0, 80 * RATE_HZ, dtype=np.float32)
    found = levels(sound)
    assert (found.pyramid.finest, found.pyramid.coarsest) == (spectrogram_finest(RATE_HZ, 512), 6) == (5, 6)
    finest, above = found.level(5).astype(np.uint8), found.level(6).astype(np.uint8)
    assert (len(finest), len(above)) == (625, 157)
    assert found.pyramid.highest == finest.max()
    power = 10.0 ** (decibels(finest[:624].reshape(-1, 4, 128)) / 10.0)
    assert decibels(above[:156]) == pytest.approx(10.0 * np.log10(power.mean(axis=1)), abs=0.3)
    assert np.array_equal(above[156], finest[624])


def test_memory_does_not_grow_with_length() -> None:
    """Five times the recording needs no more memory, but for its file."""
    peaks = []
    for seconds in (150, 750):
        second = noise(RATE_HZ)
        tracemalloc.start()
        with Path(os.devnull).open("wb") as nowhere:
            meter = Spectrogram(nowhere)
            for _ in range(seconds):
                meter.add(Block(second[None], ("FC",), RATE_HZ))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100_000


@pytest.mark.parametrize("kind", [EXTREMES, LEVELS])
def test_tiles_cover_a_level_once(kind: Kind) -> None:
    """Six hours: every tile has its items; one past the last is refused, as is a level above the coarsest."""
    found = Pyramid(kind, 6 * 3_600 * 44_100, 44_100, 6, -1.0, 1.0)
    for level in range(found.coarsest + 1):
        spans = [found.span(level, number) for number in (0, found.tiles(level) - 1)]
        assert spans[0][0] == 0
        assert spans[1][1] == found.items(level) == -(-found.samples // 4**level)
        for number in (-1, found.tiles(level)):
            with pytest.raises(ValueError, match="no tile"):
                found.span(level, number)
    with pytest.raises(ValueError, match="no tile"):
        found.span(found.coarsest + 1, 0)


def test_other_files_are_refused() -> None:
    """A header of another file, of none, or with fewer items than samples."""
    for header in (b"", b"PHONOWAV", b"RIFF" + bytes(Pyramid.HEADER.size - 4)):
        with pytest.raises(ValueError, match="no pyramid"):
            Pyramid.unpack(header)
    writer = PyramidWriter(io.BytesIO(), EXTREMES)
    with pytest.raises(ValueError, match="0 items"):
        writer.finish(4, 1_000, RATE_HZ)
