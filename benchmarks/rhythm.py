"""Scores tempo, beats and metre on 40 synthesised patterns, beside librosa's beat tracker; then says what real songs
give.

A tempo is right within 4 % of the pattern's beat, or of a level that its metre has: the beat divided as the figure
divides it, or grouped as the bar groups it. In 3/4 that is the beat, its half and the bar; in 6/8 the dotted quarter,
the eighth and the bar; never 3/2 or 2/3 of a level. Beats are scored by their F-measure within 70 ms, against the
level that suits them best. Prints tables for docs/benchmarks.md. PHONOSCOPE_DATA is the folder with ``songs``.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import mean
from time import process_time

import av
import librosa
import numpy as np
from common import machine
from numpy.typing import NDArray
from patterns import PATTERNS, Pattern, Played, play

from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.rhythm import Rhythm, Tempo

RATE_HZ = 22_050
NEAR = 0.04
TOLERANCE_S = 0.07

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """How right one answer is."""

    pattern: Pattern
    bpm: float | None
    right: bool
    beats: float
    downbeats: float
    metre: bool


def main() -> None:
    warnings.simplefilter("ignore")
    played = [(pattern, play(pattern)) for pattern in PATTERNS]
    recordings = [(pattern, known, at_rate(known.samples)) for pattern, known in played]
    print(f"{len(PATTERNS)} patterns, {sum(len(each[2]) for each in recordings) / RATE_HZ:.0f} s, {machine()}\n")
    print("| | tempo right | beats, F | downbeats, F | metre right | processor time, phonoscope = 1 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    ours, base = timed(recordings, our_score)
    theirs, seconds = timed(recordings, their_score)
    count = len(PATTERNS)
    metres = f"{sum(each.metre for each in ours)} of {count}"
    print(
        f"| phonoscope | {right(ours)} | {beats(ours)} | {mean(each.downbeats for each in ours):.2f} | {metres} | 1.0 |"
    )
    print(f"| librosa.beat.beat_track | {right(theirs)} | {beats(theirs)} | — | — | {seconds / base:.1f} |")
    print("\n| kind | patterns | tempo, phonoscope | tempo, librosa | beats, phonoscope | beats, librosa |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    pairs = sorted(zip(ours, theirs, strict=True), key=lambda pair: pair[0].pattern.kind)
    for kind, group in groupby(pairs, key=lambda pair: pair[0].pattern.kind):
        one, other = zip(*group, strict=True)
        print(f"| {kind} | {len(one)} | {right(one)} | {right(other)} | {beats(one)} | {beats(other)} |")
    if "--each" in sys.argv:
        for each in ours:
            print(f"{each.pattern.name}: {each.pattern.bpm:g} reads {each.bpm}, {each}")
    songs()


def songs() -> None:
    """What real songs give, of which no tempo is known."""
    print(
        "\n| song | tempo | other tempos | metre | beats | librosa's tempo |\n| --- | ---: | ---: | --- | ---: | ---: |"
    )
    for path in sorted((Path(os.environ["PHONOSCOPE_DATA"]) / "songs").glob("*.ogg")):
        samples = decoded(path)
        found = our_tempo(samples)
        others = ", ".join(f"{each.bpm:.0f}" for each in found.candidates[1:])
        theirs = float(np.ravel(librosa.beat.beat_track(y=samples, sr=RATE_HZ)[0])[0])
        ours = f"{found.bpm or 0:.1f} | {others} | {found.metre} | {len(found.beats.beats_s)}"
        print(f"| {path.stem} | {ours} | {theirs:.1f} |")


def timed(
    recordings: list[tuple[Pattern, Played, Samples]], score: Callable[[Pattern, Played, Samples], Score]
) -> tuple[list[Score], float]:
    """The scores, and the seconds of processor time; the first call, which compiles and caches, does not count."""
    score(*recordings[0])
    before = process_time()
    scores = [score(*each) for each in recordings]
    return scores, process_time() - before


def our_score(pattern: Pattern, known: Played, samples: Samples) -> Score:
    found = our_tempo(samples)
    bars = f_measure(found.beats.downbeats_s, known.downbeats_s)
    return scored(pattern, known, found.bpm, found.beats.beats_s, bars, found.metre == pattern.metre)


def their_score(pattern: Pattern, known: Played, samples: Samples) -> Score:
    bpm, frames = librosa.beat.beat_track(y=samples, sr=RATE_HZ)
    return scored(pattern, known, float(np.ravel(bpm)[0]), librosa.frames_to_time(frames, sr=RATE_HZ), 0.0, False)


def scored(pattern: Pattern, known: Played, bpm: float | None, found_s: Times, downbeats: float, metre: bool) -> Score:
    right = bpm is not None and any(abs(bpm / level - 1.0) < NEAR for level in pattern.levels_bpm)
    best = max(f_measure(found_s, level_s) for level_s in levels(pattern, known))
    return Score(pattern, bpm, right, best, downbeats, metre)


def levels(pattern: Pattern, known: Played) -> Iterator[Times]:
    """The beats at each level that counts."""
    index = np.arange(len(known.beats_s))
    yield known.beats_s
    for parts in pattern.divisions:
        yield np.interp(np.arange(0, len(index) - 1 + 1e-9, 1.0 / parts), index, known.beats_s)
    for group in pattern.groups:
        yield known.beats_s[index % pattern.beats % group == 0]


def f_measure(found_s: Times, known_s: Times) -> float:
    """The F-measure: each known time is found once at most, within 70 ms."""
    hits, found, known = 0, 0, 0
    while found < len(found_s) and known < len(known_s):
        apart = found_s[found] - known_s[known]
        if abs(apart) <= TOLERANCE_S:
            hits += 1
        found += apart <= TOLERANCE_S
        known += apart >= -TOLERANCE_S
    return 2.0 * hits / max(1, len(found_s) + len(known_s))


def our_tempo(samples: Samples) -> Tempo:
    rhythm = Rhythm(RATE_HZ)
    for start in range(0, len(samples), RATE_HZ):
        rhythm.add(samples[start : start + RATE_HZ])
    rhythm.finish()
    return rhythm.tempo


def at_rate(samples: NDArray[np.float64]) -> Samples:
    return librosa.resample(samples.astype(np.float32), orig_sr=44_100, target_sr=RATE_HZ)


def decoded(path: Path) -> Samples:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE_HZ)
        blocks = [block.to_ndarray()[0] for frame in container.decode(audio=0) for block in resampler.resample(frame)]
    return np.concatenate(blocks)


def right(scores: tuple[Score, ...] | list[Score]) -> str:
    return f"{sum(each.right for each in scores)} of {len(scores)}"


def beats(scores: tuple[Score, ...] | list[Score]) -> str:
    return f"{mean(each.beats for each in scores):.2f}"


if __name__ == "__main__":
    main()
