"""Random performances: a bar that repeats with human timing under a progression, and where its beats are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from music_fitting.figures import METRES, Metre, Note, drum_bar, tonal_bar
from music_fitting.instruments import RATE_HZ, Rng, Samples, bass, kit, pad, pluck

_LIKELY = (0.4, 0.22, 0.22, 0.04, 0.12)
_TEMPOS_BPM = {
    "4/4": (60.0, 182.0),
    "3/4": (70.0, 212.0),
    "6/8": (45.0, 118.0),
    "12/8": (50.0, 110.0),
    "5/4": (60.0, 182.0),
}
_SWUNG = {"4/4": 0.3, "3/4": 0.15, "5/4": 0.15}
_SCALE = (0, 2, 4, 5, 7, 9, 11)
_DEGREES = (0, 3, 4, 5, 1)


@dataclass(frozen=True)
class Performance:
    """A performance.

    Shape:
        - samples: ``(samples,)``, float32 at 22,050 Hz
        - beats_s, bars_s: ``(beats,)`` and ``(bars,)``
    """

    samples: np.ndarray[tuple[int], np.dtype[np.float32]]
    metre: Metre
    swung: bool
    bpm: float
    beats_s: Samples
    bars_s: Samples


def perform(seed: int) -> Performance:
    """A performance of 8 to 20 s. The same seed gives the same one."""
    rng = np.random.default_rng(seed)
    metre = METRES[rng.choice(len(METRES), p=_LIKELY)]
    swung = bool(rng.random() < _SWUNG.get(metre.name, 0.0))
    bpm = float(np.exp(rng.uniform(*np.log(_TEMPOS_BPM[metre.name]))))
    duration_s = float(rng.uniform(8.0, 20.0))
    beat_at = _beats(rng, 60.0 / bpm, duration_s + 4.0)
    bars = int(np.searchsorted(beat_at, duration_s)) // metre.beats + 1
    notes = _bar(rng, metre)
    samples = np.zeros(round((duration_s + 6.0) * RATE_HZ))
    player = _Player(rng, beat_at, samples, metre, swung)
    chords = [0, *(int(each) for each in rng.choice(_DEGREES, 3))]
    for index in range(bars):
        player.play(notes, index, chords[index % len(chords)])
    samples = samples[: round(duration_s * RATE_HZ)]
    samples *= 0.6 / max(float(np.abs(samples).max()), 1e-9)
    if rng.random() < 0.4:
        samples += rng.standard_normal(len(samples)) * 10.0 ** (-rng.uniform(35.0, 60.0) / 20.0)
    beats = beat_at[: bars * metre.beats]
    heard = beats < duration_s
    return Performance(
        samples.astype(np.float32), metre, swung, bpm, beats[heard], beats[:: metre.beats][heard[:: metre.beats]]
    )


def _beats(rng: Rng, period_s: float, duration_s: float) -> Samples:
    """Beats by a tempo that wanders by up to 1 or 2 %."""
    count = int(duration_s / period_s * 1.1) + 8
    drift, slow = rng.choice([0.0, 0.0, 0.01, 0.02]), rng.uniform(3.0, 8.0)
    wander = 1.0 + drift * np.sin(np.arange(count) / slow + rng.uniform(0.0, 6.0))
    return float(rng.uniform(0.0, 0.8)) + np.concatenate([[0.0], np.cumsum(period_s * wander)])


def _bar(rng: Rng, metre: Metre) -> list[Note]:
    timbre = rng.integers(4)
    drums = drum_bar(rng, metre) if timbre in (0, 3) else []
    if timbre == 0:
        return drums
    soft = bool(timbre == 2 or (timbre == 3 and rng.random() < 0.5))
    quieter = 0.5 if drums else 1.0
    tonal = tonal_bar(rng, metre, soft=soft)
    return drums + [Note(one.tick, one.voice, quieter * one.force, one.tones, one.length) for one in tonal]


class _Player:
    def __init__(self, rng: Rng, beat_at: Samples, out: Samples, metre: Metre, swung: bool) -> None:
        self._rng, self._beat_at, self._out, self._metre, self._swung = rng, beat_at, out, metre, swung
        self._drums = kit(rng)
        self._root = int(rng.integers(48, 60))
        self._jitter_s = float(rng.choice([0.0, 0.004, 0.008, 0.012]))
        self._uneven = float(rng.choice([0.05, 0.15]))
        self._attack_s = float(rng.uniform(0.02, 0.1))

    def play(self, notes: list[Note], bar: int, degree: int) -> None:
        """Plays a bar; in one of ten, a third of the drums is left out."""
        thinned = self._rng.random() < 0.1
        for note in notes:
            if thinned and not note.tones and self._rng.random() < 0.3:
                continue
            at_s = self._time(bar, note.tick) + self._jitter_s * self._rng.standard_normal()
            force = note.force * (1.0 + self._uneven * self._rng.standard_normal())
            for sound in self._sounds(note, degree, bar):
                self._put(at_s, force * sound)

    def _time(self, bar: int, tick: float) -> float:
        divisions = self._metre.divisions
        beat, within = divmod(tick, divisions)
        if self._swung:
            within = within * 4.0 / 3.0 if within <= 1.0 else 2.0 - (2.0 - within) * 2.0 / 3.0
        return float(
            np.interp(bar * self._metre.beats + beat + within / divisions, np.arange(len(self._beat_at)), self._beat_at)
        )

    def _sounds(self, note: Note, degree: int, bar: int) -> list[Samples]:
        if not note.tones:
            return [self._drums[note.voice]]
        length_s = self._time(bar, note.tick + note.length) - self._time(bar, note.tick)
        make: dict[str, Callable[[float], Samples]] = {
            "pluck": lambda pitch: pluck(pitch + 12, float(np.clip(1.5 * length_s, 0.15, 0.8))),
            "pad": lambda pitch: pad(pitch, max(0.15, length_s) + 0.05, self._attack_s),
            "bass": lambda pitch: bass(pitch - 12, float(np.clip(length_s, 0.1, 2.0))),
        }
        share = len(note.tones) ** -0.5
        return [share * make[note.voice](self._pitch(degree + 2 * tone)) for tone in note.tones]

    def _pitch(self, step: int) -> int:
        return self._root + _SCALE[step % 7] + 12 * (step // 7)

    def _put(self, at_s: float, sound: Samples) -> None:
        start = round(max(0.0, at_s) * RATE_HZ)
        end = min(len(self._out), start + len(sound))
        if start < end:
            self._out[start:end] += sound[: end - start]
