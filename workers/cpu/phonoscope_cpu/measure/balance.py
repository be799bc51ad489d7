"""Measures how a recording's energy is distributed over frequency."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from phonoscope.audio.bands import BANDS
from phonoscope.audio.framing import Framer, hann
from phonoscope.audio.profiles import REACH_HZ, BandLevel, levels_of
from phonoscope.audio.samples import Block, Samples


class BandShare(TypedDict):
    """A frequency band and its share of the energy, in [0, 1]; the highest band has no upper end."""

    name: str
    low_hz: float
    high_hz: float | None
    share: float


_FRAME_S = 0.25
_SILENT_POWER = 1e-12
"""Mean square of -120 dBFS."""


class Balance:
    """Measures the energy of all channels in each band, from 20 Hz up, at the recording's own rate."""

    def __init__(self) -> None:
        self._energy = np.zeros(len(BANDS))
        self._beyond = 0.0
        self._half_rate_hz = np.inf
        self._moment_hz = 0.0
        self._time = 0.0
        self._analysis: _Analysis | None = None

    @property
    def silent(self) -> bool:
        """Whether there is no energy from 20 Hz up."""
        return float(self._energy.sum()) <= _SILENT_POWER * self._time

    @property
    def bands(self) -> list[BandShare]:
        """The bands' shares of the energy, which add up to 1; all 0 when silent."""
        shares = np.zeros(len(BANDS)) if self.silent else self._energy / self._energy.sum()
        return [
            BandShare(name=name, low_hz=low, high_hz=high, share=float(share))
            for (name, low, high), share in zip(BANDS, shares, strict=True)
        ]

    @property
    def levels(self) -> list[BandLevel]:
        """Each band's share of the energy up to 11,025 Hz, in decibels, as in reference profiles; empty when silent.

        A band has no level when the recording's rate does not cover it.
        """
        energy = self._energy.copy()
        energy[-1] -= self._beyond
        reached = [min(band.high_hz or REACH_HZ, REACH_HZ) <= self._half_rate_hz for band in BANDS]
        return (
            []
            if self.silent
            else levels_of(
                [max(0.0, float(each)) if whole else None for each, whole in zip(energy, reached, strict=True)]
            )
        )

    @property
    def centroid_hz(self) -> float | None:
        """The energy's centre of mass; ``None`` when silent."""
        return None if self.silent else self._moment_hz / float(self._energy.sum())

    def add(self, block: Block) -> None:
        form = (block.sample_rate_hz, len(block.samples))
        if self._analysis is None or self._analysis.form != form:
            self.finish()
            self._analysis = _Analysis(*form)
        self._time += block.samples.size / block.sample_rate_hz
        self._half_rate_hz = min(self._half_rate_hz, block.sample_rate_hz / 2.0)
        self._take(self._analysis, self._analysis.framer(block.samples))

    def finish(self) -> None:
        """Measures the samples that are still buffered."""
        if self._analysis is not None:
            self._take(self._analysis, self._analysis.framer.flush())

    def _take(self, analysis: _Analysis, frames: Samples) -> None:
        for channel in frames:
            spectra = np.fft.rfft(channel * analysis.window)
            power = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=0, dtype=np.float64) * analysis.scale
            self._energy += np.bincount(analysis.band, power, minlength=len(BANDS) + 1)[1:]
            self._beyond += float(power[analysis.frequency_hz > REACH_HZ].sum())
            self._moment_hz += float((power * analysis.frequency_hz)[analysis.band > 0].sum())


class _Analysis:
    """The Fourier transform for a rate and a number of channels; a bin below all bands has the ``band`` 0."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        size = 1 << max(1, (int(_FRAME_S * sample_rate_hz) - 1).bit_length())
        self.form = (sample_rate_hz, channels)
        self.framer = Framer(size, size // 2, channels)
        self.window = hann(size)
        self.frequency_hz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz)
        self.band = np.digitize(self.frequency_hz, [band.low_hz for band in BANDS])
        self.scale = 2.0 * (size // 2) / (size * float(np.square(self.window).sum()) * sample_rate_hz)
