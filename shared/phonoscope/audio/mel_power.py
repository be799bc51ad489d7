"""The power of the mel bands over time."""

from __future__ import annotations

import math

import numpy as np

from phonoscope.audio.framing import Framer, hann
from phonoscope.audio.samples import Samples
from phonoscope.audio.spectrogram import band_corners

_FRAME_S = 0.04
_HOPS = 2
_SHORTEST = 4
WINDOWS = (512, 1_024, 2_048, 4_096, 8_192)
"""The lengths of a window that can be chosen, in samples."""


class MelAnalysis:
    """Computes the power of the mel bands at one rate, frame by frame, each in the middle of its hop.

    A frame lasts 40 ms, or as much longer as it takes for a transform's bin to be no wider than a band; its window has
    all of it, or less where hops are shorter than half a frame: twice a hop, but a quarter of the frame at least.

    Args:
        hop: samples from one frame to the next; half a frame when left out.
        window: samples in the window, even; a frame is as long where it would be shorter.

    Attributes:
        size: samples in a frame.
    """

    def __init__(self, sample_rate_hz: int, channels: int, hop: int | None = None, window: int | None = None) -> None:
        corners = band_corners(sample_rate_hz)
        self.size = size = frame_size(sample_rate_hz, window)
        self.sample_rate_hz = sample_rate_hz
        self.hop = size // _HOPS if hop is None else hop
        self._framer = Framer(size, self.hop, channels, first=self.hop // 2)
        shape = _window(size, window or max(_HOPS * self.hop, size // _SHORTEST))
        # A sine at full scale has a power of one half, and this is a one-sided spectrum.
        self._window = shape * np.float32(2.0 / np.sqrt(size * np.square(shape, dtype=np.float64).sum()))
        hertz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz)
        first, *_, end = starts = np.searchsorted(hertz, corners)
        within = np.searchsorted(corners, hertz[first:end], side="right") - 1
        self._bins = slice(first, end)
        self._starts = starts[:-1] - first
        self._rising = ((hertz[first:end] - corners[within]) / np.diff(corners)[within]).astype(np.float32)

    def __call__(self, samples: Samples) -> Samples:
        """Shape: ``(channels, samples)`` to ``(frames, bands)``."""
        return self._measured(self._framer(samples))

    def flush(self) -> Samples:
        """The frames that reach past the end. Shape: ``(frames, bands)``."""
        return self._measured(self._framer.flush())

    def _measured(self, frames: Samples) -> Samples:
        power = np.zeros((frames.shape[1], len(self._rising)), dtype=np.float32)
        for channel in frames:
            spectra = np.fft.rfft(channel * self._window)[:, self._bins]
            power += np.square(spectra.real) + np.square(spectra.imag)
        return self._in_bands(power / np.float32(len(frames)))

    def _in_bands(self, power: Samples) -> Samples:
        """Distributes each bin's power over the two bands whose triangles contain it.

        Not by a matrix product, which would use all of the machine's cores for a small sum.
        """
        whole = np.add.reduceat(power, self._starts, axis=1)
        rising = np.add.reduceat(power * self._rising, self._starts, axis=1)
        bands: Samples = rising[:, :-1] + (whole - rising)[:, 1:]
        return bands


def frame_size(sample_rate_hz: int, window: int | None = None) -> int:
    """Samples in a frame at a rate; a power of two, or the length of a window that is longer."""
    corners = band_corners(sample_rate_hz)
    shortest = max(_FRAME_S * sample_rate_hz, sample_rate_hz / (corners[1] - corners[0]))
    size: int = 1 << (math.ceil(shortest) - 1).bit_length()
    return max(size, window or 0)


def _window(size: int, length: int) -> Samples:
    length = min(size, length)
    before = (size - length) // 2
    return np.pad(hann(length), (before, size - length - before))
