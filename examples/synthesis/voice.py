"""Synthesises voices of people and animals: a source of pulses and breath, filtered by moving resonances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .filters import HOP, band, moving, moving_hz, noise
from .signal import RATE_HZ, Samples, cycle, drift, levelled, tone

Tract: TypeAlias = tuple[tuple[float, float, float], ...]


_CEILING_HZ = np.float32(11_000.0)


@dataclass(frozen=True)
class Source:
    """The source that drives a vocal tract.

    Attributes:
        slope: how fast harmonics weaken; harmonic ``k`` has amplitude ``k ** -slope``.
        jitter: spread of the pitch from one moment to the next, as a share of it.
        breath: level of the noise that comes with the pulses.
        rough: depth of the amplitude's fast random changes, which make a voice hoarse.
    """

    slope: float = 1.0
    jitter: float = 0.004
    breath: float = 0.05
    rough: float = 0.05


def spoken(rng: np.random.Generator, hz: Samples, level: Samples, tract: Samples, source: Source) -> Samples:
    """A voice: glottal pulses at ``hz`` and breath, through a vocal tract.

    Shape:
        - hz, level: ``(samples,)``; pitch in hertz and amplitude
        - tract: ``(frames, formants, 3)`` of ``steady`` or ``gliding``: frequency, bandwidth (hertz) and amplitude
        - output: ``(samples,)``, peak near ``level``
    """
    pitch = hz * (1.0 + source.jitter * drift(rng, len(hz), 90.0))
    table = glottis(float(hz.max()), source.slope)
    pulses = tone(pitch, table) * (1.0 + source.rough * drift(rng, len(hz), 60.0))
    breath = noise(rng, len(hz), band(500.0, 9_000.0, 1)) * (0.6 + 0.4 * tone(pitch, cycle(np.ones(1)), 0.25))
    driven = (pulses + source.breath * breath) * level
    return moving(driven, resonances(tract))


def whispered(rng: np.random.Generator, level: Samples, tract: Samples) -> Samples:
    """Breath alone through a vocal tract, shapes as in ``spoken``."""
    return moving(noise(rng, len(level), band(300.0, 12_000.0, 1)) * level, resonances(tract))


def glottis(highest_hz: float, slope: float) -> Samples:
    """One period of a glottal source whose harmonics stay below the Nyquist frequency, unit RMS; see ``cycle``."""
    harmonics = np.arange(1.0, max(2.0, 0.47 * RATE_HZ / highest_hz))
    return levelled(cycle(harmonics**-slope))


def steady(tract: Tract) -> Samples:
    """A constant tract, for ``spoken``: one frame for all, shape ``(1, formants, 3)``."""
    return np.array([tract])


def gliding(samples: int, *points: tuple[float, Tract]) -> Samples:
    """A tract interpolated linearly between ``(seconds, tract)`` points, shape ``(frames, formants, 3)``."""
    at = np.array([second for second, _ in points])
    tracts = np.array([tract for _, tract in points])
    frames = np.arange(samples // HOP + 2) * HOP / RATE_HZ
    flat = tracts.reshape(len(points), -1)
    moved = np.stack([np.interp(frames, at, column) for column in flat.T], axis=1)
    return moved.reshape(len(frames), *tracts.shape[1:])


def resonances(tract: Samples) -> NDArray[np.complex64]:
    """The complex gain of resonances in parallel, their signs alternating so that none cancels its neighbour.

    Shape:
        - tract: ``(frames, formants, 3)``
        - output: ``(frames, 513)``, at ``moving_hz``
    """
    hz = moving_hz().astype(np.float32)
    total = np.zeros((len(tract), len(hz)), dtype=np.complex64)
    for index in range(tract.shape[1]):
        centre, width, amplitude = (tract[:, index, field, None].astype(np.float32) for field in range(3))
        away = (hz - centre) * (2.0 / width)
        in_phase = (-amplitude if index % 2 else amplitude) / (1.0 + away * away)
        total.real += in_phase
        total.imag -= in_phase * away
    return total / (1.0 + (hz / _CEILING_HZ) ** 4)
