"""A recording's mel spectrogram in its stored form: one byte for each band and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.arrays import packed, unpacked
from phonoscope.audio.mel import Hertz, mel_points

MelLevels: TypeAlias = NDArray[np.uint8]

KIND = "spectrogram"
"""The kind of the artifact with a spectrogram."""
MEL_BANDS = 128
STEP_DB = 0.5
LOWEST_DBFS = -127.5
"""The level of the byte 0, which also stands for quieter levels."""

_LOW_HZ, _HIGH_HZ = 20.0, 22_050.0
_BYTE = 255


@dataclass(frozen=True)
class MelSpectrogram:
    """A mel spectrogram in columns of equal length, except the last, which ends with the recording.

    A level is the mean power over a column's time and over the channels, in half decibels above -127.5 dBFS: 255 stands
    for 0 dBFS, the power of a sine at full scale, and for louder levels.

    Shape:
        - levels: ``(bands, columns)``, uint8, the lowest band first
    """

    levels: MelLevels
    column_samples: int
    samples: int
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz

    @property
    def loudest_dbfs(self) -> float:
        """The highest level of any band and column; -127.5 in silence."""
        return float(decibels(self.levels.max(keepdims=True)).item())

    def centres_hz(self) -> Hertz:
        """The centre frequency of each band.

        Shape:
            - output: ``(bands,)``, float64
        """
        return band_corners(self.sample_rate_hz, len(self.levels))[1:-1]

    def edges_hz(self) -> Hertz:
        """The edges between bands, halfway on the mel scale, both outer edges included.

        Shape:
            - output: ``(bands + 1,)``, float64
        """
        low_hz, high_hz = band_corners(self.sample_rate_hz, len(self.levels))[[0, -1]]
        return mel_points(low_hz, high_hz, 2 * len(self.levels) + 3)[1:-1:2]

    def coarser(self, columns: int) -> MelLevels:
        """The spectrogram with fewer columns of equal length: each is the mean power of those that it replaces.

        Args:
            columns: a number below the present one.

        Shape:
            - output: ``(bands, columns)``
        """
        edges = np.arange(columns) * self.samples // (columns * self.column_samples)
        lengths = np.full(self.levels.shape[1], self.column_samples, dtype=np.float32)
        lengths[-1] = self.samples - self.column_samples * (len(lengths) - 1)
        power = _POWERS[self.levels] * lengths
        return quantised(np.add.reduceat(power, edges, axis=1) / np.add.reduceat(lengths, edges))

    def to_npz(self) -> bytes:
        """The spectrogram as a compressed NumPy archive, one array for each field."""
        return packed(vars(self))

    @classmethod
    def from_npz(cls, content: bytes) -> Self:
        arrays = unpacked(content)
        numbers = {name: int(arrays[name]) for name in ("column_samples", "samples", "sample_rate_hz")}
        return cls(arrays["levels"], **numbers)


def band_corners(sample_rate_hz: int, bands: int = MEL_BANDS) -> Hertz:
    """The corners of the bands' triangles: from 20 Hz to half the rate or 22,050 Hz, evenly spaced on the mel scale.

    Each band reaches from its neighbour's centre to the other's. When the rate is too low for that range, it starts at
    a quarter of the rate.

    Shape:
        - output: ``(bands + 2,)``, float64
    """
    high_hz = min(sample_rate_hz / 2.0, _HIGH_HZ)
    return mel_points(min(_LOW_HZ, high_hz / 2.0), high_hz, bands + 2)


def quantised(power: NDArray[np.floating]) -> MelLevels:
    """Converts powers to levels, for arrays of any shape; the power 1 is 0 dBFS.

    >>> quantised(np.array([0.0, 1e-9, 0.5, 1.0, 2.0]))
    array([  0,  75, 249, 255, 255], dtype=uint8)
    """
    decibels_up = 10.0 * np.log10(np.maximum(power, 1e-20)) - LOWEST_DBFS
    levels: MelLevels = np.rint(decibels_up / STEP_DB).clip(0, _BYTE).astype(np.uint8)
    return levels


def mean_levels(levels: MelLevels, axis: int) -> MelLevels:
    """The levels of the mean power along an axis.

    >>> mean_levels(np.array([[75, 249], [75, 249]], dtype=np.uint8), axis=0)
    array([ 75, 249], dtype=uint8)
    """
    return quantised(_POWERS[levels].mean(axis=axis))


def decibels(levels: MelLevels) -> NDArray[np.float64]:
    """Converts levels to dBFS, for arrays of any shape."""
    return LOWEST_DBFS + STEP_DB * levels.astype(np.float64)


_POWERS = (10.0 ** (decibels(np.arange(_BYTE + 1, dtype=np.uint8)) / 10.0)).astype(np.float32)
