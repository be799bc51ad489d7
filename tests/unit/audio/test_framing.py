"""Blocks to overlapping frames."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from phonoscope.audio.framing import AtRate, Framer, Place, hann
from phonoscope.audio.samples import Samples


@pytest.mark.parametrize("sizes", [[50], [1] * 50, [7, 0, 30, 13]])
def test_frames_do_not_depend_on_blocks(sizes: list[int]) -> None:
    """The same stream gives the same frames however it is cut, the first centred on the first sample."""
    stream = np.arange(1, 51, dtype=np.float32)
    framer = Framer(8, 4)
    parts = [framer(part) for part in np.split(stream, np.cumsum(sizes)[:-1])]
    frames = np.concatenate([*parts, framer.flush()])
    padded = np.concatenate([np.zeros(4), stream, np.zeros(8)])
    expected = np.stack([padded[start : start + 8] for start in range(0, 52, 4)])
    np.testing.assert_array_equal(frames[: len(expected)], expected)
    assert frames[-1].any()


def test_frames_of_several_channels() -> None:
    """Channels are framed alike."""
    stream = np.stack([np.arange(20.0), -np.arange(20.0)]).astype(np.float32)
    frames = Framer(8, 4, 2)(stream)
    assert frames.shape == (2, 5, 8)
    np.testing.assert_array_equal(frames[0], -frames[1])


def test_hann_overlaps_to_one() -> None:
    """Windows half a frame apart add to 1, so that no sample weighs more than another."""
    window = hann(64)
    np.testing.assert_allclose(window[:32] + window[32:], 1.0, atol=1e-6)


def test_more_channels_take_over_what_is_held() -> None:
    """Where the number of channels changes, the samples in front count for the new channels in turn."""
    framer = Framer(4, 2, 1)
    framer(np.ones((1, 5), np.float32))
    np.testing.assert_array_equal(framer(np.zeros((3, 3), np.float32))[:, 0], [[1, 1, 1, 0]] * 3)


@pytest.mark.parametrize("rates_hz", [(8_000, 11_025), (44_100, 8_000), (48_000, 44_100), (3, 7), (7, 3)])
def test_another_rate_does_not_depend_on_blocks(rates_hz: tuple[int, int]) -> None:
    """Nothing is lost between blocks, and from a place within the stream on it is what it is from the start."""
    rate_hz, wanted_hz = rates_hz
    stream = np.arange(1_000, dtype=np.float32)
    whole = brought(AtRate(wanted_hz), stream, rate_hz)
    assert len(whole) == -(-1_000 * wanted_hz // rate_hz)
    pieces = AtRate(wanted_hz)
    parts = [brought(pieces, part, rate_hz) for part in np.split(stream, [1, 2, 10, 500, 501])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for at in (1, 333, 999):
        place = Place(0, rate_hz, 0, 0).after(at, wanted_hz)
        later = brought(AtRate(wanted_hz, place), stream[at:], rate_hz)
        np.testing.assert_array_equal(later, whole[place.position :])


def brought(at_rate: AtRate, samples: Samples, rate_hz: int) -> Samples:
    return np.concatenate([*at_rate(samples, rate_hz), samples[:0]])


@pytest.mark.parametrize("wanted_hz", [8_000, 11_025, 3_000])
def test_only_what_is_wanted_is_given(wanted_hz: int) -> None:
    """Also of pieces that lie before, after and across its edges."""
    stream = np.arange(1_000, dtype=np.float32)
    whole = brought(AtRate(wanted_hz), stream, 8_000)
    for start, stop in ((0, 1), (0, 77), (150, 290), (200, 200), (350, 9_999), (9_000, 9_999)):
        wanted = AtRate(wanted_hz, start=start, stop=stop)
        parts = [brought(wanted, part, 8_000) for part in np.split(stream, [200, 210, 500])]
        np.testing.assert_array_equal(np.concatenate(parts), whole[start:stop])
        assert wanted.position == len(whole)


def test_a_low_rate_takes_little_memory() -> None:
    """A few bytes of a file can be hours."""
    stream = np.arange(800, dtype=np.float32).reshape(2, 400)
    tracemalloc.start()
    last, count = 0.0, 0
    for piece in AtRate(48_000)(stream, 1):
        last, count = piece[0, -1], count + piece.shape[1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (last, count) == (399.0, 400 * 48_000)
    assert peak < 48 << 20
