"""Scores keys and tuning on synthesised progressions in all 24 keys, beside what was used before and librosa's chroma.

The progressions are played by the instruments of ``examples/synthesis``; none of them was used to choose any number in
``phonoscope_cpu/measure``. Relative keys are told apart by pairs that share their chords, such as Am, F, C, G and C,
Am, F, G. Each is played in twelve keys, by three groups of instruments, in tune, 40 cents off or at A4 = 432 Hz.
Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import librosa
import numpy as np
from common import machine
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.keys import PITCHES, likeness
from phonoscope_cpu.measure.tonality import Tonality
from synthesis.harmony import bass_note, pad, pluck
from synthesis.signal import RATE_HZ as SYNTHESIS_HZ
from synthesis.signal import placed

RATE_HZ = 22_050
CHORD_S = 1.1
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
CENTS = (0.0, 40.0, -40.0, -31.8)

Chord = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Progression:
    """Chords as semitones above the tonic with their shape, and a melody note for each in semitones above the tonic."""

    name: str
    mode: str
    chords: tuple[Chord, ...]
    melody: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recording:
    progression: Progression
    key: str
    cents: float
    samples: Samples


PROGRESSIONS = (
    Progression("C, Am, F, G", "major", ((0, MAJOR), (9, MINOR), (5, MAJOR), (7, MAJOR)) * 2),
    Progression(
        "Am, F, C, G, the melody on A", "minor", ((0, MINOR), (8, MAJOR), (3, MAJOR), (10, MAJOR)) * 2, (0,) * 8
    ),
    Progression("Am, F, C, G", "minor", ((0, MINOR), (8, MAJOR), (3, MAJOR), (10, MAJOR)) * 2),
    Progression("C, F, G, C", "major", ((0, MAJOR), (5, MAJOR), (7, MAJOR), (0, MAJOR)) * 2),
    Progression("Dm, G, C", "major", ((2, MINOR), (7, MAJOR), (0, MAJOR)) * 3),
    Progression("C, G, Am, F", "major", ((0, MAJOR), (7, MAJOR), (9, MINOR), (5, MAJOR)) * 2),
    Progression("Am, Dm, E, Am", "minor", ((0, MINOR), (5, MINOR), (7, MAJOR), (0, MINOR)) * 2),
    Progression("Am, G, F, E", "minor", ((0, MINOR), (10, MAJOR), (8, MAJOR), (7, MAJOR)) * 2),
    Progression("Em, C, G, D", "minor", ((0, MINOR), (8, MAJOR), (3, MAJOR), (10, MAJOR)) * 2, (0, 3, 7, 2) * 2),
    Progression("G, D, Em, C", "major", ((0, MAJOR), (7, MAJOR), (9, MINOR), (5, MAJOR)) * 2, (7, 2, 4, 0) * 2),
    Progression("C, Em, F, G", "major", ((0, MAJOR), (4, MINOR), (5, MAJOR), (7, MAJOR)) * 2),
    Progression("Am, Em, Dm, Am", "minor", ((0, MINOR), (7, MINOR), (5, MINOR), (0, MINOR)) * 2),
)
TIMBRES = ("plucked, with a bass", "pads, with a bass", "plucked, no bass")


def main() -> None:
    warnings.simplefilter("ignore")
    recordings = list(all_recordings())
    print(
        f"{len(recordings)} recordings, {sum(len(each.samples) for each in recordings) / RATE_HZ:.0f} s, {machine()}\n"
    )
    rows: dict[str, list[tuple[int, int, int]]] = {each.name: [] for each in PROGRESSIONS}
    off: list[float] = []
    for each in recordings:
        measured = tonality(each.samples)
        found = measured.key
        rows[each.progression.name].append(
            (found.name == each.key, profile_key(measured.chroma) == each.key, their_key(each.samples) == each.key)
        )
        off.append(abs((found.tuning_cents if found.tuning_cents is not None else 99.0) - each.cents))
    print("| progression | right | by its profile alone | librosa's chroma and the profile |")
    print("| --- | ---: | ---: | ---: |")
    for name, hits in rows.items():
        print(f"| {name} | {' | '.join(counts(hits))} |")
    print(f"| **all** | {' | '.join(counts([hit for hits in rows.values() for hit in hits]))} |")
    print(f"\nTuning: {median(off):.1f} cents off in the median, {max(off):.1f} at most.")


def all_recordings() -> Iterator[Recording]:
    for index, progression in enumerate(PROGRESSIONS):
        for tonic in range(12):
            timbre, cents = TIMBRES[(tonic + index) % len(TIMBRES)], CENTS[(tonic // 3 + index) % len(CENTS)]
            samples = played(progression, tonic, timbre, cents)
            yield Recording(progression, f"{PITCHES[tonic]} {progression.mode}", cents, samples)


def played(progression: Progression, tonic: int, timbre: str, cents: float) -> Samples:
    """A progression, its tonic in semitones above A."""
    root, tuned = 45 + tonic, cents / 100.0
    parts: list[tuple[float, NDArray[np.float64]]] = []
    for index, (step, shape) in enumerate(progression.chords):
        at_s = index * CHORD_S
        notes = [root + 12 + (step + tone) % 12 + tuned for tone in shape]
        if timbre.startswith("pads"):
            parts.append((at_s, 0.7 * pad(tuple(notes), CHORD_S + 0.1)[0]))
        else:
            parts += [(at_s + 0.5 * half * CHORD_S, 0.3 * pluck(note)) for note in notes for half in (0, 1)]
        if timbre.endswith("with a bass"):
            parts.append((at_s, 0.4 * bass_note(root - 12 + step % 12 + tuned, CHORD_S)))
        if progression.melody:
            parts.append((at_s, 0.3 * pluck(root + 24 + progression.melody[index] + tuned)))
    signal = placed(round(len(progression.chords) * CHORD_S * SYNTHESIS_HZ), parts)
    return librosa.resample(
        (0.5 * signal / np.abs(signal).max()).astype(np.float32), orig_sr=SYNTHESIS_HZ, target_sr=RATE_HZ
    )


def tonality(samples: Samples) -> Tonality:
    measured = Tonality(RATE_HZ)
    for start in range(0, len(samples), RATE_HZ):
        measured.add(samples[start : start + RATE_HZ])
    measured.finish()
    return measured


def profile_key(chroma: NDArray[np.float64]) -> str:
    """The key whose Krumhansl-Kessler profile is most like a chroma from A up: what was used before."""
    mode, tonic = np.unravel_index(likeness(chroma).argmax(), (2, 12))
    return f"{PITCHES[tonic]} {('major', 'minor')[mode]}"


def their_key(samples: Samples) -> str:
    chroma = librosa.feature.chroma_stft(y=samples, sr=RATE_HZ, n_fft=8_192, hop_length=4_096).mean(axis=1)
    return profile_key(np.roll(chroma, 3))


def counts(hits: list[tuple[int, int, int]]) -> list[str]:
    return [f"{sum(column)} of {len(hits)}" for column in zip(*hits, strict=True)]


if __name__ == "__main__":
    main()
