"""Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, 15 mel there, then 27 mel for each factor of 6.4."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Hertz = NDArray[np.float64]

_KNEE_HZ, _KNEE_MEL = 1_000.0, 15.0
_FACTOR, _FACTOR_MEL = 6.4, 27.0


def hertz_to_mel(hertz: ArrayLike) -> NDArray[np.float64]:
    """Converts hertz to mel, for arrays of any shape.

    >>> hertz_to_mel([500.0, 1_000.0, 6_400.0])
    array([ 7.5, 15. , 42. ])
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    above = _FACTOR_MEL * np.log(np.maximum(hertz, _KNEE_HZ) / _KNEE_HZ) / np.log(_FACTOR)
    mel: NDArray[np.float64] = np.minimum(hertz, _KNEE_HZ) / _KNEE_HZ * _KNEE_MEL + above
    return mel


def mel_to_hertz(mel: ArrayLike) -> Hertz:
    """Converts mel to hertz, for arrays of any shape."""
    mel = np.asarray(mel, dtype=np.float64)
    above = _KNEE_HZ * _FACTOR ** (np.maximum(mel - _KNEE_MEL, 0.0) / _FACTOR_MEL)
    return np.where(mel < _KNEE_MEL, mel / _KNEE_MEL * _KNEE_HZ, above)


def mel_points(low_hz: float, high_hz: float, count: int) -> Hertz:
    """Frequencies in hertz that are evenly spaced on the mel scale, both ends included."""
    return mel_to_hertz(np.linspace(hertz_to_mel(low_hz), hertz_to_mel(high_hz), count))
