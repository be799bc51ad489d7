"""The types of the fixtures that make recordings with known answers."""

from __future__ import annotations

from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 22_050
Signal = NDArray[np.float64]


class MakeWav(Protocol):
    def __call__(self, samples: Signal, rate_hz: int = RATE_HZ, kind: str = "<f4") -> BinaryIO: ...


class MakeTone(Protocol):
    def __call__(self, frequency_hz: float, seconds: float, rate_hz: int = RATE_HZ, phase: float = 0.0) -> Signal: ...


class MakeClicks(Protocol):
    def __call__(self, bpm: float, seconds: float) -> Signal: ...


class MakeChords(Protocol):
    def __call__(self, chords: list[tuple[int, ...]], each_s: float = 0.5, tuning: float = 0.0) -> Signal: ...
