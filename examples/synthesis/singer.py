"""Synthesises the song's voice: syllables with consonants, glides and vibrato."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .filters import band, noise
from .signal import RATE_HZ, Samples, count, faded, placed
from .voice import Source, Tract, gliding, spoken

_VOWELS: dict[str, Tract] = {
    "a": (
        (820.0, 110.0, 1.0),
        (1_250.0, 120.0, 0.6),
        (2_800.0, 180.0, 0.28),
        (3_700.0, 260.0, 0.22),
        (4_900.0, 350.0, 0.12),
    ),
    "e": (
        (500.0, 90.0, 1.0),
        (1_950.0, 130.0, 0.45),
        (2_750.0, 180.0, 0.32),
        (3_700.0, 260.0, 0.20),
        (4_950.0, 350.0, 0.12),
    ),
    "i": (
        (360.0, 80.0, 1.0),
        (2_350.0, 140.0, 0.35),
        (3_000.0, 190.0, 0.32),
        (3_800.0, 270.0, 0.20),
        (5_000.0, 350.0, 0.12),
    ),
    "o": (
        (520.0, 90.0, 1.0),
        (900.0, 110.0, 0.5),
        (2_650.0, 180.0, 0.14),
        (3_500.0, 260.0, 0.12),
        (4_700.0, 350.0, 0.06),
    ),
    "u": (
        (370.0, 80.0, 1.0),
        (800.0, 110.0, 0.3),
        (2_500.0, 180.0, 0.10),
        (3_400.0, 260.0, 0.08),
        (4_600.0, 350.0, 0.04),
    ),
}
_HUM: Tract = (
    (280.0, 90.0, 0.8),
    (1_150.0, 250.0, 0.12),
    (2_300.0, 300.0, 0.06),
    (3_300.0, 400.0, 0.03),
    (4_500.0, 500.0, 0.02),
)
_LATERAL: Tract = (
    (360.0, 90.0, 0.8),
    (1_350.0, 220.0, 0.2),
    (2_700.0, 260.0, 0.12),
    (3_500.0, 400.0, 0.06),
    (4_700.0, 500.0, 0.04),
)

# Band in hertz, length in seconds and level of the noise of each unvoiced consonant.
_HISSES = {"s": (5_500.0, 9_500.0, 0.11, 0.16), "sh": (2_300.0, 6_000.0, 0.12, 0.2), "t": (2_500.0, 7_000.0, 0.03, 0.3)}
_VOICED = {"l": _LATERAL, "n": _HUM, "m": _HUM}
_ONSET_S = 0.07
_GLIDE_S = 0.06


@dataclass(frozen=True)
class Note:
    """A sung note: its beat, length in beats, MIDI note and syllable (a consonant or none, then one vowel)."""

    beat: float
    beats: float
    note: int
    syllable: str

    @property
    def consonant(self) -> str:
        return self.syllable[:-1]

    @property
    def vowel(self) -> str:
        return self.syllable[-1]


def sung(rng: np.random.Generator, notes: tuple[Note, ...], beat: int, samples: int) -> Samples:
    """The melody as one voice.

    Args:
        rng: the random generator, for breath and unevenness.
        notes: in order, none overlapping.
        beat: samples in a beat.
        samples: the song's length.

    Shape:
        - output: ``(samples,)``
    """
    hz, level = _pitch(notes, beat, samples), _level(notes, beat, samples)
    voice = spoken(rng, hz, level, _tract(notes, beat, samples), Source(slope=1.05, jitter=0.003, breath=0.09))
    hisses = [
        (_start(note, beat) - _HISSES[note.consonant][2], _hiss(rng, note.consonant))
        for note in notes
        if note.consonant in _HISSES
    ]
    return voice + placed(samples, hisses)


def _start(note: Note, beat: int) -> float:
    return note.beat * beat / RATE_HZ


def _end(note: Note, beat: int) -> float:
    return (note.beat + note.beats) * beat / RATE_HZ


def _pitch(notes: tuple[Note, ...], beat: int, samples: int) -> Samples:
    """The pitch in hertz: steps with short glides, each note starting a little below; vibrato grows in long notes."""
    at, height = [0.0], [float(notes[0].note)]
    for note in notes:
        start = _start(note, beat)
        at += [start - _GLIDE_S / 2, start + _GLIDE_S / 2, start + 0.14, _end(note, beat) - _GLIDE_S / 2]
        height += [height[-1], note.note - 0.35, note.note, note.note]
    t = np.arange(samples) / RATE_HZ
    depth = _along(t, [point for note in notes for point in _vibrato(note, beat)])
    semitones = np.interp(t, at, height) + depth * np.sin(2 * np.pi * 5.6 * t)
    return 440.0 * 2.0 ** ((semitones - 69.0) / 12.0)


def _vibrato(note: Note, beat: int) -> list[tuple[float, float]]:
    start, end = _start(note, beat), _end(note, beat)
    return [(start, 0.0), (min(start + 0.22, end), 0.04), (max(min(start + 0.55, end), start + 0.23), 0.32), (end, 0.2)]


def _level(notes: tuple[Note, ...], beat: int, samples: int) -> Samples:
    """Amplitude, 0 to 1: a voiced consonant hums on from the note before it, any other lets the voice fall silent."""
    points: list[tuple[float, float]] = []
    ended = 0.0
    for note in notes:
        start, end = _start(note, beat), _end(note, beat)
        voiced = note.consonant in _VOICED
        if not voiced or start - ended > _ONSET_S:
            points += [(ended - 0.02, 0.0), (start - (_ONSET_S if voiced else 0.005), 0.0)]
        points += [(start - 0.6 * _ONSET_S, 0.35), (start, 0.4)] if voiced else []
        points += [(start + 0.05, 0.9), ((start + end) / 2, 1.0), (end - 0.12, 0.85), (end - _ONSET_S, 0.35)]
        ended = end
    return _along(np.arange(samples) / RATE_HZ, [*points, (ended, 0.0)])


def _tract(notes: tuple[Note, ...], beat: int, samples: int) -> Samples:
    points: list[tuple[float, Tract]] = []
    for note in notes:
        start, end, vowel = _start(note, beat), _end(note, beat), _VOWELS[note.vowel]
        if note.consonant in _VOICED:
            points += [(start - 0.8 * _ONSET_S, _VOICED[note.consonant]), (start - 0.01, _VOICED[note.consonant])]
        points += [(start + 0.04, vowel), (end - 1.2 * _ONSET_S, vowel)]
    return gliding(samples, *points)


def _along(t: Samples, points: list[tuple[float, float]]) -> Samples:
    """Interpolates linearly between ``(seconds, value)`` points; a point that comes too early is moved after those
    before it.
    """
    at, values = zip(*points, strict=True)
    line: Samples = np.interp(t, np.maximum.accumulate(at), values)
    return line


def _hiss(rng: np.random.Generator, consonant: str) -> Samples:
    low_hz, high_hz, length_s, level = _HISSES[consonant]
    attack_s = 0.001 if consonant == "t" else 0.4 * length_s
    return level * faded(noise(rng, count(length_s), band(low_hz, high_hz)), attack_s, 0.5 * length_s)
