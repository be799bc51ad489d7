"""Synthesises rain, sea and fire, from noise and many small events."""

from __future__ import annotations

import numpy as np

from .filters import band, convolved, noise, tilt
from .signal import RATE_HZ, Samples, count, drift, levelled, ringing, scattered, times

# A wave's sound by bands, from rumble to foam: gain, level, and the share of it in the roar from afar; then in seconds
# how long before its break it rises, how long after it falls, and how much later than the wave it comes.
_SURF = (
    (band(90.0, 300.0), 0.7, 1.0, 0.9, 0.9, -0.25),
    (band(200.0, 1_100.0, 1), 1.0, 1.0, 0.6, 1.0, 0.0),
    (band(900.0, 3_000.0, 1), 0.22, 0.7, 0.4, 1.4, 0.12),
    (band(3_000.0, 8_000.0), 0.08, 0.4, 0.35, 1.9, 0.3),
)


def rain(
    rng: np.random.Generator,
    duration_s: float,
    *,
    drops_per_s: float = 280.0,
    slope_db: float = 1.0,
    drops: float = 0.12,
    roof: float = 0.0,
) -> Samples:
    """Rain: continuous noise of far drops, near drops that click and chirp, and a resonant roof.

    Args:
        rng: the random generator.
        duration_s: seconds.
        drops_per_s: near drops a second.
        slope_db: the slope of the continuous noise, in decibels per octave.
        drops: level of the near drops, relative to the continuous noise.
        roof: level of the roof's resonances.

    Shape:
        - output: ``(samples,)``
    """
    samples = count(duration_s)
    bed = noise(rng, samples, tilt(slope_db, 60.0, 11_000.0)) * (1.0 + 0.06 * drift(rng, samples, 6.0))
    near = _drops(rng, samples, drops_per_s)
    heard = bed + drops * near
    if roof:
        modes = rng.uniform(180.0, 2_600.0, 24)
        sheet = ringing(modes, rng.uniform(0.01, 0.04, 24), 300.0 / modes, 0.2)
        heard += roof * levelled(convolved(near, sheet))
    return heard


def sea(
    rng: np.random.Generator, duration_s: float, *, waves: tuple[tuple[float, float], ...], storm: float = 0.3
) -> Samples:
    """Waves on a shore: each swells, breaks and ends as foam, over the rumble of far waves.

    Args:
        rng: the random generator.
        duration_s: seconds.
        waves: ``(seconds, level)`` of each break.
        storm: level of the steady roar.

    Shape:
        - output: ``(samples,)``
    """
    t = times(duration_s)
    heard = np.zeros(len(t))
    for gain, level, far, rise_s, fall_s, late_s in _SURF:
        swell = sum(weight * _swell(t - at_s - late_s, rise_s, fall_s) for at_s, weight in waves)
        lively = 1.0 + 0.18 * drift(rng, len(t), 14.0) + 0.10 * drift(rng, len(t), 70.0)
        heard += level * (storm * far + swell) * lively * noise(rng, len(t), gain)
    return heard


def fire(rng: np.random.Generator, duration_s: float, *, crackles_per_s: float = 45.0, roar: float = 1.0) -> Samples:
    """A wood fire: a low fluctuating noise, a faint hiss, and crackles whose strengths follow a power law.

    Args:
        rng: the random generator.
        duration_s: seconds.
        crackles_per_s: crackles a second, most of them faint and many in flurries.
        roar: level of the flames, relative to the crackles.

    Shape:
        - output: ``(samples,)``
    """
    samples = count(duration_s)
    flutter = 1.0 + 0.35 * drift(rng, samples, 9.0)
    flames = noise(rng, samples, tilt(-7.0, 30.0, 1_200.0)) * flutter
    hiss = noise(rng, samples, tilt(-1.0, 400.0, 14_000.0)) * (1.0 + 0.2 * drift(rng, samples, 4.0))
    crackles = _crackles(rng, samples, round(crackles_per_s * duration_s))
    return roar * (0.022 * flames + 0.004 * hiss) + crackles


def _drops(rng: np.random.Generator, samples: int, per_s: float) -> Samples:
    """Drops at random moments, unit RMS: the click of the impact, then the chirp of the bubble it traps."""
    drops = round(samples / RATE_HZ * per_s)
    t = times(0.008)
    strength = np.minimum(rng.lognormal(0.0, 0.6, (drops, 1)), 3.0)
    clicks = rng.standard_normal((drops, len(t))) * np.exp(-t / rng.uniform(0.0003, 0.0012, (drops, 1)))
    bubble_hz = rng.lognormal(np.log(3_800.0), 0.45, (drops, 1))
    after = np.maximum(t - rng.uniform(0.001, 0.003, (drops, 1)), 0.0)
    chirps = np.sin(2 * np.pi * bubble_hz * (1.0 + 12.0 * after) * after) * np.exp(-after * bubble_hz / 9.0)
    trapped = rng.random((drops, 1)) < 0.4
    grains = strength * (clicks + 1.2 * trapped * chirps)
    return levelled(scattered(samples, rng.integers(0, samples, drops), grains))


def _swell(since: Samples, rise_s: float, fall_s: float) -> Samples:
    """A wave's envelope: a bell curve up to its break, then a long decay."""
    return np.where(since < 0, np.exp(-((since / rise_s) ** 2)), np.exp(-np.abs(since) / fall_s))


def _crackles(rng: np.random.Generator, samples: int, crackles: int) -> Samples:
    """Snaps of wood: bursts of noise of 0.2 to 3 ms, one in three followed by a flurry, peak near 1."""
    starts = rng.integers(0, samples, crackles)
    flurry = starts[: crackles // 3, None] + rng.exponential(0.03 * RATE_HZ, (crackles // 3, 3)).astype(np.int64)
    starts = np.concatenate([starts, flurry.reshape(-1)])
    strength = np.minimum(0.012 * rng.pareto(0.9, (len(starts), 1)), 0.9)
    t = times(0.015)
    decay_s = rng.lognormal(np.log(0.0004), 0.6, (len(starts), 1))
    bursts = rng.standard_normal((len(starts), len(t))) * np.exp(-t / decay_s)
    body_hz = rng.uniform(500.0, 3_000.0, (len(starts), 1))
    body = np.sin(2 * np.pi * body_hz * t) * np.exp(-t / (1.5 * decay_s))
    return scattered(samples, starts, 0.4 * strength * (bursts + body))
