"""Synthesises a clock, a helicopter and a chainsaw."""

from __future__ import annotations

import numpy as np

from .filters import band, convolved, filtered, moving, noise, room, tilt
from .signal import RATE_HZ, Samples, count, curve, cycle, drift, levelled, ringing, scattered, times, tone
from .voice import resonances, steady


def clock(
    rng: np.random.Generator,
    duration_s: float,
    *,
    beats_per_s: float = 2.0,
    strike_hz: float = 1_000.0,
    case_hz: float = 300.0,
    hush: float = 0.01,
) -> Samples:
    """A mechanical clock: tick and tock, each a pallet's touch and the stronger lock that follows, in a small room.

    Args:
        rng: the random generator.
        duration_s: seconds.
        beats_per_s: ticks and tocks a second.
        strike_hz: the lowest mode of the struck wheel; the tock's is lower by 8 %.
        case_hz: the case's lowest resonance.
        hush: RMS of the room's own noise.

    Shape:
        - output: ``(samples,)``, the strongest strike near 1
    """
    samples = count(duration_s)
    strikes = [np.zeros(samples), np.zeros(samples)]
    for beat in range(int(duration_s * beats_per_s) + 1):
        for late_s, strength in ((0.0, 0.5), (0.025, 1.0)):
            at = count((beat + 0.3) / beats_per_s + late_s + 0.0004 * rng.standard_normal())
            if at < samples:
                strikes[beat % 2][at] += strength * rng.uniform(0.88, 1.08)
    tick, tock = (_strike(rng, hz, case_hz) for hz in (strike_hz, 0.92 * strike_hz))
    struck = convolved(strikes[0], tick) + 0.85 * convolved(strikes[1], tock)
    struck /= np.abs(struck).max()
    heard = struck + 0.15 * convolved(struck, room(rng, 0.3)[0])
    return heard + hush * noise(rng, samples, tilt(-4.0, 60.0, 9_000.0))


def helicopter(
    rng: np.random.Generator,
    duration_s: float,
    *,
    blades_per_s: float = 18.0,
    far: float = 0.3,
    passing: tuple[tuple[float, float], ...] = ((0.0, 0.7), (2.5, 1.0), (5.0, 0.8)),
) -> Samples:
    """A helicopter: each blade's thump and slap, the rotor's wash, the tail rotor, and a turbine's tone.

    Args:
        rng: the random generator.
        duration_s: seconds.
        blades_per_s: blades passing a second.
        far: from 0, near, to 1, far; the air absorbs the treble.
        passing: ``(seconds, level)`` points of its loudness; its pitch falls by 3 % from the first to the last.

    Shape:
        - output: ``(samples,)``
    """
    samples = count(duration_s)
    rate = (
        blades_per_s * (1.0 + 0.004 * drift(rng, samples, 1.0)) * curve(duration_s, (0.0, 1.015), (duration_s, 0.985))
    )
    turns = np.cumsum(rate) / RATE_HZ
    blade = np.floor(turns).astype(np.int64)
    force = 1.0 + 0.12 * rng.standard_normal(blade[-1] + 1)
    since_s = (turns - blade) / rate
    slap = np.minimum(since_s / 0.006, 1.0) * np.exp(-since_s / 0.015) * force[blade]
    chop = levelled(noise(rng, samples, tilt(-5.0, 80.0, 3_000.0)) * slap)
    passes = np.flatnonzero(np.diff(blade))
    thump = levelled(scattered(samples, passes, force[blade[passes + 1], None] * _thump()))
    wash = noise(rng, samples, tilt(-6.0, 60.0, 9_000.0)) * (1.0 + 0.1 * drift(rng, samples, 8.0))
    tail = levelled(tone(5.6 * rate, cycle(np.arange(1.0, 20.0) ** -0.8)))
    turbine = tone(290.0 * rate, cycle(np.array([1.0, 0.3])))
    dry = chop + thump + wash + 0.06 * tail + 0.01 * turbine
    return filtered(dry, band(10.0, 9_000.0 * (1.0 - 0.8 * far), 1)) * curve(duration_s, *passing)


def chainsaw(rng: np.random.Generator, duration_s: float, *, revs: tuple[tuple[float, float], ...]) -> Samples:
    """A chainsaw: a two-stroke engine's uneven firing through its muffler, and the chain that tears wood.

    Args:
        rng: the random generator.
        duration_s: seconds.
        revs: ``(seconds, hertz)`` points of its firing rate.

    Shape:
        - output: ``(samples,)``
    """
    hz = curve(duration_s, *revs)
    hz *= 1.0 + 0.012 * drift(rng, len(hz), 60.0)
    turns = np.cumsum(hz) / RATE_HZ
    force = 1.0 + 0.1 * rng.standard_normal(int(turns[-1]) + 1)
    harmonics = np.arange(1.0, 0.43 * RATE_HZ / hz.max())
    table = cycle(harmonics**-0.3 * rng.uniform(0.5, 1.0, len(harmonics)))
    firing = levelled(tone(hz, table)) * force[turns.astype(np.int64)]
    blast = np.exp(-4.0 * (turns % 1.0))
    gas = noise(rng, len(hz), tilt(-3.0, 150.0, 9_000.0)) * (0.3 + blast)
    muffler = (
        (190.0, 160.0, 1.0),
        (620.0, 300.0, 0.7),
        (1_500.0, 600.0, 0.7),
        (3_100.0, 1_400.0, 0.65),
        (6_500.0, 3_500.0, 0.4),
    )
    exhaust = levelled(moving(np.tanh(firing + 0.24 * gas), resonances(steady(muffler))))
    tearing = noise(rng, len(hz), tilt(-1.0, 700.0, 12_000.0)) * (0.4 + 1.2 * blast)
    dry = exhaust + 0.5 * tearing * np.minimum((hz / 150.0) ** 2, 1.0)
    return dry + 0.12 * convolved(dry, room(rng, 0.4)[0])


def _strike(rng: np.random.Generator, lowest_hz: float, case_hz: float) -> Samples:
    """One strike of a clock, ``(samples,)``: a click, the wheel's short modes, and the case that rings longer."""
    hz = lowest_hz * np.array([1.0, 1.52, 2.1, 2.9, 3.7]) * rng.uniform(0.97, 1.03, 5)
    decay_s = 0.006 * (lowest_hz / hz) ** 0.4 * rng.uniform(0.7, 1.3, 5)
    wheel = ringing(hz, decay_s, rng.uniform(0.5, 1.0, 5), 0.12)
    case_decay_s = np.array([0.02, 0.014, 0.01])
    case = ringing(case_hz * np.array([1.0, 1.8, 2.7]), case_decay_s, np.array([1.0, 0.8, 0.6]), 0.12)
    t = times(0.12)
    return wheel + 0.6 * case + 1.5 * rng.standard_normal(len(t)) * np.exp(-t / 0.0006)


def _thump() -> Samples:
    """The pressure wave of one blade, ``(samples,)``: two damped low tones."""
    hz, decay_s = np.array([55.0, 115.0]), np.array([0.025, 0.014])
    return ringing(hz, decay_s, np.array([1.0, 0.7]), 0.12)
