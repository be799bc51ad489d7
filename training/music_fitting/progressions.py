"""Random progressions of chords in a known key, at 22,050 Hz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_fitting.instruments import RATE_HZ, Rng, Samples, hertz, times

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
"""Major and natural minor, in semitones above the tonic."""

_LOOPS = (
    [
        "0340",
        "0453",
        "0534",
        "0304",
        "140",
        "0514",
        "0234",
        "340",
        "03",
        "0434",
        "0140",
        "4030",
        "0034",
        "0404",
        "0314",
    ],
    ["0340", "0526", "0656", "0654", "140", "03", "0362", "0534", "0263", "0404", "340", "0560", "0304", "560", "0254"],
)
"""Degrees from 0, in major and in minor."""
_DOMINANT, _SEVENTH, _LEADING = 4, 10, 11
_PARTIALS: dict[str, NDArray[np.floating]] = {
    "struck": 0.6 ** np.arange(8),
    "organ": np.array([1.0, 0.7, 0.4, 0.35, 0.0, 0.2, 0.0, 0.1]),
    "saw": 0.7 / np.arange(1, 16),
    "hollow": np.array([1 / h if h % 2 else 0.0 for h in range(1, 16)]),
    "sine": np.ones(1),
    "soft": 0.5 ** np.arange(5),
}


@dataclass(frozen=True)
class Progression:
    """Chords in a key; ``mode`` is 0 for major, ``tonic`` is in semitones above A.

    Shape:
        - samples: ``(samples,)``, float32
    """

    samples: NDArray[np.float32]
    tonic: int
    mode: int


def progression(seed: int) -> Progression:
    """A loop of chords, mostly with a bass and a melody, at times detuned, with drums or noise; 6 to 18 s."""
    rng = np.random.default_rng(seed)
    mode, tonic = int(rng.integers(2)), int(rng.integers(12))
    loop = [int(degree) for degree in rng.choice(_LOOPS[mode])]
    each_s = float(rng.uniform(0.7, 2.2))
    degrees = [*loop] * max(1, round(float(rng.uniform(6.0, 16.0)) / (each_s * len(loop))))
    if rng.random() < 0.35:
        degrees.append(0)
    band = _Band(rng, mode, 48 + (tonic - 3) % 12 - (12 if rng.random() < 0.2 else 0), each_s, len(degrees))
    for index, degree in enumerate(degrees):
        band.play(index, degree)
    samples = band.out * 0.6 / np.abs(band.out).max()
    if rng.random() < 0.3:
        samples = samples + rng.standard_normal(len(samples)) * 10.0 ** (-rng.uniform(30.0, 55.0) / 20.0)
    return Progression(samples.astype(np.float32), tonic, mode)


class _Band:
    def __init__(self, rng: Rng, mode: int, base: int, each_s: float, chords: int) -> None:
        self._rng, self._scale, self._base, self._each_s, self._chords = rng, SCALES[mode], base, each_s, chords
        self.out = np.zeros(round((chords * each_s + 0.25) * RATE_HZ))
        self._cents = float(rng.choice([0.0, 0.0, rng.uniform(-50.0, 50.0), -31.8]))
        timbres = list(_PARTIALS)
        self._timbre, self._low = str(rng.choice(timbres)), str(rng.choice(timbres[:3]))
        self._bass, self._melody, self._drums = rng.random() < 0.75, rng.random() < 0.65, rng.random() < 0.3
        self._sevenths, self._inverted, self._broken = rng.random() < 0.25, rng.random() < 0.3, rng.random() < 0.3
        self._leading = mode == 1 and rng.random() < 0.7

    def play(self, index: int, degree: int) -> None:
        """Plays the chord of a degree, and what goes with it."""
        at_s, tones = index * self._each_s, self._tones(degree)
        down = 12 if degree > _DOMINANT and self._rng.random() < 0.5 else 0
        for voice, tone in enumerate(tones):
            turned = 12 if self._inverted and tone > 7 and self._rng.random() < 0.5 else 0
            wait_s = self._each_s * voice / len(tones) if self._broken else 0.0
            self._put(at_s + wait_s, 0.25, self._base + 12 + tone - down - turned, self._each_s - wait_s, self._timbre)
        if self._bass:
            self._put(at_s, 0.5, self._base - 12 + tones[0] - down, 0.95 * self._each_s, self._low)
        if self._melody:
            self._sing(at_s, tones, last=index == self._chords - 1)
        if self._drums:
            for half in (0.0, 0.5):
                hit = self._rng.standard_normal(2_500) * np.exp(-np.arange(2_500) / 600.0)
                self._add(at_s + half * self._each_s, 0.15 * hit)

    def _tones(self, degree: int) -> list[int]:
        """The chord's tones above the tonic; the dominant of a minor key may have the leading note."""
        steps = [0, 2, 4]
        if self._sevenths and (degree == _DOMINANT or self._rng.random() < 0.5):
            steps.append(6)
        tones = [self._scale[(degree + step) % 7] + 12 * ((degree + step) // 7) for step in steps]
        raised = self._leading and degree == _DOMINANT
        return [tone + 1 if raised and tone % 12 == _SEVENTH else tone for tone in tones]

    def _sing(self, at_s: float, tones: list[int], *, last: bool) -> None:
        """One to four notes, mostly of the chord; the last one is the tonic."""
        count = int(self._rng.integers(1, 5))
        for note in range(count):
            tone = int(self._rng.choice(tones)) if self._rng.random() < 0.55 else int(self._rng.choice(self._scale))
            if last and note == count - 1:
                tone = 0
            elif self._leading and tone % 12 == _SEVENTH and _LEADING in [each % 12 for each in tones]:
                tone += 1
            length_s = self._each_s / count
            self._put(at_s + note * length_s, 0.3, self._base + 24 + tone % 12, 0.95 * length_s, self._timbre)

    def _put(self, at_s: float, force: float, pitch: float, length_s: float, timbre: str) -> None:
        self._add(at_s, force * _note(hertz(pitch + self._cents / 100.0), length_s, timbre))

    def _add(self, at_s: float, sound: Samples) -> None:
        start = round(at_s * RATE_HZ)
        end = min(len(self.out), start + len(sound))
        self.out[start:end] += sound[: end - start]


def _note(hz: float, length_s: float, timbre: str) -> Samples:
    t = times(length_s)
    partials = _PARTIALS[timbre]
    orders = np.arange(1, len(partials) + 1)
    heard = [order for order in orders if hz * order < RATE_HZ / 2]
    decay = 1.0 + 0.8 * orders if timbre == "struck" else np.zeros(len(orders))
    attack_s = 0.15 if timbre == "soft" else 0.008
    sound = np.zeros(len(t))
    for order in heard:
        sound += partials[order - 1] * np.sin(2.0 * np.pi * hz * order * t + order) * np.exp(-decay[order - 1] * t)
    found: Samples = sound * np.minimum(1.0, t / attack_s) * np.minimum(1.0, (length_s - t) / 0.02).clip(0.0)
    return found
