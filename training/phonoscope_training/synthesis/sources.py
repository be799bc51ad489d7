"""Ten kinds of synthesised sound sources.

Each takes a random generator, a middle frequency in hertz and a length in samples; it returns samples at 44,100 Hz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

RATE_HZ = 44_100

Samples: TypeAlias = NDArray[np.float64]
Source: TypeAlias = Callable[[Generator, float, int], Samples]

_HIGHEST_HZ = 0.45 * RATE_HZ


def noise(rng: Generator, middle_hz: float, length: int) -> Samples:
    """Filtered noise, as wind, hiss or breath."""
    return resonant(rng, rng.standard_normal(length), middle_hz, rng.uniform(0.15, 1.5))


def wash(rng: Generator, middle_hz: float, length: int) -> Samples:
    """Bands of noise with slow envelopes, as waves."""
    total = np.zeros(length)
    for _ in range(rng.integers(2, 4)):
        total += noise(rng, middle_hz * 2.0 ** rng.uniform(-1.0, 1.0), length) * _curve(rng, length)
    return total


def tone(rng: Generator, middle_hz: float, length: int) -> Samples:
    """A steady pitch with overtones, as horns and hums."""
    pitch_hz = np.full(length, middle_hz * 0.6)
    return resonant(rng, _overtones(rng, pitch_hz), middle_hz * rng.uniform(1.0, 4.0), rng.uniform(0.6, 2.0))


def glide(rng: Generator, middle_hz: float, length: int) -> Samples:
    """A gliding pitch with overtones, as sirens and cries."""
    way = np.cumsum(rng.normal(0.0, 0.5, 4)) + rng.choice([-1, 1]) * np.linspace(0.0, rng.uniform(0.3, 1.5), 4)
    pitch_hz = middle_hz * 2.0 ** interpolate(way, length)
    return resonant(rng, _overtones(rng, pitch_hz), middle_hz * rng.uniform(1.0, 4.0), rng.uniform(0.6, 2.0))


def whistle(rng: Generator, middle_hz: float, length: int) -> Samples:
    """A pitch with almost no overtones, as birds and alarms."""
    bend = interpolate(rng.normal(0.0, 0.2, 3), length)
    pitch_hz = _vibrato(rng, middle_hz * 2.0**bend)
    return np.sin(_phase(pitch_hz)) + rng.uniform(0.0, 0.1) * np.sin(2.0 * _phase(pitch_hz))


def voice(rng: Generator, middle_hz: float, length: int) -> Samples:
    """Overtones through moving formants, as voices."""
    way = interpolate(rng.normal(0.0, 0.25, 4), length)
    buzz = _overtones(rng, middle_hz * 0.5 * 2.0**way) + rng.uniform(0.0, 0.3) * rng.standard_normal(length)
    share = _curve(rng, length)
    first, second = (resonant(rng, buzz, middle_hz * rng.uniform(1.0, 5.0), 0.4) for _ in range(2))
    return share * first + (1.0 - share) * second


def chime(rng: Generator, middle_hz: float, length: int) -> Samples:
    """Inharmonic partials that decay, as bells, glass and cans."""
    time_s = np.arange(length) / RATE_HZ
    total = np.zeros(length)
    for _ in range(rng.integers(3, 10)):
        partial_hz = min(_HIGHEST_HZ, middle_hz * rng.uniform(0.5, 5.0))
        decay = rng.uniform(0.2, 1.0) * np.exp(-time_s * rng.uniform(2.0, 40.0))
        total += decay * np.sin(2.0 * np.pi * (partial_hz * time_s + rng.uniform()))
    return total


def click(rng: Generator, middle_hz: float, length: int) -> Samples:
    """A burst of a few milliseconds and its resonance, as knocks, steps and keys."""
    burst = np.zeros(length)
    hit = min(length, round(RATE_HZ * rng.uniform(0.001, 0.006)))
    burst[:hit] = rng.standard_normal(hit)
    ringing = np.exp(-np.arange(length) / RATE_HZ * rng.uniform(30.0, 200.0))
    return resonant(rng, burst, middle_hz, rng.uniform(0.1, 0.8)) * ringing


def pulses(rng: Generator, middle_hz: float, length: int) -> Samples:
    """A fast pulse train, as engines, blades and snoring."""
    gap = RATE_HZ / rng.uniform(12.0, 70.0)
    at = np.cumsum(gap * (1.0 + rng.normal(0.0, 0.03, round(length / gap) + 2))).astype(int)
    train = np.zeros(length)
    train[at[at < length]] = rng.uniform(0.5, 1.0, int((at < length).sum()))
    return resonant(rng, train, middle_hz, rng.uniform(0.2, 1.0))


def crackle(rng: Generator, middle_hz: float, length: int) -> Samples:
    """Irregular impulses, as fire, rain and paper."""
    count = max(2, int(rng.poisson(rng.uniform(15.0, 250.0) * length / RATE_HZ)))
    drops = np.zeros(length)
    drops[rng.integers(0, length, count)] = rng.exponential(1.0, count) * rng.choice([-1, 1], count)
    return resonant(rng, drops, middle_hz, rng.uniform(0.2, 1.5))


SOURCES: dict[str, Source] = {
    source.__name__: source for source in (noise, wash, tone, glide, whistle, voice, chime, click, pulses, crackle)
}


def resonant(rng: Generator, samples: Samples, middle_hz: float, octaves: float) -> Samples:
    """Filters samples by a band of a width in octaves, and perhaps by further resonances."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1.0 / RATE_HZ) + 1.0
    away = np.log2(hertz / middle_hz)
    gain = np.exp(-0.5 * (away / octaves) ** 2)
    for _ in range(rng.integers(0, 3)):
        sharp = rng.uniform(0.05, 0.4)
        gain += rng.uniform(0.1, 1.0) * np.exp(-0.5 * ((away - rng.uniform(-2.0, 2.5)) / sharp) ** 2)
    gain *= hertz ** -rng.uniform(0.0, 0.5)
    return np.fft.irfft(spectrum * gain / gain.max(), len(samples))


def interpolate(points: Samples, length: int) -> Samples:
    """Interpolates linearly between evenly spaced points, from the first sample to the last."""
    return np.interp(np.linspace(0.0, len(points) - 1.0, length), np.arange(len(points)), points)


def _overtones(rng: Generator, pitch_hz: Samples) -> Samples:
    pitch_hz = _vibrato(rng, pitch_hz)
    phase, top_hz, fall = _phase(pitch_hz), float(pitch_hz.max()), rng.uniform(0.3, 1.8)
    total = rng.uniform(0.0, 0.1) * rng.standard_normal(len(pitch_hz))
    for number in range(1, int(rng.integers(5, 31))):
        if number * top_hz > _HIGHEST_HZ:
            break
        total += rng.uniform(0.2, 1.0) * number**-fall * np.sin(number * phase + rng.uniform(0.0, 6.28))
    return total


def _vibrato(rng: Generator, pitch_hz: Samples) -> Samples:
    time_s = np.arange(len(pitch_hz)) / RATE_HZ
    shaken: Samples = pitch_hz * (1.0 + rng.uniform(0.0, 0.02) * np.sin(2.0 * np.pi * rng.uniform(3.0, 9.0) * time_s))
    return np.minimum(shaken, _HIGHEST_HZ)


def _phase(pitch_hz: Samples) -> Samples:
    return 2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ


def _curve(rng: Generator, length: int) -> Samples:
    """A random curve in [0, 1]."""
    return interpolate(rng.uniform(0.0, 1.0, 8), length)
