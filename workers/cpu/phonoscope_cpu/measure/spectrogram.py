"""Measures a recording's mel spectrogram in one pass, in constant memory."""

from __future__ import annotations

import math

import numpy as np

from phonoscope.audio.samples import Block, Samples
from phonoscope.audio.spectrogram import MEL_BANDS, MelSpectrogram, band_corners, quantised
from phonoscope_cpu.measure.framing import Framer, at_rate, hann

_MOST_COLUMNS = 4_000
_FRAME_S = 0.04
_HOPS = 2


class Spectrogram:
    """Measures columns of one frame each at first; each time there are more than 4,000, pairs are merged.

    A column is the mean power of its frames and of the channels. A frame lasts 40 ms, or as much longer as it takes for
    a transform's bin to be no wider than a mel band. Where the sampling rate changes within a recording, the samples
    after it are taken at the first rate.
    """

    def __init__(self) -> None:
        self._power = np.zeros((_MOST_COLUMNS, MEL_BANDS))
        self._frames = self._samples = 0
        self._width = 1
        self._analysis: _Analysis | None = None

    @property
    def spectrogram(self) -> MelSpectrogram:
        """The spectrogram; call ``finish`` first. Raises ``ValueError`` when no block was added."""
        if self._analysis is None:
            raise ValueError("no block was added")
        columns = -(-self._frames // self._width)
        frames = np.full((columns, 1), self._width)
        frames[-1] = self._frames - self._width * (columns - 1)
        return MelSpectrogram(
            levels=np.ascontiguousarray(quantised(self._power[:columns] / frames).T),
            column_samples=self._width * self._analysis.hop,
            samples=self._samples,
            sample_rate_hz=self._analysis.sample_rate_hz,
        )

    def add(self, block: Block) -> None:
        if self._analysis is None:
            self._analysis = _Analysis(block.sample_rate_hz, len(block.samples))
        samples = at_rate(block.samples, block.sample_rate_hz, self._analysis.sample_rate_hz)
        self._samples += samples.shape[1]
        self._put(self._analysis(samples))

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        if self._analysis is not None:
            left = -(-self._samples // self._analysis.hop) - self._frames
            self._put(self._analysis.flush()[:left])

    def _put(self, power: Samples) -> None:
        while (self._frames + len(power) - 1) // self._width >= _MOST_COLUMNS:
            self._halve()
        if len(power):
            columns = (self._frames + np.arange(len(power))) // self._width
            starts = np.flatnonzero(np.diff(columns, prepend=-1))
            self._power[columns[starts]] += np.add.reduceat(power, starts, axis=0, dtype=np.float64)
            self._frames += len(power)

    def _halve(self) -> None:
        half = _MOST_COLUMNS // 2
        self._power[:half] = self._power[0::2] + self._power[1::2]
        self._power[half:] = 0.0
        self._width *= 2


class _Analysis:
    """Computes the power of the mel bands at one rate, frame by frame, each in the middle of its hop."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        corners = band_corners(sample_rate_hz)
        shortest = max(_FRAME_S * sample_rate_hz, sample_rate_hz / (corners[1] - corners[0]))
        size = 1 << (math.ceil(shortest) - 1).bit_length()
        self.sample_rate_hz = sample_rate_hz
        self.hop = size // _HOPS
        self._framer = Framer(size, self.hop, channels, first=self.hop // 2)
        window = hann(size)
        # A sine at full scale has a power of one half, and this is a one-sided spectrum.
        self._window = window * np.float32(2.0 / np.sqrt(size * np.square(window, dtype=np.float64).sum()))
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
