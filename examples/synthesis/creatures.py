"""Synthesises a dog, a baby, a rooster and a sneeze: voices with a gliding pitch and formants."""

from __future__ import annotations

import numpy as np

from .filters import band, convolved, noise, room, tilt
from .signal import Samples, count, curve, placed, times
from .voice import Source, Tract, gliding, spoken, steady, whispered

_CRY: Tract = (
    (1_050.0, 260.0, 1.0),
    (2_300.0, 420.0, 0.5),
    (3_700.0, 500.0, 0.6),
    (5_900.0, 900.0, 0.35),
    (8_400.0, 1_300.0, 0.2),
)
_CLOSED: Tract = (
    (620.0, 180.0, 1.0),
    (1_500.0, 350.0, 0.35),
    (3_300.0, 500.0, 0.2),
    (5_200.0, 900.0, 0.1),
    (8_000.0, 1_300.0, 0.03),
)
_CROW: Tract = (
    (900.0, 350.0, 0.8),
    (1_700.0, 450.0, 1.0),
    (2_500.0, 500.0, 0.25),
    (4_500.0, 900.0, 0.03),
    (7_000.0, 1_400.0, 0.01),
)


def dog(
    rng: np.random.Generator, duration_s: float, *, barks: tuple[float, ...], hz: float = 580.0, size: float = 1.0
) -> Samples:
    """A dog: short hoarse barks whose pitch leaps up and falls, in a yard.

    Args:
        rng: the random generator.
        duration_s: seconds.
        barks: the second of each bark.
        hz: the highest pitch of a bark.
        size: length of the vocal tract, relative to an average dog's.

    Shape:
        - output: ``(samples,)``
    """
    samples = count(duration_s)
    parts = [(at_s, _bark(rng, hz * rng.uniform(0.93, 1.07), size)) for at_s in barks]
    return _outdoors(rng, placed(samples, parts), echo=0.22, hush=0.0006)


def baby(rng: np.random.Generator, duration_s: float, *, cries: tuple[tuple[float, float, float], ...]) -> Samples:
    """A crying baby: wails with a rising and falling pitch, each ended by a gasp.

    Args:
        rng: the random generator.
        duration_s: seconds.
        cries: ``(second, duration in seconds, highest hertz)`` of each wail.

    Shape:
        - output: ``(samples,)``
    """
    parts: list[tuple[float, Samples]] = []
    for at_s, length_s, hz in cries:
        parts.append((at_s, _wail(rng, length_s, hz)))
        parts.append((at_s + length_s + 0.04, 0.10 * _gasp(rng, 0.22)))
    dry = placed(count(duration_s), parts)
    return dry + 0.12 * convolved(dry, room(rng, 0.4)[0]) + 0.0008 * noise(rng, len(dry), tilt(-5.0, 40.0, 8_000.0))


def rooster(rng: np.random.Generator, duration_s: float, *, at_s: float = 0.4, hz: float = 900.0) -> Samples:
    """A rooster's crow: two short calls, a long high one, and a longer one with a falling pitch.

    Args:
        rng: the random generator.
        duration_s: seconds.
        at_s: the second of its start.
        hz: the highest pitch.

    Shape:
        - output: ``(samples,)``
    """
    syllables = (
        (0.0, 0.22, (0.60, 0.72, 0.66), 0.6),
        (0.30, 0.16, (0.72, 0.82, 0.76), 0.75),
        (0.52, 0.52, (0.80, 1.0, 0.96), 1.0),
        (1.10, 1.10, (0.97, 0.88, 0.52), 0.95),
    )
    parts = [
        (at_s + start_s, level * _call(rng, length_s, hz * np.array(bend)))
        for start_s, length_s, bend, level in syllables
    ]
    return _outdoors(rng, placed(count(duration_s), parts), echo=0.16, hush=0.0012)


def sneeze(rng: np.random.Generator, duration_s: float, *, at_s: float = 0.5, hz: float = 260.0) -> Samples:
    """A sneeze: a drawn breath that catches the voice, a stop, the burst, and the voice let go.

    Args:
        rng: the random generator.
        duration_s: seconds.
        at_s: the second of the breath.
        hz: the voice's pitch.

    Shape:
        - output: ``(samples,)``
    """
    parts = [(at_s, 0.16 * _drawn(rng, hz)), (at_s + 0.50, _burst(rng)), (at_s + 0.60, 0.55 * _let_go(rng, hz))]
    dry = placed(count(duration_s), parts)
    return dry + 0.22 * convolved(dry, room(rng, 0.45)[0]) + 0.0005 * noise(rng, len(dry), tilt(-5.0, 40.0, 8_000.0))


def _bark(rng: np.random.Generator, hz: float, size: float) -> Samples:
    length_s = 0.16 * size**0.3
    samples = count(length_s)
    pitch = curve(length_s, (0.0, 0.55 * hz), (0.035, hz), (0.09, 0.96 * hz), (length_s, 0.7 * hz))
    level = curve(length_s, (0.0, 0.0), (0.012, 0.8), (0.05, 1.0), (0.10, 0.7), (length_s, 0.0))
    closed = _sized(((420.0, 200.0, 0.8), (1_100.0, 300.0, 0.5), (2_500.0, 500.0, 0.2), (4_000.0, 900.0, 0.06)), size)
    opened = _sized(((850.0, 260.0, 1.0), (1_550.0, 350.0, 0.9), (2_900.0, 600.0, 0.4), (4_600.0, 1_200.0, 0.14)), size)
    tract = gliding(samples, (0.0, closed), (0.05, opened), (0.11, opened), (length_s, closed))
    return spoken(rng, pitch, level, tract, Source(slope=1.1, jitter=0.045, breath=0.7, rough=0.5))


def _wail(rng: np.random.Generator, length_s: float, hz: float) -> Samples:
    t = times(length_s)
    arc = curve(length_s, (0.0, 0.70), (0.12, 0.95), (0.4 * length_s, 1.0), (0.8 * length_s, 0.92), (length_s, 0.68))
    pitch = hz * arc * (1.0 + 0.012 * np.sin(2 * np.pi * 6.3 * t + rng.uniform(0.0, 6.0)))
    level = curve(length_s, (0.0, 0.0), (0.06, 0.7), (0.3 * length_s, 1.0), (0.8 * length_s, 0.8), (length_s, 0.0))
    tract = gliding(len(t), (0.0, _CLOSED), (0.15, _CRY), (0.75 * length_s, _CRY), (length_s, _CLOSED))
    return spoken(rng, pitch, level, tract, Source(slope=0.6, jitter=0.006, breath=0.12, rough=0.14))


def _gasp(rng: np.random.Generator, length_s: float) -> Samples:
    level = curve(length_s, (0.0, 0.0), (0.6 * length_s, 1.0), (length_s, 0.0))
    return whispered(rng, level, steady(((1_400.0, 500.0, 1.0), (3_200.0, 900.0, 0.9))))


def _call(rng: np.random.Generator, length_s: float, bend_hz: Samples) -> Samples:
    t = times(length_s)
    first, highest, last = bend_hz
    glide = curve(
        length_s,
        *((0.0, 0.8 * first), (0.04, first), (0.4 * length_s, highest)),
        *((0.75 * length_s, (highest + 2.0 * last) / 3.0), (length_s, 0.9 * last)),
    )
    vibrato = 1.0 + 0.01 * np.sin(2 * np.pi * 9.0 * t) * t / length_s
    level = curve(length_s, (0.0, 0.0), (0.03, 0.9), (0.5 * length_s, 1.0), (0.85 * length_s, 0.7), (length_s, 0.0))
    source = Source(slope=2.0, jitter=0.006, breath=0.12, rough=0.06)
    return spoken(rng, glide * vibrato, level, steady(_CROW), source)


def _drawn(rng: np.random.Generator, hz: float) -> Samples:
    tract: Tract = ((800.0, 180.0, 1.0), (1_300.0, 250.0, 0.6), (2_700.0, 400.0, 0.3))
    level = curve(0.42, (0.0, 0.0), (0.25, 0.5), (0.38, 1.0), (0.42, 0.0))
    pitch = curve(0.42, (0.0, 0.9 * hz), (0.42, 1.5 * hz))
    return spoken(rng, pitch, level, steady(tract), Source(slope=1.1, breath=0.6))


def _burst(rng: np.random.Generator) -> Samples:
    """The burst: broadband hiss whose treble decays first."""
    t = times(0.5)
    attack = np.minimum(t / 0.015, 1.0)
    sharp = noise(rng, len(t), band(2_200.0, 11_000.0)) * np.exp(-t / 0.10)
    wide = noise(rng, len(t), tilt(-3.0, 250.0, 12_000.0)) * np.exp(-t / 0.14)
    return attack * (0.5 * sharp + 0.5 * wide)


def _let_go(rng: np.random.Generator, hz: float) -> Samples:
    first: Tract = ((420.0, 150.0, 0.8), (1_900.0, 300.0, 0.6), (2_900.0, 500.0, 0.4))
    last: Tract = ((380.0, 150.0, 1.0), (850.0, 200.0, 0.5), (2_400.0, 500.0, 0.1))
    level = curve(0.34, (0.0, 0.0), (0.03, 1.0), (0.15, 0.7), (0.34, 0.0))
    pitch = curve(0.34, (0.0, 1.6 * hz), (0.34, 0.75 * hz))
    tract = gliding(len(level), (0.0, first), (0.3, last))
    return spoken(rng, pitch, level, tract, Source(slope=1.0, jitter=0.01, breath=0.7, rough=0.2))


def _sized(tract: Tract, size: float) -> Tract:
    return tuple((hz / size, width / size, amplitude) for hz, width, amplitude in tract)


def _outdoors(rng: np.random.Generator, dry: Samples, echo: float, hush: float) -> Samples:
    air = noise(rng, len(dry), tilt(-6.0, 40.0, 6_000.0))
    return dry + echo * convolved(dry, room(rng, 0.7, distance_s=0.03)[0]) + hush * air
