"""Synthesises a drum kit and its part of the song: a disco beat, with a kick on each beat and open hats between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .filters import band, noise
from .signal import RATE_HZ, Samples, ringing, scattered, times

_KICKS = (0, 4, 8, 12)
_SNARES = {"light": (), "verse": (4, 12), "chorus": (4, 12), "fill": (4, 10, 11)}
_FILL = ((12, "high_tom"), (13, "high_tom"), (14, "low_tom"), (15, "snare"))


@dataclass(frozen=True)
class Hit:
    """A stroke: the drum, the sixteenth of the song, and the force from 0 to 1."""

    drum: str
    step: int
    force: float


def drum_part(rng: np.random.Generator, bars: tuple[str, ...], step: int, samples: int) -> Samples:
    """The whole kit over the song: bars are ``light``, ``verse``, ``chorus``, a ``-fill`` suffix ends one with toms.

    Args:
        rng: the random generator, for noise and uneven strokes.
        bars: the style of each bar of 16 steps.
        step: samples in a sixteenth.
        samples: the song's length.

    Shape:
        - output: ``(2, samples)``
    """
    hits = score(bars)
    out = np.zeros((2, samples))
    for drum, (sound, pan) in kit(rng).items():
        played = [hit for hit in hits if hit.drum == drum]
        late = np.abs(rng.normal(0.0, 0.002, len(played))) * RATE_HZ
        starts = np.array([hit.step * step for hit in played]) + late.astype(np.int64)
        force = np.array([hit.force for hit in played]) * rng.uniform(0.9, 1.05, len(played))
        line = scattered(samples, starts, force[:, None] * sound)
        out[0] += np.sqrt(2.0) * np.cos(pan) * line
        out[1] += np.sqrt(2.0) * np.sin(pan) * line
    return out


def score(bars: tuple[str, ...]) -> list[Hit]:
    """Every stroke of the song; one last crash and kick fall on the bar after the end."""
    hits = [hit for bar, style in enumerate(bars) for hit in _bar(style, 16 * bar)]
    end = 16 * len(bars)
    hits += [Hit("crash", 16 * bar, 0.8) for bar in range(1, len(bars)) if bars[bar - 1].endswith("-fill")]
    return [*hits, Hit("kick", end, 1.0), Hit("crash", end, 0.9)]


def _bar(style: str, first: int) -> list[Hit]:
    base, _, ending = style.partition("-")
    hits = [Hit("kick", first + step, 1.0) for step in _KICKS]
    snares = _SNARES["fill" if ending else base]
    hits += [Hit("snare", first + step, 0.95 if step % 4 == 0 else 0.55) for step in snares]
    last = 12 if ending else 16
    hits += [Hit("open_hat", first + step, 0.8) for step in range(2, last, 4)]
    hits += [Hit("hat", first + step, 0.5 if step % 4 == 0 else 0.3) for step in range(last) if step % 4 != 2]
    return hits + ([Hit(drum, first + step, 0.7) for step, drum in _FILL] if ending else [])


def kit(rng: np.random.Generator) -> dict[str, tuple[Samples, float]]:
    """Each drum as ``(samples,)`` and its pan: an angle from 0, left, to a quarter turn, right."""
    middle = np.pi / 4
    return {
        "kick": (_kick(rng), middle),
        "snare": (0.62 * _snare(rng), middle + 0.06),
        "hat": (0.20 * _metal(rng, 0.035, 0.15), middle + 0.25),
        "open_hat": (0.20 * _metal(rng, 0.16, 0.45), middle + 0.25),
        "crash": (0.24 * _metal(rng, 0.6, 1.9), middle - 0.3),
        "high_tom": (0.7 * _tom(rng, 165.0), middle - 0.2),
        "low_tom": (0.75 * _tom(rng, 105.0), middle + 0.2),
    }


def _kick(rng: np.random.Generator) -> Samples:
    t = times(0.42)
    hz = 46.0 + 110.0 * np.exp(-t / 0.028) + 190.0 * np.exp(-t / 0.004)
    body = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t / 0.13)
    beater = noise(rng, len(t), band(1_500.0, 6_000.0)) * np.exp(-t / 0.004)
    return np.tanh(1.5 * body + 0.12 * beater) * np.minimum((0.42 - t) / 0.05, 1.0)


def _snare(rng: np.random.Generator) -> Samples:
    t = times(0.34)
    shell = ringing(np.array([187.0, 331.0, 482.0]), np.array([0.07, 0.05, 0.03]), np.array([0.8, 0.5, 0.25]), 0.34)
    wires = noise(rng, len(t), band(1_300.0, 9_000.0, 1)) * (0.75 * np.exp(-t / 0.065) + 0.25 * np.exp(-t / 0.012))
    return np.tanh(shell + 0.75 * wires) * np.minimum((0.34 - t) / 0.05, 1.0)


def _metal(rng: np.random.Generator, decay_s: float, length_s: float) -> Samples:
    """A cymbal: inharmonic modes among dense hiss, both dying, the hiss faster."""
    t = times(length_s)
    hz = rng.uniform(2_600.0, 13_000.0, 20)
    modes = ringing(hz, decay_s * rng.uniform(0.5, 1.2, 20), rng.uniform(0.05, 0.15, 20), length_s)
    hiss = noise(rng, len(t), band(5_500.0, 14_000.0)) * np.exp(-t / (0.8 * decay_s))
    return (modes + 0.9 * hiss) * np.minimum((length_s - t) / (0.2 * length_s), 1.0)


def _tom(rng: np.random.Generator, hz: float) -> Samples:
    t = times(0.36)
    bent = hz * (1.0 + 0.35 * np.exp(-t / 0.03))
    skin = noise(rng, len(t), band(200.0, 3_000.0, 1)) * np.exp(-t / 0.02)
    drum = np.sin(2 * np.pi * np.cumsum(bent) / RATE_HZ) * np.exp(-t / 0.12)
    return (0.9 * drum + 0.2 * skin) * np.minimum((0.36 - t) / 0.05, 1.0)
