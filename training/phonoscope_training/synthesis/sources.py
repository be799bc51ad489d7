"""What synthesised sounds are made of: ten kinds of source, each with more variety than any one recording has.

Each takes its chance, a middle frequency in hertz and a number of samples, and gives that many at 44,100 Hz.
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


def noise(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Wind, hiss, breath."""
    return resonant(chance, chance.standard_normal(length), middle_hz, chance.uniform(0.15, 1.5))


def wash(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Bands of noise that swell and sink by themselves, as waves do."""
    total = np.zeros(length)
    for _ in range(chance.integers(2, 4)):
        total += noise(chance, middle_hz * 2.0 ** chance.uniform(-1.0, 1.0), length) * _curve(chance, length)
    return total


def tone(chance: Generator, middle_hz: float, length: int) -> Samples:
    """A steady pitch with overtones: horns, hums."""
    pitch_hz = np.full(length, middle_hz * 0.6)
    return resonant(
        chance, _overtones(chance, pitch_hz), middle_hz * chance.uniform(1.0, 4.0), chance.uniform(0.6, 2.0)
    )


def glide(chance: Generator, middle_hz: float, length: int) -> Samples:
    """The same with a pitch that goes somewhere: sirens, cries."""
    way = np.cumsum(chance.normal(0.0, 0.5, 4)) + chance.choice([-1, 1]) * np.linspace(0.0, chance.uniform(0.3, 1.5), 4)
    pitch_hz = middle_hz * 2.0 ** through(way, length)
    return resonant(
        chance, _overtones(chance, pitch_hz), middle_hz * chance.uniform(1.0, 4.0), chance.uniform(0.6, 2.0)
    )


def whistle(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Next to no overtones: birds, alarms."""
    bend = through(chance.normal(0.0, 0.2, 3), length)
    pitch_hz = _vibrato(chance, middle_hz * 2.0**bend)
    return np.sin(_phase(pitch_hz)) + chance.uniform(0.0, 0.1) * np.sin(2.0 * _phase(pitch_hz))


def voice(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Overtones through formants that go from one vowel to another."""
    way = through(chance.normal(0.0, 0.25, 4), length)
    buzz = _overtones(chance, middle_hz * 0.5 * 2.0**way) + chance.uniform(0.0, 0.3) * chance.standard_normal(length)
    share = _curve(chance, length)
    first, second = (resonant(chance, buzz, middle_hz * chance.uniform(1.0, 5.0), 0.4) for _ in range(2))
    return share * first + (1.0 - share) * second


def chime(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Partials in no simple ratio that die away: bells, glass, cans."""
    time_s = np.arange(length) / RATE_HZ
    total = np.zeros(length)
    for _ in range(chance.integers(3, 10)):
        partial_hz = min(_HIGHEST_HZ, middle_hz * chance.uniform(0.5, 5.0))
        decay = chance.uniform(0.2, 1.0) * np.exp(-time_s * chance.uniform(2.0, 40.0))
        total += decay * np.sin(2.0 * np.pi * (partial_hz * time_s + chance.uniform()))
    return total


def click(chance: Generator, middle_hz: float, length: int) -> Samples:
    """A few milliseconds and what they set ringing: knocks, steps, keys."""
    burst = np.zeros(length)
    hit = min(length, round(RATE_HZ * chance.uniform(0.001, 0.006)))
    burst[:hit] = chance.standard_normal(hit)
    ringing = np.exp(-np.arange(length) / RATE_HZ * chance.uniform(30.0, 200.0))
    return resonant(chance, burst, middle_hz, chance.uniform(0.1, 0.8)) * ringing


def pulses(chance: Generator, middle_hz: float, length: int) -> Samples:
    """A beat too quick to count: engines, blades, snoring."""
    gap = RATE_HZ / chance.uniform(12.0, 70.0)
    at = np.cumsum(gap * (1.0 + chance.normal(0.0, 0.03, round(length / gap) + 2))).astype(int)
    train = np.zeros(length)
    train[at[at < length]] = chance.uniform(0.5, 1.0, int((at < length).sum()))
    return resonant(chance, train, middle_hz, chance.uniform(0.2, 1.0))


def crackle(chance: Generator, middle_hz: float, length: int) -> Samples:
    """Drops without a beat: fire, rain, paper."""
    count = max(2, int(chance.poisson(chance.uniform(15.0, 250.0) * length / RATE_HZ)))
    drops = np.zeros(length)
    drops[chance.integers(0, length, count)] = chance.exponential(1.0, count) * chance.choice([-1, 1], count)
    return resonant(chance, drops, middle_hz, chance.uniform(0.2, 1.5))


SOURCES: dict[str, Source] = {
    source.__name__: source for source in (noise, wash, tone, glide, whistle, voice, chime, click, pulses, crackle)
}


def resonant(chance: Generator, samples: Samples, middle_hz: float, octaves: float) -> Samples:
    """Samples through a band so many octaves wide, and perhaps through resonances beside it."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1.0 / RATE_HZ) + 1.0
    away = np.log2(hertz / middle_hz)
    gain = np.exp(-0.5 * (away / octaves) ** 2)
    for _ in range(chance.integers(0, 3)):
        sharp = chance.uniform(0.05, 0.4)
        gain += chance.uniform(0.1, 1.0) * np.exp(-0.5 * ((away - chance.uniform(-2.0, 2.5)) / sharp) ** 2)
    gain *= hertz ** -chance.uniform(0.0, 0.5)
    return np.fft.irfft(spectrum * gain / gain.max(), len(samples))


def through(points: Samples, length: int) -> Samples:
    """A line through points that are evenly far apart, from the first at the first sample to the last at the last."""
    return np.interp(np.linspace(0.0, len(points) - 1.0, length), np.arange(len(points)), points)


def _overtones(chance: Generator, pitch_hz: Samples) -> Samples:
    pitch_hz = _vibrato(chance, pitch_hz)
    phase, top_hz, fall = _phase(pitch_hz), float(pitch_hz.max()), chance.uniform(0.3, 1.8)
    total = chance.uniform(0.0, 0.1) * chance.standard_normal(len(pitch_hz))
    for number in range(1, int(chance.integers(5, 31))):
        if number * top_hz > _HIGHEST_HZ:
            break
        total += chance.uniform(0.2, 1.0) * number**-fall * np.sin(number * phase + chance.uniform(0.0, 6.28))
    return total


def _vibrato(chance: Generator, pitch_hz: Samples) -> Samples:
    time_s = np.arange(len(pitch_hz)) / RATE_HZ
    shaken: Samples = pitch_hz * (
        1.0 + chance.uniform(0.0, 0.02) * np.sin(2.0 * np.pi * chance.uniform(3.0, 9.0) * time_s)
    )
    return np.minimum(shaken, _HIGHEST_HZ)


def _phase(pitch_hz: Samples) -> Samples:
    return 2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ


def _curve(chance: Generator, length: int) -> Samples:
    """A share of 1 that wanders."""
    return through(chance.uniform(0.0, 1.0, 8), length)
