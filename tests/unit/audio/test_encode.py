"""What is encoded can be decoded, by our own decoder too."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from phonoscope.audio.decode import Recording
from phonoscope.audio.encode import FLAC, encode
from phonoscope.audio.samples import Samples

RATE_HZ = 44_100


def decoded(file: io.BytesIO) -> Samples:
    file.seek(0)
    with Recording(file) as recording:
        assert recording.media_type == FLAC.media_type
        samples = np.concatenate(list(recording.mono(RATE_HZ)))
        assert not recording.warnings
    return samples


@pytest.mark.parametrize("lengths", [[1], [4_096], [10_000, 0, 3, 4_097], [220_500]])
def test_samples_come_back(lengths: list[int]) -> None:
    """Every one of them, within half a step of 16 bits, however the stream was cut."""
    generator = np.random.default_rng(1)
    blocks = [generator.uniform(-1.0, 1.0, length).astype(np.float32) for length in lengths]
    file = io.BytesIO()
    encode(blocks, file, RATE_HZ)
    samples = decoded(file)
    whole = np.concatenate(blocks)
    assert samples.shape == whole.shape
    assert np.abs(samples - whole).max() < 1.1 / 32_768


def test_the_length_is_stated_up_front() -> None:
    """A player knows how long it is before it has read all of it."""
    file = io.BytesIO()
    encode([np.zeros(RATE_HZ * 3, np.float32)], file, RATE_HZ)
    file.seek(0)
    with av.open(file, "r") as container:
        assert container.duration == 3 * av.time_base


def test_what_is_too_loud_is_held_at_full_scale() -> None:
    """Nothing wraps around."""
    file = io.BytesIO()
    encode([np.array([2.0, -2.0, 1.0, -1.0], np.float32)], file, RATE_HZ)
    assert np.sign(decoded(file)).tolist() == [1.0, -1.0, 1.0, -1.0]
