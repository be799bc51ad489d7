"""Compares tempo and key with librosa's, on the same excerpts of real songs, in turn, on one thread.

These songs have no annotated tempos and keys. The score is therefore how often the estimate follows a known change: an
excerpt played faster must have a tempo that is faster by the same factor, to 2 %, and one played three semitones higher
a key three semitones higher. Prints a table for docs/benchmarks.md. PHONOSCOPE_DATA is the folder with ``musdb7s``.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

import librosa
import numpy as np
import torch
from common import machine

from phonoscope.audio.samples import Samples
from phonoscope_cpu.measure.keys import MODES, likeliest_keys, likeness
from phonoscope_cpu.measure.rhythm import Rhythm
from phonoscope_cpu.measure.tonality import Tonality
from phonoscope_training.separation.songs import SUFFIX, read_stems

RATE_HZ = 22_050
FASTER = 1.09
SEMITONES = 3
PITCHES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    paths = sorted((Path(os.environ["PHONOSCOPE_DATA"]) / "musdb7s").glob(f"*{SUFFIX}"))[::2]
    excerpts = [read_stems(path, RATE_HZ).sum(dim=0).mean(dim=0).numpy() for path in paths]
    print(f"{len(excerpts)} excerpts, {sum(map(len, excerpts)) / RATE_HZ:.0f} s, {machine()}\n")
    print("| | follow | processor time, phonoscope = 1 |\n| --- | ---: | ---: |")
    tempos = {"phonoscope": our_tempo, "librosa.feature.tempo": their_tempo}
    keys = {"phonoscope": our_key, "librosa.feature.chroma_stft": their_key}
    compare("tempo", tempos, excerpts, FASTER, tempo_follows)
    compare("key", keys, excerpts, 2.0 ** (SEMITONES / 12), key_follows)


def compare(
    name: str,
    contenders: Mapping[str, Callable[[Samples], Any]],
    excerpts: list[Samples],
    speed: float,
    follows: Callable[[Any, Any], bool],
) -> None:
    """Prints a row for each contender."""
    pairs = [(one, librosa.resample(one, orig_sr=RATE_HZ, target_sr=RATE_HZ / speed)) for one in excerpts]
    base = 0.0
    for contender, measure in contenders.items():
        # Once before: the first call compiles and caches.
        measure(excerpts[0])
        before = process_time()
        count = sum(follows(measure(slow), measure(fast)) for slow, fast in pairs)
        seconds = process_time() - before
        base = base or seconds
        print(f"| {name}, {contender} | {count} of {len(pairs)} | {seconds / base:.1f} |", flush=True)


def our_tempo(samples: Samples) -> float | None:
    rhythm = Rhythm(RATE_HZ)
    for start in range(0, len(samples), RATE_HZ):
        rhythm.add(samples[start : start + RATE_HZ])
    rhythm.finish()
    return rhythm.tempo.bpm


def their_tempo(samples: Samples) -> float | None:
    onsets = librosa.onset.onset_strength(y=samples, sr=RATE_HZ)
    return float(librosa.feature.tempo(onset_envelope=onsets, sr=RATE_HZ)[0])


def our_key(samples: Samples) -> str:
    tonality = Tonality(RATE_HZ)
    for start in range(0, len(samples), RATE_HZ):
        tonality.add(samples[start : start + RATE_HZ])
    tonality.finish()
    return likeliest_keys(tonality.features())[0].name


def their_key(samples: Samples) -> str:
    chroma = librosa.feature.chroma_stft(y=samples, sr=RATE_HZ, n_fft=8_192, hop_length=4_096).mean(axis=1)
    mode, tonic = np.unravel_index(likeness(np.roll(chroma, 3)).argmax(), (2, 12))
    return f"{PITCHES[(tonic - 3) % 12]} {MODES[mode]}"


def tempo_follows(slow: float | None, fast: float | None) -> bool:
    return slow is not None and fast is not None and abs(fast / slow / FASTER - 1.0) < 0.02


def key_follows(low: str, high: str) -> bool:
    (first, mode), (second, other) = low.split(), high.split()
    return mode == other and (PITCHES.index(second) - PITCHES.index(first)) % 12 == SEMITONES


if __name__ == "__main__":
    main()
