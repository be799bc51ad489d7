"""Measures search by words on ESC-50: precision at 10 and zero-shot accuracy, by class names and other wordings.

A clip is one window. Its label probabilities are those that the index keeps: at least 0.03, at most 12 of each head.
The weights of labels were chosen on folds 1 and 2 with `audioset-527` alone, and so was the rule for several things, on
mixtures of their clips. `environment-50` was taught on these very clips: its honest stand-in is a head for each fold
that was taught on the others. Prints tables for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from common import DATA, machine
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks import catalogue
from wordings import NO_SOUNDS, WORDINGS

from phonoscope.audio.decode import Recording
from phonoscope.logs import configure_logs
from phonoscope.text import Meaning, Meant, ServedMeaning
from phonoscope_ml.device import choose_device
from phonoscope_ml.inference import BodyPass, predict, run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.registry import Model

GENERAL, TAUGHT = "audioset-527", "environment-50"
LEAST, MOST = 0.03, 12
NAMES = sorted(WORDINGS)
PAIRS, MIXES = 60, 5

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Clips:
    """Labelled windows and what models hear in them: ``(clips, labels)`` and ``(clips, features)``."""

    labels: NDArray[np.str_]
    folds: NDArray[np.int64]
    heard: Mapping[str, Numbers]
    features: Numbers

    def of(self, rows: NDArray[np.bool_]) -> Clips:
        heard = {name: found[rows] for name, found in self.heard.items()}
        return Clips(self.labels[rows], self.folds[rows], heard, self.features[rows])


@dataclass(frozen=True)
class Recordings:
    """The samples of files, decoded when they are asked for."""

    paths: Sequence[Path]
    rate_hz: int

    def __getitem__(self, row: int) -> Numbers:
        with self.paths[row].open("rb") as file, Recording(file) as recording:
            return np.concatenate(list(recording.mono(self.rate_hz)))

    def __iter__(self) -> Iterator[Numbers]:
        return (self[row] for row in range(len(self.paths)))


@cache
def meant(meaning: Meaning, text: str) -> Meant:
    """What a text asks for, worked out once."""
    return meaning.of(text)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--threads", type=int, default=2)
    configure_logs("console", "error")
    torch.set_num_threads(arguments.parse_args().threads)
    models = LoadedModels(catalogue(), choose_device())
    general, taught = models.get(GENERAL), models.get(TAUGHT)
    files, labels, folds = _listed()
    samples = Recordings(files, general.body.front_end.settings.sample_rate_hz)
    clips = _heard_by(general, taught, samples, labels, folds)
    nested = _nested(clips)
    honest = Clips(labels, folds, {GENERAL: clips.heard[GENERAL], TAUGHT: _by_fold(nested, clips)}, clips.features)
    print(f"{len(files)} clips of folds {', '.join(map(str, sorted(set(folds.tolist()))))}, {machine()}\n")
    _print_wordings(models.words, clips, honest)
    _print_things(models.words.among([GENERAL, TAUGHT]), general, taught, samples, honest, nested)
    _print_strangers(models.words.among([GENERAL, TAUGHT]))


def _listed() -> tuple[list[Path], NDArray[np.str_], NDArray[np.int64]]:
    with (DATA / "esc50" / "meta.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["fold"] in "1234"]
    paths = [DATA / "esc50" / "audio" / row["filename"] for row in rows]
    return paths, np.array([row["category"] for row in rows]), np.array([int(row["fold"]) for row in rows])


def _heard_by(
    general: Model, taught: Model, samples: Iterable[Numbers], labels: NDArray[np.str_], folds: NDArray[np.int64]
) -> Clips:
    passes: list[BodyPass] = [run_body(general.body, [one]) for one in samples]
    heard = {
        name: _kept(np.concatenate([predict(model, [one]).probabilities[:1] for one in passes]))
        for name, model in ((GENERAL, general), (TAUGHT, taught))
    }
    return Clips(labels, folds, heard, np.concatenate([one.features[:1] for one in passes]))


def _kept(probabilities: Numbers) -> Numbers:
    """What the index keeps of them."""
    least = np.sort(probabilities, axis=1)[:, -min(MOST, probabilities.shape[1]), None]
    return np.where(probabilities >= np.maximum(least, LEAST), probabilities, 0.0).astype(np.float32)


def _nested(clips: Clips) -> dict[int, LogisticRegression]:
    """For each fold a head that was taught on the others."""
    found = {}
    for fold in sorted(set(clips.folds.tolist())):
        head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        found[fold] = head.fit(clips.features[clips.folds != fold], clips.labels[clips.folds != fold])
    return found


def _by_fold(nested: Mapping[int, LogisticRegression], clips: Clips) -> Numbers:
    found = np.zeros((len(clips.labels), len(NAMES)), dtype=np.float32)
    for fold, head in nested.items():
        rows = clips.folds == fold
        if rows.any():
            found[rows] = head.predict_proba(clips.features[rows])
    return _kept(found)


def _print_wordings(words: ServedMeaning, clips: Clips, honest: Clips) -> None:
    print("| labels of | words | folds 1, 2 | folds 3, 4 | folds 1 to 4 | other wordings | zero-shot |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    both = f"`{GENERAL}`, `{TAUGHT}`"
    for named, models, heard in (
        (f"`{GENERAL}`", [GENERAL], honest),
        (f"{both} as taught on the other folds", [GENERAL, TAUGHT], honest),
        (f"{both} as served, taught on these clips", [GENERAL, TAUGHT], clips),
    ):
        meaning = words.among(models)
        for each in (meaning, Meaning(meaning.labels)):
            print(f"| {named} | by {each.way} | {_row(each, heard)} |", flush=True)


def _row(meaning: Meaning, clips: Clips) -> str:
    names = {name: [name.replace("_", " ")] for name in NAMES}
    precise = [
        _precision(meaning, clips.of(np.isin(clips.folds, folds)), names) for folds in ((1, 2), (3, 4), (1, 2, 3, 4))
    ]
    scores = np.stack([meaning.scores(meant(meaning, asked[0]), clips.heard) for asked in names.values()], axis=1)
    accuracy = float((np.array(NAMES)[scores.argmax(axis=1)] == clips.labels).mean())
    return " | ".join(f"{found:.3f}" for found in (*precise, _precision(meaning, clips, WORDINGS), accuracy))


def _precision(meaning: Meaning, clips: Clips, asked: Mapping[str, Sequence[str]]) -> float:
    """The share of right ones among the ten best, over all queries."""
    found = [(clips.labels[_best(meaning, text, clips.heard)] == name).mean() for name in asked for text in asked[name]]
    return float(np.mean(found))


def _best(meaning: Meaning, text: str, heard: Mapping[str, Numbers], most: int = 10) -> NDArray[np.int64]:
    return np.argsort(-meaning.found(meant(meaning, text), heard), kind="stable")[:most]


def _print_things(
    meaning: Meaning,
    general: Model,
    taught: Model,
    samples: Recordings,
    clips: Clips,
    nested: Mapping[int, LogisticRegression],
) -> None:
    """Mixtures of two clips of one fold at the same level, among the clips of two folds."""
    columns = [_things(meaning, general, taught, samples, clips, nested, folds) for folds in ((1, 2), (3, 4))]
    print(f"\n| among 800 clips and {PAIRS * MIXES} mixtures of two | folds 1, 2 | folds 3, 4 |\n| --- | ---: | ---: |")
    for title in columns[0]:
        print(f"| {title} | {' | '.join(f'{np.mean(column[title]):.3f}' for column in columns)} |")


def _things(
    meaning: Meaning,
    general: Model,
    taught: Model,
    samples: Recordings,
    clips: Clips,
    nested: Mapping[int, LogisticRegression],
    folds: Sequence[int],
) -> dict[str, list[float]]:
    rng, among = np.random.default_rng(folds[0]), clips.of(np.isin(clips.folds, folds))
    pairs = [tuple(rng.choice(NAMES, 2, replace=False).tolist()) for _ in range(PAIRS)]
    rows = [_two(rng, clips, pair, folds) for pair in pairs for _ in range(MIXES)]
    names = np.array([" + ".join(pair) for pair in pairs for _ in range(MIXES)])
    mixed = (_level(samples[one]) + _level(samples[other]) for one, other in rows)
    made = _heard_by(general, taught, mixed, names, clips.folds[[one for one, _ in rows]])
    heard = {
        GENERAL: np.concatenate([among.heard[GENERAL], made.heard[GENERAL]]),
        TAUGHT: np.concatenate([among.heard[TAUGHT], _by_fold(nested, made)]),
    }
    every = np.concatenate([among.labels, names])
    found: dict[str, list[float]] = {}
    for one, other in pairs:
        plain, second = one.replace("_", " "), other.replace("_", " ")
        both = meant(meaning, f"{plain} and {second}")
        by_sum = np.argsort(-meaning.scores(both, heard), kind="stable")[:MIXES]
        for title, best in (
            (f'"A and B": mixtures of both among the {MIXES} best', _best(meaning, both.text, heard, MIXES)),
            ("the same by the sum of both", by_sum),
            ('"A": mixtures with B among the ten best', _best(meaning, plain, heard)),
            ('"A without B": mixtures with B among the ten best', _best(meaning, f"{plain} without {second}", heard)),
        ):
            found.setdefault(title, []).append(float((every[best] == f"{one} + {other}").mean()))
    return found


def _two(rng: np.random.Generator, clips: Clips, pair: Sequence[str], folds: Sequence[int]) -> tuple[int, int]:
    fold = int(rng.choice(folds))
    one, other = (rng.choice(np.flatnonzero((clips.labels == name) & (clips.folds == fold))) for name in pair)
    return int(one), int(other)


def _level(samples: Numbers) -> Numbers:
    return samples / max(float(np.sqrt(np.square(samples).mean())), 1e-6) * np.float32(0.05)


def _print_strangers(meaning: Meaning) -> None:
    """Words that are no sounds, and how long a sentence takes."""
    real = [text for name in NAMES for text in (name.replace("_", " "), *WORDINGS[name])]
    said = np.mean([not meant(meaning, text).weights for text in NO_SOUNDS])
    wrongly = np.mean([not meant(meaning, text).weights for text in real])
    print(f"\nNo label is near: said of {said:.0%} of {len(NO_SOUNDS)} words that are no sounds, ", end="")
    print(f"and of {wrongly:.1%} of {len(real)} that are.")
    times = sorted(map(partial(_seconds, meaning), real[:50]))
    print(f"A sentence takes {1e3 * times[len(times) // 2]:.0f} ms (p95 {1e3 * times[int(0.95 * len(times))]:.0f} ms).")


def _seconds(meaning: Meaning, text: str) -> float:
    begun = perf_counter()
    meaning.of(text)
    return perf_counter() - begun


if __name__ == "__main__":
    main()
