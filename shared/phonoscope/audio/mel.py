"""Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz, 15 mel there, then 27 mel for each factor of 6.4."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Hertz = NDArray[np.float64]

_KNEE_HZ, _KNEE_MEL = 1_000.0, 15.0
_FACTOR, _FACTOR_MEL = 6.4, 27.0


def hertz_to_mel(hertz: ArrayLike) -> NDArray[np.float64]:
    """Of any shape.

    >>> hertz_to_mel([500.0, 1_000.0, 6_400.0])
    array([ 7.5, 15. , 42. ])
    """
    hertz = np.asarray(hertz, dtype=np.float64)
    above = _FACTOR_MEL * np.log(np.maximum(hertz, _KNEE_HZ) / _KNEE_HZ) / np.log(_FACTOR)
    mel: NDArray[np.float64] = np.minimum(hertz, _KNEE_HZ) / _KNEE_HZ * _KNEE_MEL + above
    return mel


def mel_to_hertz(mel: ArrayLike) -> Hertz:
    """The way back, of any shape."""
    mel = np.asarray(mel, dtype=np.float64)
    above = _KNEE_HZ * _FACTOR ** (np.maximum(mel - _KNEE_MEL, 0.0) / _FACTOR_MEL)
    return np.where(mel < _KNEE_MEL, mel / _KNEE_MEL * _KNEE_HZ, above)


def mel_points(low_hz: float, high_hz: float, count: int) -> Hertz:
    """Hertz evenly spaced on the mel scale, both ends among them."""
    return mel_to_hertz(np.linspace(hertz_to_mel(low_hz), hertz_to_mel(high_hz), count))


def mel_filters(sample_rate_hz: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Triangles of equal area, their corners evenly spaced on the mel scale, over a transform's bins.

    Shape:
        - output: ``(n_fft // 2 + 1, n_mels)``, float64
    """
    bins = np.linspace(0.0, sample_rate_hz / 2, n_fft // 2 + 1)[:, None]
    corners = mel_points(low_hz, high_hz, n_mels + 2)
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles: NDArray[np.float64] = np.minimum(rising, falling).clip(0.0) * 2.0 / (high - low)
    return triangles
