"""Measures teaching on ESC-50 in the general space: accuracy by examples, the queue against chance, strangers, time.

A clip is one window, heard once by the body of `audioset-527` and kept in `runs/teach`. Each of ten seeds leaves one
fold of 1 to 4 out, which alone is scored; clips of one source share a fold. Prints tables for docs/benchmarks.md.
The part `task` starts a local stack's servers and times the whole task, from PostgreSQL to the version that is kept.
With `--train` it runs the recipe that trains a network on the same ESC-10 clips instead, for as many `--epochs`: its
time is that of one epoch times their number.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from common import DATA, machine
from numpy.typing import NDArray
from rich.console import Console
from safetensors.torch import load_file
from tasks import catalogue
from teach_task import Part, print_tasks

from phonoscope.audio.decode import Recording
from phonoscope.logs import configure_logs
from phonoscope_ml.bodies import Body
from phonoscope_ml.device import choose_device
from phonoscope_ml.inference import run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.networks import AudioResNet, build_network
from phonoscope_ml.teaching import Examples, LinearHead, Taught, choose, heard, probabilities, teach
from phonoscope_training.data import load_clips
from phonoscope_training.evaluate import accuracy
from phonoscope_training.fit import predict
from phonoscope_training.run import Run

GENERAL = "audioset-527"
KEPT = Path("runs") / "teach"
SIZES = (1, 2, 5, 10, 20)
ROUND, LAST = 50, 600
FOLDS = 4
PARTS = ("few", "strangers", "examples", "times", "task")
RECIPE = Path("training") / "recipes" / "folder.toml"

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Clips:
    """Clips with a vector each. Shape: vectors ``(clips, 512)``; labels, indices, and folds ``(clips,)``."""

    paths: list[Path]
    names: list[str]
    labels: Rows
    folds: Rows
    vectors: NDArray[np.float32]

    def split(self, seed: int) -> tuple[Rows, Rows]:
        """The clips that may teach, shuffled, and those that are scored."""
        scored = self.folds == 1 + seed % FOLDS
        return np.random.default_rng(seed).permutation(np.flatnonzero(~scored)), np.flatnonzero(scored)

    def of_each(self, pool: Rows, count: int) -> Rows:
        """The first so many of each label."""
        return np.concatenate([pool[self.labels[pool] == label][:count] for label in range(len(self.names))])

    def examples(self, rows: Rows) -> Examples:
        return Examples.one_label(self.vectors[rows], self.labels[rows], rows)

    def taught(self, rows: Rows) -> Taught:
        return teach(self.names, self.examples(rows), several=False)

    def accuracy(self, head: LinearHead, rows: Rows) -> float:
        return float((probabilities(head, self.vectors[rows]).argmax(axis=1) == self.labels[rows]).mean())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    arguments.add_argument("--train", action="store_true", help="train a network on the same clips instead")
    arguments.add_argument("--epochs", type=int, help="of that network; as many as its recipe has when left out")
    asked = arguments.parse_args()
    configure_logs("console", "error")
    torch.set_num_threads(1)
    body = LoadedModels(catalogue(), choose_device()).get(GENERAL).body
    if asked.train:
        print_training(clips_of("esc10", body), asked.epochs)
        return
    clips = clips_of("esc50", body)
    print(f"{len(clips.labels)} clips of ESC-50, {machine()}, {asked.seeds} seeds, in the space of {body.name}\n")
    seeds = range(asked.seeds)
    parts: dict[str, Callable[[], None]] = {
        "few": lambda: print_few(clips_of("esc10", body), seeds),
        "strangers": lambda: print_strangers(clips, seeds),
        "examples": lambda: print_examples(clips, seeds),
        "times": lambda: print_times(clips),
        "task": lambda: print_task(clips),
    }
    for part in asked.parts:
        parts[part]()


def clips_of(name: str, body: Body) -> Clips:
    """A set's clips of folds 1 to 4, heard once."""
    with (DATA / name / "meta.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["fold"] in "1234"]
    paths = [DATA / name / "audio" / row["filename"] for row in rows]
    names, labels = np.unique([row["category"] for row in rows], return_inverse=True)
    folds = np.array([int(row["fold"]) for row in rows])
    return Clips(paths, names.tolist(), labels, folds, heard_once(name, body, paths))


def heard_once(name: str, body: Body, paths: Sequence[Path]) -> NDArray[np.float32]:
    """The first window's vector of each clip, kept for the next run. Shape: ``(clips, 512)``."""
    kept = KEPT / f"{name}-{body.identity[:12]}.npy"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.stack([_vector(body, path) for path in paths]))
    vectors: NDArray[np.float32] = np.load(kept).astype(np.float32)
    return vectors


def _vector(body: Body, path: Path) -> NDArray[np.float16]:
    with path.open("rb") as file, Recording(file) as recording:
        vector: NDArray[np.float16] = run_body(body, recording.mono(body.front_end.settings.sample_rate_hz)).vectors[0]
    return vector


def print_examples(clips: Clips, seeds: Iterable[int]) -> None:
    """Accuracy by examples a label, drawn at random or asked for by the queue."""
    drawn: dict[int, list[float]] = {}
    asked: dict[int, list[float]] = {}
    for seed in seeds:
        pool, scored = clips.split(seed)
        for size in SIZES:
            drawn.setdefault(size * len(clips.names), []).append(
                clips.accuracy(clips.taught(clips.of_each(pool, size)), scored)
            )
        for count, found in _queued(clips, pool, scored, seed):
            asked.setdefault(count, []).append(found)
    print("| examples | a label | at random | by the queue |\n| --- | --- | --- | --- |")
    for count in sorted(drawn.keys() | asked.keys()):
        print(f"| {count} | {count / len(clips.names):g} | {mean(drawn.get(count))} | {mean(asked.get(count))} |")
    goal = np.mean(drawn[max(drawn)])
    enough = [count for count in sorted(asked) if np.mean(asked[count]) >= goal]
    share = f"{enough[0]} ({enough[0] / max(drawn):.0%})" if enough else "more than it had"
    print(f"\nfor the accuracy of {max(drawn)} at random, {goal:.3f}, the queue needs {share}\n")


def _queued(clips: Clips, pool: Rows, scored: Rows, seed: int) -> Iterable[tuple[int, float]]:
    known = clips.of_each(pool, 1)
    while True:
        head = clips.taught(known)
        yield len(known), clips.accuracy(head, scored)
        if len(known) >= LAST:
            return
        left = np.setdiff1d(pool, known)
        asked = choose(head, clips.vectors[left], left, clips.vectors[known], ROUND, seed)
        known = np.concatenate([known, left[[one.window for one in asked]]])


def print_few(ten: Clips, seeds: Sequence[int]) -> None:
    """ESC-10 by a few clips a label."""
    print("| ESC-10, clips a label | accuracy | by its own figures |\n| --- | --- | --- |")
    for size in (8, 24):
        found, own = [], []
        for seed in seeds:
            pool, scored = ten.split(seed)
            taught = ten.taught(ten.of_each(pool, size))
            found.append(ten.accuracy(taught, scored))
            own.append(taught.figures.accuracy or 0.0)
        print(f"| {size} | {mean(found)} | {mean(own)} |")
    print()


def print_strangers(clips: Clips, seeds: Iterable[int]) -> None:
    """Ten labels of 8 clips; the threshold from 20 other labels, scored on the remaining 20."""
    kinds: dict[str, list[tuple[float, ...]]] = {"of 20 other labels": [], "and of the ten labels themselves": []}
    for seed in seeds:
        pool, scored = clips.split(seed)
        order = np.random.default_rng(seed).permutation(len(clips.names))
        own = np.sort(order[:10])
        names = [clips.names[label] for label in own]
        taught_on = np.concatenate([pool[clips.labels[pool] == label][:8] for label in own])
        examples = Examples.one_label(
            clips.vectors[taught_on], np.searchsorted(own, clips.labels[taught_on]), taught_on
        )
        left = np.setdiff1d(pool, taught_on)
        known = scored[np.isin(clips.labels[scored], own)]
        others = scored[np.isin(clips.labels[scored], order[30:])]
        for kind, among in zip(kinds, (order[10:30], order[:30]), strict=True):
            strangers = left[np.isin(clips.labels[left], among)]
            head = teach(names, examples, clips.vectors[strangers], strangers, several=False)
            right = heard(head, probabilities(head, clips.vectors[known]))
            called = heard(head, probabilities(head, clips.vectors[others])).any(axis=1)
            kinds[kind].append(
                (
                    1.0 - (head.figures.unknown_share_of_strangers or 0.0),
                    float(called.mean()),
                    float(right[np.arange(len(known)), np.searchsorted(own, clips.labels[known])].mean()),
                    head.figures.strangers_alike or 0.0,
                )
            )
    print("| the owner's other recordings | of these called something | of 20 more labels | right ones kept | alike |")
    print("| --- | --- | --- | --- | --- |")
    for kind, rows in kinds.items():
        print(f"| {kind} | " + " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)) + " |")
    print()


def print_times(clips: Clips) -> None:
    """Seconds of one thread; windows beyond the clips are noisy copies of them."""
    print("| what | seconds |\n| --- | --- |")
    pool, _ = clips.split(0)
    thousand = clips.of_each(pool, 20)
    print(f"| {len(thousand)} examples of 50 labels | {_seconds(lambda: clips.taught(thousand)):.1f} |")
    vectors, sources = _copies(clips, 100_000, 20)
    recordings = np.arange(len(vectors)) // 20
    many = Examples.one_label(vectors, clips.labels[sources], recordings)
    print(f"| 100,000 windows of 5,000 recordings | {_seconds(lambda: teach(clips.names, many, several=False)):.1f} |")
    head = clips.taught(thousand)
    asking = _seconds(lambda: choose(head, vectors, recordings, clips.vectors[thousand], 200))
    print(f"| 200 to ask about of 100,000 windows | {asking:.1f} |")
    names, labels = [str(label) for label in range(10_000)], np.arange(20_000) // 2
    wide = Examples.one_label(vectors[:20_000], labels, np.arange(20_000))
    print(f"| 10,000 labels of 2 examples | {_seconds(lambda: teach(names, wide, several=False)):.1f} |\n")


def print_task(clips: Clips) -> None:
    """Seconds of the whole task: of clips, and of longer recordings, each about a clip, in one library."""
    pool, _ = clips.split(0)
    thousand = clips.of_each(pool, 20)
    clips.taught(clips.of_each(pool, 2))  # imports what teaching needs
    sources = np.random.default_rng(0).integers(0, len(clips.vectors), 5_000)
    print_tasks(
        [
            Part("1,000 examples of 50 labels", "clips", clips.vectors[thousand], clips.labels[thousand], 1),
            Part("100,000 windows of 5,000 recordings", "long", clips.vectors[sources], clips.labels[sources], 20),
        ]
    )


def _copies(clips: Clips, count: int, each: int) -> tuple[NDArray[np.float32], Rows]:
    rng = np.random.default_rng(0)
    sources = rng.integers(0, len(clips.vectors), count // each).repeat(each)
    vectors = clips.vectors[sources] + 0.02 * rng.standard_normal((count, 512), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, sources


def print_training(ten: Clips, epochs: int | None) -> None:
    """The recipe that trains a network, on 8 clips a label of ESC-10, scored as the taught head is."""
    pool, scored = ten.split(0)
    rows = ten.of_each(pool, 8)
    with TemporaryDirectory() as folder:
        taught_on, tested = Path(folder) / "taught", Path(folder) / "tested"
        for place, clips in ((taught_on, rows), (tested, scored)):
            _copy(ten, clips, place)
        recipe = Path(folder) / RECIPE.name
        recipe.write_text(_with_epochs(RECIPE.read_text(), epochs))
        run = Run.open(Path(folder) / "run", recipe, taught_on, choose_device(), Console(stderr=True))
        seconds = _seconds(lambda: run.fit_all(run.load(run.recipe.data)))
        network = build_network(run.recipe.network.architecture, {}, len(ten.names))
        network.load_state_dict(load_file(Path(folder) / "run" / "final" / "weights.safetensors"))
        found = load_clips(run.recipe.data, run.recipe.front_end, tested, iter)
        assert isinstance(network, AudioResNet)
        trained = accuracy(predict(network.eval(), found.spectrograms)[0], found.targets, found.recordings)
    own = _seconds(lambda: ten.taught(rows))
    print("| ESC-10, 8 clips a label | seconds | accuracy |\n| --- | --- | --- |")
    print(f"| taught | {own:.1f} | {ten.accuracy(ten.taught(rows), scored):.3f} |")
    print(f"| `phonoscope-train fit`, {run.recipe.schedule.epochs} epochs | {seconds:.0f} | {trained:.3f} |")


def _with_epochs(recipe: str, epochs: int | None) -> str:
    return recipe if epochs is None else re.sub(r"(?m)^epochs = \d+", f"epochs = {epochs}", recipe)


def _copy(clips: Clips, rows: Rows, place: Path) -> None:
    for row in rows:
        folder = place / clips.names[clips.labels[row]]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(clips.paths[row], folder)


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def mean(found: Sequence[float] | None) -> str:
    """With the bounds of the mean, of 95 % by the seeds' deviation."""
    if not found:
        return ""
    reach = 1.96 * np.std(found, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
    return f"{np.mean(found):.3f} ± {reach:.3f}"


if __name__ == "__main__":
    main()
