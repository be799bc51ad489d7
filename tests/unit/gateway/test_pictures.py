"""Outlines as the gateway answers them."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.audio.waveform import Waveform
from phonoscope_gateway.pictures.service import peaks

BUCKETS = Waveform(
    low=np.array([-1.0, -0.5, -0.25, 0.125, -0.5], dtype=np.float32),
    high=np.array([1.0, 0.5, 0.25, 0.25, 0.0], dtype=np.float32),
    rms=np.array([0.5, 0.25, 0.125, 0.1875, 0.5], dtype=np.float32),
    bucket_samples=4,
    samples=17,
    sample_rate_hz=8,
)


def test_as_many_points_as_there_are_buckets() -> None:
    """Each bucket is a point; more cannot be had."""
    found = peaks("trk_1", BUCKETS, 4_000)
    assert found.start_s == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert (found.min, found.max) == ([-1.0, -0.5, -0.25, 0.125, -0.5], [1.0, 0.5, 0.25, 0.25, 0.0])
    assert found.rms == [0.5, 0.25, 0.125, 0.1875, 0.5]
    assert (found.track_id, found.duration_s, found.sample_rate_hz) == ("trk_1", 2.125, 8)


def test_fewer_points_join_buckets() -> None:
    """Extremes are those of all joined, RMS counts each bucket by its length, the last being shorter."""
    found = peaks("trk_1", BUCKETS, 2)
    assert found.start_s == [0.0, 1.0]
    assert (found.min, found.max) == ([-1.0, -0.5], [1.0, 0.25])
    first = ((4 * 0.5**2 + 4 * 0.25**2) / 8) ** 0.5
    second = ((4 * 0.125**2 + 4 * 0.1875**2 + 0.5**2) / 9) ** 0.5
    assert found.rms == pytest.approx([first, second], abs=1e-6)


@pytest.mark.parametrize("points", [1, 3, 4, 5])
def test_no_extreme_and_no_energy_is_lost(points: int) -> None:
    """However few the points, together they span what the buckets do."""
    _, low, high, rms = BUCKETS.coarser(points)
    assert len(low) == len(high) == len(rms) == points
    assert (low.min(), high.max()) == (-1.0, 1.0)
    assert np.all(rms <= np.maximum(high, -low))


def test_an_archive_is_what_was_put_in() -> None:
    """Written and read again, every field is the same."""
    again = Waveform.from_npz(BUCKETS.to_npz())
    for name, value in vars(BUCKETS).items():
        assert np.array_equal(getattr(again, name), value), name
        assert isinstance(getattr(again, name), type(value)), name
