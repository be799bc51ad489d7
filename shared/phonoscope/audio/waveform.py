"""A recording's outline: the lowest value, the highest value and the RMS of each of many buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.arrays import packed, unpacked

Values: TypeAlias = NDArray[np.float32]

KIND = "waveform"
"""The kind of the artifact with an outline."""
MOST_POINTS = 4_000
"""A measured outline has at least this many buckets, unless the recording has fewer samples."""


@dataclass(frozen=True)
class Waveform:
    """An outline in buckets of equal length, except the last, which ends with the recording.

    Shape:
        - low, high, rms: ``(buckets,)``, float32, full scale at 1.0
    """

    low: Values
    high: Values
    rms: Values
    bucket_samples: int
    samples: int
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz

    def starts_s(self) -> NDArray[np.float64]:
        """The start of each bucket, in seconds.

        Shape:
            - output: ``(buckets,)``, float64, seconds
        """
        return np.arange(len(self.low)) * self.bucket_samples / self.sample_rate_hz

    def coarser(self, points: int) -> tuple[NDArray[np.float64], Values, Values, Values]:
        """At most ``points`` points: their starts in seconds, lowest values, highest values and RMS.

        Shape:
            - output: four of ``(min(points, buckets),)``
        """
        buckets = len(self.low)
        count = min(points, buckets)
        edges = np.arange(count) * buckets // count
        lengths = np.full(buckets, self.bucket_samples, dtype=np.float64)
        lengths[-1] = self.samples - self.bucket_samples * (buckets - 1)
        energy = np.add.reduceat(np.square(self.rms, dtype=np.float64) * lengths, edges)
        rms = np.sqrt(energy / np.add.reduceat(lengths, edges)).astype(np.float32)
        low, high = np.minimum.reduceat(self.low, edges), np.maximum.reduceat(self.high, edges)
        return self.starts_s()[edges], low, high, rms

    def to_npz(self) -> bytes:
        """The outline as a compressed NumPy archive, one array for each field."""
        return packed(vars(self))

    @classmethod
    def from_npz(cls, content: bytes) -> Self:
        arrays = unpacked(content)
        numbers = {name: int(arrays[name]) for name in ("bucket_samples", "samples", "sample_rate_hz")}
        return cls(arrays["low"], arrays["high"], arrays["rms"], **numbers)
