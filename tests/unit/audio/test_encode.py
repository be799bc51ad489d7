"""What is encoded can be decoded, by our own decoder too."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from phonoscope.audio.decode import Recording
from phonoscope.audio.encode import FLAC, FORMATS, Encoder, Format
from phonoscope.audio.samples import Samples

RATE_HZ = 44_100


def encoded(blocks: list[Samples], form: Format = FLAC) -> io.BytesIO:
    file = io.BytesIO()
    with Encoder(file, RATE_HZ, len(blocks[0]), form) as encoder:
        for block in blocks:
            encoder.write(block)
    file.seek(0)
    return file


def decoded(file: io.BytesIO, rate_hz: int = RATE_HZ) -> Samples:
    with Recording(file) as recording:
        samples = np.concatenate(list(recording.stereo(rate_hz)), axis=1)
        assert not recording.warnings
    return samples


def noise(channels: int, length: int) -> Samples:
    return np.random.default_rng(length).uniform(-1.0, 1.0, (channels, length)).astype(np.float32)


def tones(length: int) -> Samples:
    """A tone on each side that swells and dies, so that a shift shows."""
    time_s = np.arange(length) / RATE_HZ
    swell = 0.5 * np.sin(np.pi * np.arange(length) / length) ** 2
    return (swell * np.sin(2 * np.pi * np.array([[440.0], [660.0]]) * time_s)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("lengths", [[1], [4_096], [10_000, 0, 3, 4_097], [220_500]])
def test_samples_come_back(channels: int, lengths: list[int]) -> None:
    """Every one of them, within half a step of 16 bits, however the stream was cut."""
    blocks = [noise(channels, length) for length in lengths]
    samples, whole = decoded(encoded(blocks)), np.concatenate(blocks, axis=1)
    assert samples.shape == (2, whole.shape[1])
    assert np.abs(samples - whole).max() < 1.1 / 32_768


@pytest.mark.parametrize(("name", "step"), [("wav", 2.0**-15), ("wav24", 2.0**-23), ("wav32f", 0.0)])
def test_plain_formats_keep_what_they_promise(name: str, step: float) -> None:
    """Within a step of 16 or 24 bits; floats to the last bit, those beyond full scale too."""
    samples = noise(2, 30_000) * np.float32(1.0 if step else 3.0)
    assert np.abs(decoded(encoded([samples], FORMATS[name])) - samples).max() <= 1.01 * step


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_lossy_formats_are_aligned(name: str) -> None:
    """As long as what went in, not shifted by a sample, and near it."""
    samples = tones(3 * RATE_HZ)
    found = decoded(encoded([samples], FORMATS[name]))
    assert abs(found.shape[1] - samples.shape[1]) <= 1
    length = min(found.shape[1], samples.shape[1])
    error = np.mean((found[:, :length] - samples[:, :length]) ** 2) / np.mean(samples**2)
    assert 10.0 * np.log10(error) < -25.0


@pytest.mark.parametrize("name", FORMATS)
def test_files_are_what_they_are_called(name: str) -> None:
    """The decoder finds the media type that the format states."""
    with Recording(encoded([tones(RATE_HZ)], FORMATS[name])) as recording:
        assert recording.media_type == FORMATS[name].media_type


def test_the_length_is_stated_up_front() -> None:
    """A player knows how long it is before it has read all of it."""
    with av.open(encoded([np.zeros((1, RATE_HZ * 3), np.float32)]), "r") as container:
        assert container.duration == 3 * av.time_base


def test_what_is_too_loud_is_held_at_full_scale() -> None:
    """Nothing wraps around."""
    found = decoded(encoded([np.array([[2.0, -2.0, 1.0, -1.0]], np.float32)]))
    assert np.sign(found[0]).tolist() == [1.0, -1.0, 1.0, -1.0]
