"""Rhythms with known beats: figures in a small notation, played by the instruments of ``examples/synthesis``.

A line is one instrument's bar, a character for each step. Of drums, ``X``, ``x`` and ``o`` are loud, medium and soft
strokes; of the other instruments, a digit is a tone of the bar's chord from its root up, ``C`` and ``c`` the whole
chord, loud and soft. No weight in ``phonoscope_cpu/measure`` is fitted to these patterns; while its last thresholds
were chosen, their scores were watched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from synthesis.drums import kit
from synthesis.harmony import bass_note, pad, pluck
from synthesis.signal import Samples, count, generator, placed

_FORCE = {"X": 1.0, "x": 0.75, "o": 0.45, "C": 1.0, "c": 0.65}
_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62))
_DRUMS = ("kick", "snare", "hat", "open_hat", "high_tom", "low_tom")
_SILENCE_BEFORE_S = 0.3


@dataclass(frozen=True)
class Pattern:
    """A bar that repeats under a progression of four chords.

    Attributes:
        metre: as it is written, such as ``6/8``.
        bpm: beats per minute; of 6/8, dotted quarters.
        beats: beats in a bar.
        steps: steps in a bar.
        lines: each instrument's bar.
        divisions: into how many parts a beat is divided where the figure has them.
        groups: how many beats make a longer one within the bar.
        swing: how much later every second step sounds, as a share of a step; 1/3 of an eighth is a triplet's swing.
        jitter_s: standard deviation of each note's time.
        drift: how far the tempo wanders, as a share of it.
    """

    name: str
    metre: str
    bpm: float
    beats: int
    steps: int
    lines: dict[str, str]
    divisions: tuple[int, ...] = (2,)
    groups: tuple[int, ...] = (2,)
    swing: float = 0.0
    jitter_s: float = 0.006
    drift: float = 0.004
    kind: str = field(default="")

    @property
    def levels_bpm(self) -> tuple[float, ...]:
        """The tempos that a listener could tap without ever leaving the metre."""
        ratios = [Fraction(1), *map(Fraction, self.divisions), *(Fraction(1, group) for group in self.groups)]
        return tuple(self.bpm * float(ratio) for ratio in ratios)


@dataclass(frozen=True)
class Played:
    """A pattern's sound and where its beats and bars are, in seconds.

    Shape:
        - samples: ``(samples,)``, float64 at 44.1 kHz
    """

    samples: Samples
    beats_s: Samples
    downbeats_s: Samples


def play(pattern: Pattern, duration_s: float = 14.0) -> Played:
    """Plays a pattern with human timing, from the seed that its name gives."""
    rng = generator(pattern.name)
    bars = int(duration_s * pattern.bpm / 60.0 / pattern.beats)
    beat_at = _times(rng, pattern, bars * pattern.beats + 1)
    drums = {name: sound for name, (sound, _) in kit(rng).items()}
    parts: list[tuple[float, Samples]] = []
    for bar in range(bars):
        for instrument, line in pattern.lines.items():
            for step, mark in enumerate(line):
                if mark == ".":
                    continue
                late = pattern.swing * (step % 2)
                beat = bar * pattern.beats + (step + late) * pattern.beats / pattern.steps
                at_s = float(np.interp(beat, np.arange(len(beat_at)), beat_at)) + rng.normal(0.0, pattern.jitter_s)
                force = rng.uniform(0.88, 1.08)
                length_s = 60.0 / pattern.bpm * pattern.beats / pattern.steps
                parts += [
                    (max(0.0, at_s), force * sound)
                    for sound in _sounds(instrument, mark, _CHORDS[bar % len(_CHORDS)], length_s, drums)
                ]
    samples = placed(count(float(beat_at[-1]) + 0.3), parts)
    return Played(0.5 * samples / np.abs(samples).max(), beat_at[:-1], beat_at[: -1 : pattern.beats])


def _times(rng: np.random.Generator, pattern: Pattern, beats: int) -> Samples:
    """When each beat is, by a tempo that wanders slowly."""
    wander = 1.0 + pattern.drift * np.sin(np.arange(beats) / rng.uniform(3.0, 6.0) + rng.uniform(0.0, 6.0))
    return _SILENCE_BEFORE_S + np.concatenate([[0.0], np.cumsum(60.0 / pattern.bpm * wander[:-1])])


def _sounds(
    instrument: str, mark: str, chord: tuple[int, ...], length_s: float, drums: dict[str, Samples]
) -> Iterator[Samples]:
    if instrument in _DRUMS:
        yield _FORCE[mark] * drums[instrument]
        return
    notes = chord if mark in "Cc" else (chord[int(mark) % 3] + 12 * (int(mark) // 3),)
    force = _FORCE.get(mark, 0.8) / len(notes) ** 0.5
    if instrument.startswith("bass"):
        yield force * 0.8 * bass_note(notes[0] - 24, round(max(0.3, 1.5 * length_s), 3))
    elif instrument.startswith("pad"):
        yield force * pad(tuple(notes), round(max(0.4, 2.0 * length_s), 3))[0]
    else:
        for note in notes:
            yield force * 0.6 * pluck(note + 12)


def _four(name: str, bpm: float, lines: dict[str, str], kind: str = "4/4", **more: object) -> Pattern:
    return Pattern(name, "4/4", bpm, 4, len(next(iter(lines.values()))), lines, kind=kind, **more)  # type: ignore[arg-type]


def _three(name: str, bpm: float, lines: dict[str, str], **more: object) -> Pattern:
    steps = len(next(iter(lines.values())))
    more = {"groups": (3,), "kind": "3/4"} | more
    return Pattern(name, "3/4", bpm, 3, steps, lines, **more)  # type: ignore[arg-type]


def _six(name: str, bpm: float, lines: dict[str, str]) -> Pattern:
    return Pattern(name, "6/8", bpm, 2, len(next(iter(lines.values()))), lines, divisions=(3,), kind="6/8")


def _five(name: str, bpm: float, lines: dict[str, str], **more: object) -> Pattern:
    steps = len(next(iter(lines.values())))
    return Pattern(name, "5/4", bpm, 5, steps, lines, groups=(5,), kind="5/4", **more)  # type: ignore[arg-type]


_TRIPLET_SWING = 1.0 / 3.0

PATTERNS = (
    _four("rock", 96, {"kick": "X...X.x.", "snare": "..X...X.", "hat": "xoxoxoxo"}),
    _four("four on the floor", 124, {"kick": "X.X.X.X.", "open_hat": ".x.x.x.x", "snare": "..x...x."}),
    _four("funk", 102, {"kick": "X.....x...X..x..", "snare": "....X..o....X..o", "hat": "xoxoxoxoxoxoxoxo"}),
    _four("soul, snare on each beat", 114, {"kick": "X..x.x..", "snare": "X.X.X.X.", "hat": "x.x.x.x."}),
    _four("one drop", 76, {"kick": "....X...", "hat": "x.x.x.x.", "pluck": ".c.c.c.c", "bass": "0..0.1.."}),
    _four("drum and bass", 174, {"kick": "X....x..", "snare": "..X...X.", "hat": "xxxxxxxx"}, groups=(2, 4)),
    _four("bossa nova", 132, {"kick": "X..xX..x", "snare": "x..x..x.", "hat": "oooooooo", "bass": "0..10..1"}),
    _four("toms", 88, {"kick": "X...X...", "low_tom": "..x..x..", "high_tom": "...x..xx"}),
    _four("broken chords", 68, {"pluck": "01232123", "bass": "0......."}),
    _four("strummed", 106, {"pluck": "C.c.CcCc", "bass": "0...1..."}),
    _four("walking bass", 138, {"bass": "0121", "pluck": ".C.C"}),
    _four("pads and kick", 120, {"kick": "XXXX", "pad": "C.C."}),
    _four("pads on each beat", 84, {"pad": "Cccc", "bass": "0.0."}),
    _four("march", 112, {"bass": "0.1.", "pluck": ".c.c", "snare": "x.xx"}),
    _four(
        "half-time rock", 140, {"kick": "X..x....", "snare": "....X...", "hat": "x.x.x.x."}, "half-time", groups=(2, 4)
    ),
    _four(
        "half-time trap", 144, {"kick": "X....x..", "snare": "....X...", "hat": "xxxxxxxx"}, "half-time", groups=(2, 4)
    ),
    _four(
        "half-time plucked",
        128,
        {"kick": "X.......", "snare": "....X...", "pluck": "02120212"},
        "half-time",
        groups=(2, 4),
    ),
    _four(
        "swing ride",
        126,
        {"hat": "X.xoX.xo", "kick": "x.x.x.x.", "bass": "0.1.2.1."},
        "swing",
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
    _four(
        "fast swing ride",
        172,
        {"hat": "X.xoX.xo", "snare": "..o...o.", "bass": "0.1.2.1."},
        "swing",
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
    _four(
        "swung plucks", 104, {"pluck": "01213212", "bass": "0...1..."}, "swing", swing=_TRIPLET_SWING, divisions=(2, 3)
    ),
    _four(
        "blues shuffle",
        92,
        {"kick": "X...X...", "snare": "..X...X.", "hat": "xoxoxoxo", "bass": "00112211"},
        "shuffle",
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
    _four(
        "fast shuffle",
        134,
        {"kick": "X.x.X.x.", "snare": "..X...X.", "hat": "xoxoxoxo"},
        "shuffle",
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
    _four(
        "shuffled chords",
        116,
        {"bass": "0.0.0.0.", "pluck": "CcCcCcCc"},
        "shuffle",
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
    _three("slow waltz", 88, {"bass": "0..", "pluck": ".cc"}),
    _three("waltz with drums", 172, {"kick": "X..", "snare": ".xx", "hat": "xxx"}),
    _three("fast waltz", 192, {"bass": "0..", "pluck": ".CC", "kick": "X.."}),
    _three("Viennese waltz", 178, {"bass": "0..", "pad": ".cc", "snare": ".oo"}),
    _three("fastest waltz", 180, {"kick": "X..", "hat": ".xx", "pluck": "1.."}),
    _three(
        "jazz waltz", 150, {"hat": "X.xoxo", "kick": "X.....", "bass": "0.1.2."}, swing=_TRIPLET_SWING, divisions=(2, 3)
    ),
    _three("plucked in three", 108, {"pluck": "021212", "bass": "0....."}),
    _six("six-eight ballad", 60, {"kick": "X....x", "snare": "...X..", "hat": "xooxoo"}),
    _six("slow six-eight", 61, {"pluck": "012321", "bass": "0..1.."}),
    _six("six-eight pads", 66, {"pad": "C..c..", "pluck": "012012"}),
    _six("six-eight rock", 72, {"kick": "X.x...", "snare": "...X..", "hat": "xxxxxx"}),
    _six("jig", 112, {"pluck": "012321", "kick": "X..x.."}),
    _six("tarantella", 80, {"hat": "X.xX.x", "low_tom": "X.....", "bass": "0..1.."}),
    _five("three and two", 168, {"kick": "X.....x...", "snare": "..x.....X.", "hat": "xoxoxoxoxo"}),
    _five("two and three", 120, {"kick": "X...X.....", "snare": "..X.....X.", "hat": "x.x.x.x.x."}),
    _five("plucked in five", 104, {"bass": "0..2.", "pluck": ".cc.c"}),
    _five(
        "swung five",
        160,
        {"hat": "X.xoxoX.xo", "kick": "X.....X...", "bass": "0..1..0.1."},
        swing=_TRIPLET_SWING,
        divisions=(2, 3),
    ),
)
