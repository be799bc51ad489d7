"""A recording's beats, and the first beats of its bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from phonoscope.audio.arrays import packed, unpacked

KIND = "beats"
"""The kind of the artifact with beats."""


@dataclass(frozen=True)
class Beats:
    """When the beats are, in seconds, ascending.

    Shape:
        - beats_s: ``(beats,)``, float64
        - downbeats_s: ``(bars,)``, float64, each of them among the beats; empty where bars are not clear
    """

    beats_s: NDArray[np.float64]
    downbeats_s: NDArray[np.float64]

    def to_npz(self) -> bytes:
        """The beats as a compressed NumPy archive, one array for each field."""
        return packed(vars(self))

    @classmethod
    def from_npz(cls, content: bytes) -> Self:
        arrays = unpacked(content)
        return cls(arrays["beats_s"], arrays["downbeats_s"])
