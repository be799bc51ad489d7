"""Noise with a given spectrum, fixed and moving filters, and room reverberation. Signals as in ``signal``; gains are
over hertz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .signal import RATE_HZ, Samples, count, levelled, times

Gain: TypeAlias = Callable[[Samples], Samples]

_FRAME = 512
HOP = _FRAME // 2


def band(low_hz: float, high_hz: float, order: int = 2) -> Gain:
    """A pass band as gain over hertz, with a slope of 6 dB per octave and order."""

    def gain(hz: Samples) -> Samples:
        ratio = np.maximum(hz, 1.0)
        return 1.0 / np.sqrt((1.0 + (low_hz / ratio) ** (2 * order)) * (1.0 + (ratio / high_hz) ** (2 * order)))

    return gain


def tilt(db_per_octave: float, low_hz: float = 20.0, high_hz: float = 18_000.0) -> Gain:
    """A straight slope in decibels between two band edges: gain over hertz, 1.0 at 1 kHz."""
    edges = band(low_hz, high_hz, 3)
    return lambda hz: edges(hz) * (np.maximum(hz, 1.0) / 1_000.0) ** (db_per_octave / 6.02)


def noise(rng: np.random.Generator, samples: int, gain: Gain) -> Samples:
    """Gaussian noise with this spectrum and an RMS of 1, shape ``(samples,)``."""
    padded = _friendly(samples)
    hz = _bins_hz(padded)
    spectrum = rng.standard_normal(2 * len(hz), dtype=np.float32).view(np.complex64) * gain(hz).astype(np.float32)
    return levelled(np.fft.irfft(spectrum, padded)[:samples].astype(np.float64))


def filtered(signal: Samples, gain: Gain) -> Samples:
    """The signal through a zero-phase filter, shape kept: ``(samples,)``."""
    padded = _friendly(len(signal))
    spectrum = np.fft.rfft(signal, padded) * gain(_bins_hz(padded))
    return np.fft.irfft(spectrum, padded)[: len(signal)]


def convolved(signal: Samples, response: Samples) -> Samples:
    """The signal through an impulse response, cut to the signal's length.

    Shape:
        - signal: ``(samples,)``
        - response: ``(taps,)`` or ``(channels, taps)``
        - output: ``(samples,)`` or ``(channels, samples)``
    """
    taps = response.shape[-1]
    padded = min(_friendly(len(signal) + taps), max(_friendly(2 * taps), 1 << 17))
    step = padded - taps
    through = np.fft.rfft(response.astype(np.float32), padded)
    dry = signal.astype(np.float32)
    out = np.zeros((*response.shape[:-1], len(signal) + padded))
    for start in range(0, len(signal), step):
        block = np.fft.rfft(dry[start : start + step], padded)
        out[..., start : start + padded] += np.fft.irfft(block * through, padded)
    return out[..., : len(signal)]


def moving(signal: Samples, response: NDArray[np.complex64]) -> Samples:
    """The signal through a filter that changes every ``HOP`` samples.

    Shape:
        - signal: ``(samples,)``
        - response: ``(samples // HOP + 2, 513)``, complex gain at the frequencies of ``moving_hz``; or ``(1, 513)``
        - output: ``(samples,)``
    """
    blocks = len(signal) // HOP + 2
    padded = np.zeros((blocks + 1) * HOP)
    padded[HOP : HOP + len(signal)] = signal
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::HOP] * window
    heard = np.fft.irfft(np.fft.rfft(frames, 2 * _FRAME) * response).reshape(blocks, 4, HOP)
    out = np.zeros((blocks + 3, HOP))
    for part in range(4):
        out[part : part + blocks] += heard[:, part]
    return out.reshape(-1)[HOP : HOP + len(signal)]


def moving_hz() -> Samples:
    """The frequencies in hertz at which ``moving`` takes a response, shape ``(513,)``."""
    return _bins_hz(2 * _FRAME)


def room(rng: np.random.Generator, reverberation_s: float, channels: int = 1, distance_s: float = 0.012) -> Samples:
    """A room's reverberation without the direct sound; its treble decays faster; unit energy per channel.

    Args:
        rng: the random generator.
        reverberation_s: the time in which it falls by 60 dB.
        channels: the number of independent responses.
        distance_s: the delay of its first echo.

    Shape:
        - output: ``(channels, taps)``
    """
    samples = count(reverberation_s)
    t = times(reverberation_s)
    out = np.zeros((channels, samples + count(distance_s)))
    for channel in out:
        for low_hz, high_hz, speed in ((120.0, 1_500.0, 6.9), (1_500.0, 5_000.0, 10.0), (5_000.0, 12_000.0, 16.0)):
            tail = noise(rng, samples, band(low_hz, high_hz, 1)) * np.exp(-speed * t / reverberation_s)
            channel[-samples:] += tail
    unit: Samples = out / np.sqrt(np.sum(out**2, axis=1, keepdims=True))
    return unit


def _bins_hz(samples: int) -> Samples:
    """The frequencies of a real transform of that many samples."""
    return np.multiply(np.arange(samples // 2 + 1), RATE_HZ / samples, dtype=np.float64)


def _friendly(samples: int) -> int:
    """The next length whose only prime factors are 2, 3 and 5, for a fast transform."""
    best = 1 << (samples - 1).bit_length()
    for odd in (3, 5, 9, 15, 25, 27, 45, 75, 81, 125):
        power = -(-samples // odd)
        best = min(best, odd << max(power - 1, 0).bit_length())
    return best
