"""Synthesised scenes: sources arranged in time, with a room and a background.

A network that classifies these learns edges, slopes, combs and beats, which real sounds have too. Pre-training on them
helps where recordings are few (compare Kataoka et al., 2020, arXiv 2101.08515, for images).
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.random import Generator
from scipy.signal import fftconvolve

from phonoscope_training.synthesis.sources import RATE_HZ, SOURCES, Samples, interpolate, resonant

LENGTH_S = 5
_LENGTH = LENGTH_S * RATE_HZ
_SHORTEST = 200
_BANDS_HZ = {"low": (60.0, 350.0), "mid": (350.0, 1_600.0), "high": (1_600.0, 8_000.0)}
_PATTERNS = ("once", "few", "slow", "fast", "steady")
_DECAYING = ("chime", "click")
"""Sources that decay by themselves; they are repeated to fill a scene."""

LABELS = ["_".join(parts) for parts in product(SOURCES, _PATTERNS, _BANDS_HZ)]
"""The labels, each ``<source>_<pattern>_<band>``."""


def scene(label: str, rng: Generator) -> Samples:
    """A recording of 5 s for one of ``LABELS``.

    Shape:
        - output: ``(220_500,)``, float64 in [-0.9, 0.9], at 44,100 Hz
    """
    source, pattern, band = label.split("_")
    low_hz, high_hz = _BANDS_HZ[band]
    total = np.zeros(_LENGTH)
    alike, event = _likely(rng, 0.6), np.zeros(0)
    for start, wanted in _events(rng, pattern, decaying=source in _DECAYING):
        length = min(wanted, _LENGTH - start)
        if length < _SHORTEST:
            continue
        if not alike or len(event) < length:
            middle_hz = float(np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))))
            event = SOURCES[source](rng, middle_hz, length)
            event *= 1.0 if source in _DECAYING else _envelope(rng, length, steady=pattern == "steady")
            event /= np.abs(event).max() + 1e-9
        total[start : start + length] += event[:length] * rng.uniform(0.5, 1.0)
    return _recorded(rng, total)


def _events(rng: Generator, pattern: str, *, decaying: bool) -> list[tuple[int, int]]:
    """The start and length of each event, in samples."""
    if pattern == "steady" and not decaying:
        return [(0, _LENGTH)]
    if pattern in {"once", "few"}:
        count, longest = (1, 1.5) if pattern == "once" else (int(rng.integers(2, 6)), 0.7)
        lengths = [int(RATE_HZ * rng.uniform(0.08, longest)) for _ in range(count)]
        return [(int(rng.integers(0, _LENGTH - length)), length) for length in lengths]
    slowest, quickest = {"slow": (0.8, 3.0), "fast": (4.0, 12.0), "steady": (14.0, 40.0)}[pattern]
    gap, uneven = RATE_HZ / rng.uniform(slowest, quickest), rng.uniform(0.0, 0.08)
    if pattern == "steady":
        starts = np.sort(rng.integers(0, _LENGTH, int(_LENGTH / gap)))
    else:
        first = rng.uniform(0.0, 1.5) * RATE_HZ
        last = _LENGTH if _likely(rng, 0.6) else rng.uniform(2.5, LENGTH_S) * RATE_HZ
        steps = gap * np.maximum(0.2, 1.0 + rng.normal(0.0, uneven, int((last - first) / gap)))
        starts = (first + np.cumsum(steps) - steps[:1].sum()).astype(int)
    length = int(gap * rng.uniform(0.2, 0.9)) if pattern != "steady" else int(0.3 * RATE_HZ)
    return [(int(start), length) for start in starts if start < _LENGTH]


def _envelope(rng: Generator, length: int, *, steady: bool) -> Samples:
    """A random envelope: slowly varying if steady, else struck, swelling, or held."""
    at = np.linspace(0.0, 1.0, length)
    if steady:
        return interpolate(rng.uniform(0.3, 1.0, 8), length)
    kind = int(rng.integers(3))
    if kind == 0:
        attack = min(length, max(1, round(RATE_HZ * rng.uniform(0.001, 0.01))))
        struck: Samples = np.exp(-at * rng.uniform(3.0, 9.0))
        struck[:attack] *= np.linspace(0.0, 1.0, attack)
        return struck
    if kind == 1:
        peak = rng.uniform(0.2, 0.8)
        swelling: Samples = np.where(at < peak, at / peak, (1.0 - at) / (1.0 - peak)) ** rng.uniform(0.5, 2.0)
        return swelling
    edge = rng.uniform(0.02, 0.2)
    return np.minimum(1.0, np.minimum(at, 1.0 - at) / edge)


def _recorded(rng: Generator, samples: Samples) -> Samples:
    """Adds, each with some probability, a room, a background, and padding with silence."""
    if _likely(rng, 0.5):
        time_s = np.arange(int(RATE_HZ * rng.uniform(0.1, 1.0))) / RATE_HZ
        room = rng.standard_normal(len(time_s)) * np.exp(-6.9 * time_s / time_s[-1])
        room[0] = rng.uniform(3.0, 15.0)
        samples = fftconvolve(samples, room)[:_LENGTH]
    samples = samples / (np.abs(samples).max() + 1e-9)
    if _likely(rng, 0.7):
        middle_hz = float(np.exp(rng.uniform(4.0, 9.0)))
        background = resonant(rng, rng.standard_normal(_LENGTH), middle_hz, rng.uniform(1.0, 4.0))
        samples = samples + background / background.std() * 10.0 ** (rng.uniform(-70.0, -20.0) / 20.0)
    if _likely(rng, 0.3):
        samples[int(RATE_HZ * rng.uniform(2.5, LENGTH_S)) :] = 0.0
    loudest: Samples = samples / (np.abs(samples).max() + 1e-9) * 0.9
    return loudest


def _likely(rng: Generator, share: float) -> bool:
    return rng.random() < share
