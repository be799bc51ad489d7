"""Synthesises a clock, a helicopter and a chainsaw."""

from __future__ import annotations

import numpy as np

from .filters import band, convolved, filtered, moving, noise, room, tilt
from .signal import RATE_HZ, Samples, count, curve, cycle, drift, levelled, ringing, times, tone
from .voice import resonances, steady


def clock(
    rng: np.random.Generator,
    duration_s: float,
    *,
    beats_per_s: float = 2.0,
    case_hz: float = 420.0,
    hush: float = 0.004,
) -> Samples:
    """A mechanical clock: tick and tock, each three knocks with a resonance, in a small room.

    Args:
        rng: the random generator.
        duration_s: seconds.
        beats_per_s: ticks and tocks a second.
        case_hz: the case's lowest resonance.
        hush: RMS of the room's own noise.

    Shape:
        - output: ``(samples,)``, the strongest knock near 1
    """
    samples = count(duration_s)
    knocks = [np.zeros(samples), np.zeros(samples)]
    for beat in range(int(duration_s * beats_per_s) + 1):
        for late_s, strength in ((0.0, 0.35), (0.0045, 0.5), (0.016, 1.0)):
            at = count((beat + 0.3) / beats_per_s + late_s + 0.0006 * rng.standard_normal())
            if at < samples:
                knocks[beat % 2][at] += strength * rng.uniform(0.85, 1.1)
    struck = convolved(knocks[0], _case(rng, case_hz)) + 0.85 * convolved(knocks[1], _case(rng, 0.88 * case_hz))
    struck /= np.abs(struck).max()
    heard = struck + 0.12 * convolved(struck, room(rng, 0.25)[0])
    return heard + hush * noise(rng, samples, tilt(-4.0, 40.0, 12_000.0))


def helicopter(
    rng: np.random.Generator,
    duration_s: float,
    *,
    blades_per_s: float = 25.0,
    far: float = 0.3,
    passing: tuple[tuple[float, float], ...] = ((0.0, 0.7), (2.5, 1.0), (5.0, 0.8)),
) -> Samples:
    """A helicopter: pulses of the blades, air noise in time with them, gears, and a turbine's tone.

    Args:
        rng: the random generator.
        duration_s: seconds.
        blades_per_s: blades passing a second.
        far: from 0, near, to 1, far; distance attenuates the treble.
        passing: ``(seconds, level)`` points of its loudness.

    Shape:
        - output: ``(samples,)``
    """
    samples = count(duration_s)
    rate = blades_per_s * (1.0 + 0.012 * drift(rng, samples, 1.5))
    slap = tone(rate, _pulse(harmonics=26, centre_hz=70.0, blade_hz=blades_per_s))
    each = 1.0 + 0.12 * tone(rate / 4.0, cycle(np.array([1.0, 0.6, 0.3])))
    close = _near_blade(rate)
    low = noise(rng, samples, band(90.0, 600.0)) * (0.8 + 0.5 * close**3)
    middle = noise(rng, samples, band(350.0, 2_500.0, 1)) * (0.2 + 1.1 * close**2)
    high = noise(rng, samples, band(2_000.0, 9_000.0, 1)) * (0.6 + 0.4 * close)
    gears = tone(rate * 7.4, cycle(1.0 / np.arange(1, 9))) + 0.45 * tone(rate * 125.0, cycle(np.array([1.0, 0.4])))
    dry = (0.5 * slap + 2.5 * low) * each + 0.7 * middle + (0.2 - 0.1 * far) * high + 0.5 * gears
    return filtered(dry, tilt(-5.5 - 0.3 * far, 45.0, 9_000.0)) * curve(duration_s, *passing)


def chainsaw(rng: np.random.Generator, duration_s: float, *, revs: tuple[tuple[float, float], ...]) -> Samples:
    """A chainsaw: a two-stroke engine's irregular pulses through its muffler, and the chain's noise.

    Args:
        rng: the random generator.
        duration_s: seconds.
        revs: ``(seconds, hertz)`` points of its firing rate.

    Shape:
        - output: ``(samples,)``
    """
    hz = curve(duration_s, *revs)
    hz *= 1.0 + 0.006 * drift(rng, len(hz), 25.0)
    load = (hz / 200.0) ** 1.5
    harmonics = np.arange(1, 90)
    table = cycle(harmonics**-0.35 * rng.uniform(0.4, 1.0, len(harmonics)))
    firing = 0.16 * tone(hz, table) * (1.0 + 0.15 * drift(rng, len(hz), 100.0))
    burst = np.exp(-4.0 * (np.cumsum(hz) / RATE_HZ % 1.0))
    tearing = noise(rng, len(hz), tilt(-3.0, 700.0, 12_000.0)) * (0.35 + 1.3 * burst) * load
    hiss = noise(rng, len(hz), tilt(-3.0, 150.0, 8_000.0)) * (0.2 + burst)
    engine = np.tanh(2.0 * (firing + 0.07 * hiss)) * (0.06 + 0.94 * load)
    muffler = (
        (190.0, 160.0, 1.0),
        (620.0, 300.0, 0.7),
        (1_500.0, 600.0, 0.7),
        (3_100.0, 1_400.0, 0.65),
        (6_500.0, 3_500.0, 0.4),
    )
    dry = moving(engine, resonances(steady(muffler))) + 0.08 * tearing
    return dry + 0.12 * convolved(dry, room(rng, 0.4)[0])


def _case(rng: np.random.Generator, lowest_hz: float) -> Samples:
    """One knock on a clock's case, ``(samples,)``: a few long modes, many short ones, and a click."""
    hz = lowest_hz * np.array([1.0, 2.3, 3.9, 6.1, 8.7, 11.9, 15.8, 20.3]) * rng.uniform(0.97, 1.03, 8)
    decay_s = 0.022 * (lowest_hz / hz) ** 0.35 * rng.uniform(0.7, 1.3, 8)
    modes = ringing(hz, decay_s, np.array([0.7, 1.0, 0.8, 0.9, 0.7, 0.55, 0.4, 0.3]), 0.2)
    t = times(0.2)
    return modes + 1.5 * rng.standard_normal(len(t)) * np.exp(-t / 0.0012)


def _pulse(harmonics: int, centre_hz: float, blade_hz: float) -> Samples:
    """One blade's thump as a period for ``tone``: a short pulse whose spectrum is fullest at ``centre_hz``, RMS 1."""
    hz = blade_hz * np.arange(1, harmonics + 1)
    return levelled(cycle((hz / centre_hz) * np.exp(1.0 - hz / centre_hz)))


def _near_blade(rate: Samples) -> Samples:
    """How near the next blade is, 0 to 1, shape kept; in phase with ``tone``, whose pulse is at the period's start."""
    return 0.5 + 0.5 * np.cos(2 * np.pi * np.cumsum(rate) / RATE_HZ)
