"""Drums and pitched instruments, at 22,050 Hz. Every function gives ``(samples,)``, float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Rng = np.random.Generator

RATE_HZ = 22_050
DRUMS = ("kick", "snare", "clap", "rim", "tom", "hat", "open_hat")


def times(duration_s: float) -> Samples:
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def kit(rng: Rng) -> dict[str, Samples]:
    """A drum kit of its own sound."""
    makers: dict[str, Callable[[Rng], Samples]] = {
        "kick": _kick,
        "snare": _snare,
        "clap": _clap,
        "rim": _rim,
        "tom": _tom,
        "hat": lambda rng: 0.25 * _hiss(rng, 0.08, 0.02),
        "open_hat": lambda rng: 0.22 * _hiss(rng, 0.3, 0.12),
    }
    return {name: makers[name](rng) for name in DRUMS}


def pluck(note: float, length_s: float) -> Samples:
    """A struck string of eight harmonics, the higher the sooner gone."""
    t, harmonics = times(length_s), np.arange(1, 9)[:, None]
    partials = 0.6 ** (harmonics - 1) * np.sin(2.0 * np.pi * hertz(note) * harmonics * t)
    sound: Samples = (partials * np.exp(-t * (2.0 + 1.5 * harmonics))).sum(axis=0)
    return 0.35 * sound * _ends(t, 0.003, 0.009)


def pad(note: float, length_s: float, attack_s: float) -> Samples:
    """A sustained tone with a soft attack."""
    t, harmonics = times(length_s), np.arange(1, 6)[:, None]
    sound: Samples = (0.5 ** (harmonics - 1) * np.sin(2.0 * np.pi * hertz(note) * harmonics * t + harmonics)).sum(
        axis=0
    )
    return 0.25 * sound * np.exp(-0.6 * t) * _ends(t, attack_s, 0.05)


def bass(note: float, length_s: float) -> Samples:
    t, harmonics = times(length_s), np.arange(1, 7)[:, None]
    sound: Samples = (0.6 ** (harmonics - 1) * np.sin(2.0 * np.pi * hertz(note) * harmonics * t)).sum(axis=0)
    return 0.5 * sound * np.exp(-2.0 * t) * _ends(t, 0.005, 0.03)


def hertz(note: float) -> float:
    """The frequency of a MIDI note number."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def _ends(t: Samples, attack_s: float, release_s: float) -> Samples:
    found: Samples = np.minimum(1.0, t / attack_s) * np.minimum(1.0, (t[-1] - t) / release_s)
    return found


def _kick(rng: Rng) -> Samples:
    t = times(0.3)
    hz = 45.0 + rng.uniform(60.0, 150.0) * np.exp(-t / 0.03)
    return np.sin(2.0 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t / 0.09)


def _snare(rng: Rng) -> Samples:
    t = times(0.25)
    shell = np.sin(2.0 * np.pi * rng.uniform(170.0, 220.0) * t) * np.exp(-t / 0.05)
    wires = _treble(rng.standard_normal(len(t))) * np.exp(-t / 0.06)
    return 0.35 * (shell + wires)


def _clap(rng: Rng) -> Samples:
    t = times(0.2)
    hands = sum(np.where(t >= at, np.exp(-np.maximum(t - at, 0.0) / 0.03), 0.0) for at in (0.0, 0.01, 0.02))
    return 0.2 * rng.standard_normal(len(t)) * hands


def _rim(rng: Rng) -> Samples:
    t = times(0.06)
    return 0.6 * np.sin(2.0 * np.pi * rng.uniform(1_500.0, 1_900.0) * t) * np.exp(-t / 0.01)


def _tom(rng: Rng) -> Samples:
    t = times(0.3)
    hz = rng.uniform(90.0, 130.0) + 50.0 * np.exp(-t / 0.05)
    return 0.7 * np.sin(2.0 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t / 0.12)


def _hiss(rng: Rng, length_s: float, decay_s: float) -> Samples:
    t = times(length_s)
    return _treble(_treble(rng.standard_normal(len(t)))) * np.exp(-t / decay_s)


def _treble(signal: Samples) -> Samples:
    return np.append(signal[0], signal[1:] - 0.95 * signal[:-1])
