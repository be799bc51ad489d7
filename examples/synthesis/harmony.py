"""Synthesises the song's bass, pads and broken chords."""

from __future__ import annotations

from functools import cache

import numpy as np

from .signal import RATE_HZ, Samples, count, curve, cycle, faded, placed, times, tone

# Eighth of the bar, length in eighths, and which degree: the root, and the octave above between the beats.
_GROOVE = tuple((eighth, 1, "octave" if eighth % 2 else "root") for eighth in range(8))


def hertz(note: float) -> float:
    """The frequency of a MIDI note number; 69 is the A of 440 Hz."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def bass_part(roots: tuple[int, ...], beat: int, samples: int) -> Samples:
    """A plucked bass on each bar's root, the last one held.

    Args:
        roots: a MIDI note for each bar of four beats, and one for the end.
        beat: samples in a beat.
        samples: the song's length.

    Shape:
        - output: ``(2, samples)``, both sides alike
    """
    eighth_s = beat / 2 / RATE_HZ
    parts = [(8 * (len(roots) - 1) * eighth_s, bass_note(roots[-1], 4 * eighth_s))]
    for bar, root in enumerate(roots[:-1]):
        degrees = {"root": root, "octave": root + 12}
        for start, eighths, degree in _GROOVE:
            parts.append(((8 * bar + start) * eighth_s, bass_note(degrees[degree], 0.92 * eighths * eighth_s)))
    return np.tile(placed(samples, parts), (2, 1))


def pad_part(chords: tuple[tuple[int, ...], ...], beat: int, samples: int) -> Samples:
    """Sustained chords, wide because the two channels are slightly detuned.

    Args:
        chords: the MIDI notes of each bar of four beats, and of the end.
        beat: samples in a beat.
        samples: the song's length.

    Shape:
        - output: ``(2, samples)``
    """
    bar_s = 4 * beat / RATE_HZ
    parts = [(bar * bar_s, pad(chord, bar_s + 0.25)) for bar, chord in enumerate(chords)]
    return placed(samples, parts)


def pluck_part(chords: tuple[tuple[int, ...], ...], beat: int, samples: int) -> Samples:
    """Broken chords in eighths, an octave up, panned from side to side, with an echo of three quarters of a beat.

    Shape:
        - output: ``(2, samples)``, arguments as for ``pad_part``
    """
    eighth_s = beat / 2 / RATE_HZ
    sides = (np.array([[0.95], [0.45]]), np.array([[0.45], [0.95]]))
    parts: list[tuple[float, Samples]] = []
    for bar, chord in enumerate(chords[:-1]):
        for eighth, voice in enumerate((0, 2, 1, 3, 2, 1, 3, 2)):
            sound = (1.0 if eighth % 4 == 0 else 0.75) * pluck(chord[voice] + 12)
            at_s = (8 * bar + eighth) * eighth_s
            parts.append((at_s, sides[eighth % 2] * sound))
            parts.append((at_s + 1.5 * eighth_s, 0.28 * sides[1 - eighth % 2] * sound))
    return placed(samples, parts)


@cache
def bass_note(note: int, length_s: float) -> Samples:
    """A plucked string whose brightness decays, ``(samples,)``."""
    harmonics = np.arange(1, 25)
    comb = np.abs(np.sin(np.pi * harmonics * 0.23)) + 0.15
    hz = np.full(count(length_s), hertz(note))
    open_tone = tone(hz, cycle(comb / harmonics))
    closed = tone(hz, cycle(comb / harmonics * np.exp(-0.45 * (harmonics - 1))))
    t = times(length_s)
    opening = np.exp(-t / 0.10)
    sound = (opening * open_tone + (1.0 - opening) * closed) * (0.55 + 0.45 * np.exp(-t / 0.35))
    return faded(np.tanh(1.3 * sound), 0.004, 0.03)


@cache
def pad(chord: tuple[int, ...], length_s: float) -> Samples:
    harmonics = np.arange(1, 13)
    table = cycle(np.exp(-0.38 * (harmonics - 1)) / harmonics)
    swell = curve(length_s, (0.0, 0.35), (0.5 * length_s, 1.0), (length_s, 0.8))
    samples = count(length_s)
    sides = [
        sum(tone(np.full(samples, hertz(note + cents / 100)), table, 0.19 * note % 1.0) for note in chord)
        for cents in (-6.0, 6.0)
    ]
    return faded(np.stack(sides) * swell / len(chord), 0.09, 0.25)


@cache
def pluck(note: int) -> Samples:
    """A soft struck string: higher harmonics decay faster, ``(samples,)``."""
    harmonics = np.arange(1, 8)[:, None]
    t = times(0.55)
    partials = np.sin(2 * np.pi * hertz(note) * harmonics * t) * np.exp(-t * (3.5 + 3.0 * harmonics))
    return faded((partials / harmonics**1.3).sum(axis=0), 0.002, 0.08)
