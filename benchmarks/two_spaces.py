"""Measures what two spaces together would give to classifiers of one's own: genres of GTZAN, and sounds of ESC-50.

Each clip is heard once by the bodies of `audioset-527` and `music-100`. By examples a label, the accuracy of a head in
each space; in the one that a classifier chooses by itself, which begins in the general one; of both, by the mean of
their log-probabilities; and of one head on both vectors together. GTZAN is parted into four blocks of consecutive
numbers, since neighbours often share an artist. Each seed leaves one part out, which alone is scored. Prints a table
for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np
import torch
from common import DATA, machine
from numpy.typing import NDArray
from tasks import catalogue
from teach import FOLDS, GENERAL, Clips, clips_of, heard_once, mean

from phonoscope.logs import configure_logs
from phonoscope_ml.bodies import Body
from phonoscope_ml.device import choose_device
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.teaching import choose_space, probabilities

MUSIC = "music-100"
SIZES = (5, 10, 20)
WAYS = ("general", "music", "chosen by itself", "both, mean", "both, one head")
_LEAST = 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    configure_logs("console", "error")
    torch.set_num_threads(1)
    models = LoadedModels(catalogue(), choose_device())
    bodies = [models.get(name).body for name in (GENERAL, MUSIC)]
    print(f"{seeds} seeds, {machine()}\n")
    print("| clips | a label | " + " | ".join(WAYS) + " |\n| --- | ---: |" + " ---: |" * len(WAYS))
    for title, both in (
        ("GTZAN", [genres(body) for body in bodies]),
        ("ESC-50", [clips_of("esc50", body) for body in bodies]),
    ):
        for size in SIZES:
            found: defaultdict[str, list[float]] = defaultdict(list)
            for seed in range(seeds):
                for way, value in accuracies(both, size, seed).items():
                    found[way].append(value)
            print(f"| {title} | {size} | " + " | ".join(mean(found[way]) for way in WAYS) + " |", flush=True)


def genres(body: Body) -> Clips:
    """GTZAN's excerpts with a vector each, in four parts by their numbers."""
    paths = sorted((DATA / "gtzan-clips").glob("*/*.ogg"))
    names, labels = np.unique([path.parent.name for path in paths], return_inverse=True)
    folds = np.zeros(len(paths), dtype=np.int64)
    for label in range(len(names)):
        rows = np.flatnonzero(labels == label)
        folds[rows] = 1 + np.arange(len(rows)) * FOLDS // len(rows)
    return Clips(paths, names.tolist(), labels, folds, heard_once("gtzan", body, paths))


def accuracies(both: list[Clips], size: int, seed: int) -> dict[str, float]:
    """By way, of heads that are taught on so many clips of each label."""
    pool, scored = both[0].split(seed)
    rows = both[0].of_each(pool, size)
    together = replace(
        both[0], vectors=np.concatenate([each.vectors for each in both], axis=1) / np.sqrt(np.float32(2))
    )
    right = both[0].labels[scored]
    heads = [each.taught(rows) for each in (*both, together)]
    answers = [probabilities(head, each.vectors[scored]) for head, each in zip(heads, (*both, together), strict=True)]
    spaces = {way: each.examples(rows) for way, each in zip(WAYS[:2], both, strict=True)}
    own = WAYS.index(choose_space(len(both[0].names), spaces, several=False, settled=False).name)
    mean_log = sum(np.log(answer + _LEAST) for answer in answers[:2])
    ways = (answers[0], answers[1], answers[own], mean_log, answers[2])
    return {way: _share(answer, right) for way, answer in zip(WAYS, ways, strict=True)}


def _share(answer: NDArray[np.float32], right: NDArray[np.int64]) -> float:
    return float((answer.argmax(axis=1) == right).mean())


if __name__ == "__main__":
    main()
