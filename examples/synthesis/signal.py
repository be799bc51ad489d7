"""Building blocks of synthesis. Signals are float64 at ``RATE_HZ``, full scale at 1.0; times are seconds."""

from __future__ import annotations

import zlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 44_100

Samples: TypeAlias = NDArray[np.float64]

_CYCLE = 2_048


def generator(name: str) -> np.random.Generator:
    """A random generator seeded by a name: the same in every run, different for each name."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def count(duration_s: float) -> int:
    """How many samples a duration holds."""
    return round(duration_s * RATE_HZ)


def times(duration_s: float) -> Samples:
    """The time of each sample in seconds, shape ``(samples,)``."""
    return np.arange(count(duration_s), dtype=np.float64) / RATE_HZ


def curve(duration_s: float, *points: tuple[float, float]) -> Samples:
    """Interpolates linearly between ``(seconds, value)`` points, shape ``(samples,)``."""
    at, values = zip(*points, strict=True)
    line: Samples = np.interp(times(duration_s), at, values)
    return line


def drift(rng: np.random.Generator, samples: int, per_s: float) -> Samples:
    """A random curve of about unit variance with ``per_s`` new values a second, shape ``(samples,)``."""
    knots = int(samples / RATE_HZ * per_s) + 3
    return np.interp(np.arange(samples) * per_s / RATE_HZ, np.arange(knots), rng.standard_normal(knots))


def cycle(amplitudes: Samples) -> Samples:
    """One period of a tone of harmonics 1, 2, … with these amplitudes, shape ``(2049,)``: its end repeats its start."""
    spectrum = np.zeros(_CYCLE // 2 + 1, dtype=complex)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _CYCLE * amplitudes
    wave = np.fft.irfft(spectrum)
    return np.append(wave, wave[0])


def tone(hz: Samples, table: Samples, start: float = 0.0) -> Samples:
    """A period from ``cycle`` repeated at a frequency that may move, shape ``(samples,)`` like ``hz``."""
    place = np.cumsum(hz) / RATE_HZ + start
    place = (place - np.floor(place)) * _CYCLE
    whole = place.astype(np.int64)
    below = table[whole]
    return below + (place - whole) * (table[whole + 1] - below)


def levelled(signal: Samples) -> Samples:
    """The signal at an RMS of 1, shape kept."""
    return signal / float(np.sqrt(np.mean(signal**2)))


def ringing(hz: Samples, decay_s: Samples, amplitudes: Samples, duration_s: float) -> Samples:
    """Modes that start at once, each decaying by 1/e in its ``decay_s``.

    Shape:
        - hz, decay_s, amplitudes: ``(..., modes)``
        - output: ``(..., samples)``
    """
    t = times(duration_s)
    fading = np.exp(-t / decay_s[..., None])
    struck: Samples = np.einsum("...m,...mt->...t", amplitudes, fading * np.sin(2 * np.pi * hz[..., None] * t))
    return struck


def scattered(samples: int, starts: NDArray[np.int64], grains: Samples) -> Samples:
    """Adds short grains at their starts; samples after the end are dropped.

    Shape:
        - starts: ``(grains,)``, sample positions
        - grains: ``(grains, grain samples)``
        - output: ``(samples,)``
    """
    places = (starts[:, None] + np.arange(grains.shape[1])).reshape(-1)
    laid: Samples = np.bincount(places, grains.reshape(-1), samples + grains.shape[1]).astype(np.float64)
    return laid[:samples]


def placed(samples: int, parts: list[tuple[float, Samples]]) -> Samples:
    """Adds signals, each from its second on; samples after the end are dropped.

    Shape:
        - parts: ``(seconds, (..., any samples))`` with equal leading axes
        - output: ``(..., samples)``
    """
    out = np.zeros((*parts[0][1].shape[:-1], samples))
    for at_s, part in parts:
        start = count(at_s)
        end = min(start + part.shape[-1], samples)
        out[..., start:end] += part[..., : end - start]
    return out


def faded(signal: Samples, in_s: float, out_s: float) -> Samples:
    """The signal with linear ramps at both ends, shape kept: ``(..., samples)``."""
    samples = signal.shape[-1]
    at = np.arange(samples) / RATE_HZ
    ramp = np.minimum(np.minimum(at / max(in_s, 1e-6), (samples / RATE_HZ - at) / max(out_s, 1e-6)), 1.0)
    shaped: Samples = signal * ramp
    return shaped
