"""Random bars: what drums and pitched instruments play in a metre."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Metre:
    """A metre as it is written.

    Attributes:
        beats: in a bar.
        divisions: of a beat.
        strong: ticks on which a second accent may be, one of these.
        backs: what a snare or a clap may play, one of these.
    """

    name: str
    beats: int
    divisions: int
    strong: tuple[tuple[int, ...], ...]
    backs: tuple[tuple[int, ...], ...]

    @property
    def ticks(self) -> int:
        return self.beats * self.divisions


METRES = (
    Metre("4/4", 4, 2, ((4,),), ((2, 6), (2, 6), (2, 6), (4,), (0, 2, 4, 6))),
    Metre("3/4", 3, 2, ((),), ((2, 4), (2, 4), (4,))),
    Metre("6/8", 2, 3, ((3,),), ((3,),)),
    Metre("12/8", 4, 3, ((6,),), ((3, 9),)),
    Metre("5/4", 5, 2, ((6,), (4,)), ((2, 4, 8), (4, 8), (2, 8), (2, 6, 8), (6,))),
)


@dataclass(frozen=True)
class Note:
    """One note of a bar: its tick, what plays it, how loud, the tones of the chord (0 is the root) and its ticks."""

    tick: float
    voice: str
    force: float
    tones: tuple[int, ...] = ()
    length: float = 1.0


def drum_bar(rng: Rng, metre: Metre) -> list[Note]:
    """Kick on the first beat and more, mostly a back beat, and mostly a steady pulse."""
    back = metre.backs[rng.integers(len(metre.backs))]
    strong = metre.strong[rng.integers(len(metre.strong))]
    busy = rng.choice([0.0, 0.1, 0.25])
    kicks = [tick for tick in range(metre.ticks) if _kicks(rng, tick, metre, strong, back, busy)]
    notes = [Note(tick, "kick", 1.0) for tick in kicks]
    if rng.random() < 0.85:
        voice = str(rng.choice(["snare", "snare", "clap", "rim", "tom", "hat"]))
        force = rng.uniform(0.5, 1.0)
        notes += [Note(tick, voice, force) for tick in back]
    if rng.random() < 0.25:
        notes += [Note(tick, "snare", 0.25) for tick in range(metre.ticks) if rng.random() < 0.2]
    return notes + _pulse(rng, metre)


def tonal_bar(rng: Rng, metre: Metre, *, soft: bool) -> list[Note]:
    """A bass and one of: broken chords, chords, a melody. Soft ones are pads."""
    notes = _bass(rng, metre)
    if soft:
        return notes + _chords(rng, metre, "pad")
    kind = rng.integers(4)
    if kind == 0:
        return notes + _chords(rng, metre, "pluck")
    if kind == 1:
        return notes + _melody(rng, metre)
    return notes + _broken(rng, metre)


def _kicks(rng: Rng, tick: int, metre: Metre, strong: Iterable[int], back: Iterable[int], busy: float) -> bool:
    if tick == 0:
        return True
    if tick in strong:
        return bool(rng.random() < 0.7)
    if tick in back:
        return bool(rng.random() < 0.3 * busy)
    return bool(rng.random() < (busy if tick % metre.divisions else 2.0 * busy))


def _pulse(rng: Rng, metre: Metre) -> list[Note]:
    """Hats on all ticks, on the beats, between them, or none; on sixteenths too where beats are divided by two."""
    force = rng.uniform(0.3, 0.9)
    beats = range(0, metre.ticks, metre.divisions)
    match int(rng.integers(7)):
        case 0 | 1:
            notes = [Note(tick, "hat", force) for tick in range(metre.ticks)]
        case 2:
            notes = [Note(tick, "hat", force) for tick in beats]
        case 3:
            notes = [Note(tick + metre.divisions - 1, "open_hat", force) for tick in beats]
        case 4 if metre.divisions == 2:
            notes = [Note(half / 2, "hat", force) for half in range(2 * metre.ticks)]
        case 5:
            notes = [Note(tick, "hat", force) for tick in range(metre.ticks) if rng.random() < 0.75]
        case _:
            notes = []
    if notes and rng.random() < 0.5:
        notes += [Note(tick, "hat", 0.6 * force) for tick in beats]
    return notes


def _bass(rng: Rng, metre: Metre) -> list[Note]:
    match int(rng.integers(5)):
        case 0:
            return [Note(0, "bass", 1.0, (0,), 0.9 * metre.ticks)]
        case 1 | 2:
            strong = metre.strong[rng.integers(len(metre.strong))]
            later = [Note(tick, "bass", 0.85, (int(rng.choice([0, 2])),), 2.0) for tick in strong]
            return [Note(0, "bass", 1.0, (0,), 2.0), *later]
        case 3:
            walk = range(metre.divisions, metre.ticks, metre.divisions)
            return [Note(0, "bass", 1.0, (0,))] + [Note(tick, "bass", 0.8, (int(rng.integers(4)),)) for tick in walk]
        case _:
            return []


def _chords(rng: Rng, metre: Metre, voice: str) -> list[Note]:
    """Chords on the first beat only, on all beats, on all but the first, between the beats, or on a random figure."""
    beats = list(range(0, metre.ticks, metre.divisions))
    after = metre.divisions - 1
    low = rng.uniform(0.5, 1.0)
    match int(rng.integers(6)):
        case 0:
            ticks = [0, *metre.strong[0]]
        case 1 | 2:
            ticks = beats
        case 3:
            ticks = beats[1:] if metre.beats != 4 else [2, 6] if metre.divisions == 2 else [3, 9]
        case 4:
            ticks = [tick + after for tick in beats]
        case _:
            ticks = [tick for tick in range(metre.ticks) if rng.random() < (0.3 if tick % metre.divisions else 0.75)]
    lengths = [following - tick for tick, following in pairwise([*ticks, metre.ticks])]
    notes = [
        Note(tick, voice, 1.0 if tick == 0 else low, (0, 1, 2), float(length))
        for tick, length in zip(ticks, lengths, strict=True)
    ]
    if len(ticks) <= 2 and rng.random() < 0.8:
        notes += [Note(tick, "pluck", 0.5, (int(rng.integers(5)),), metre.divisions) for tick in beats]
    return notes


def _broken(rng: Rng, metre: Metre) -> list[Note]:
    """One tone of the chord on each tick, in an order that repeats in the bar, at half of it or at a beat."""
    halves = [
        metre.ticks,
        metre.ticks,
        metre.ticks // 2 if metre.ticks % 4 == 0 or metre.divisions == 3 else metre.ticks,
    ]
    period = int(rng.choice([*halves, metre.divisions * (2 if metre.divisions == 2 else 1)]))
    order = rng.integers(0, 4, period)
    order[0] = 0
    if rng.random() < 0.5:
        climb = [0, 1, 2, 3, 2, 1] if metre.ticks % 3 == 0 else [0, 1, 2, 3, 2, 1, 2, 1]
        order = np.array([climb[tick % len(climb)] for tick in range(metre.ticks)])
    accent = rng.choice([1.0, 1.0, rng.uniform(0.5, 1.0)])
    return [
        Note(tick, "pluck", 1.0 if tick % metre.divisions == 0 else accent, (int(order[tick % len(order)]),), 1.2)
        for tick in range(metre.ticks)
    ]


def _melody(rng: Rng, metre: Metre) -> list[Note]:
    on_beat, off_beat = rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.6)
    return [
        Note(tick, "pluck", rng.uniform(0.7, 1.0), (int(rng.integers(5)),), 1.5)
        for tick in range(metre.ticks)
        if tick == 0 or rng.random() < (off_beat if tick % metre.divisions else on_beat)
    ]
