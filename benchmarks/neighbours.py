"""Measures how many of a recording's five nearest neighbours have its label: ESC-50 and GTZAN, in the spaces of bodies.

A recording's vector is that of the `embed` task; the similarity is the cosine. The baselines are chance, the same
network with random weights, and the means of the mel bands. Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from common import DATA, machine
from numpy.typing import NDArray
from tasks import catalogue

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import Kind
from phonoscope.logs import configure_logs
from phonoscope_ml.audible import audible
from phonoscope_ml.bodies import Body
from phonoscope_ml.device import choose_device
from phonoscope_ml.inference import run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.networks import EMBEDDING_DIM, build_network

NEIGHBOURS = 5
SAME_ARTIST = 3
"""GTZAN's numbers that lie no further apart are often of one artist."""

Vectors = NDArray[np.float32]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Clips:
    """Labelled recordings; those with a common source are cut from one recording, or are of one artist."""

    name: str
    files: list[Path]
    labels: list[str]
    same_source: Callable[[int, int], bool]


def main() -> None:
    arguments = _arguments()
    configure_logs("console", "error")
    torch.set_num_threads(arguments.threads)
    models = LoadedModels(catalogue(), choose_device())
    auto = models.auto
    sounds = arguments.sounds or (auto.general or auto.models[0]).name
    music = arguments.music or auto.models_for(Kind.MUSIC)[0].name
    print(f"{machine()}\n\n| recordings | vectors | same label, of {NEIGHBOURS} | without the same source |")
    print("| --- | --- | ---: | ---: |")
    for clips, model in ((_esc50(arguments.most), sounds), (_gtzan(arguments.most), music)):
        body = models.get(model).body
        ways = {
            f"`{body.name}`": partial(_embedded, body),
            "the same network, random weights": partial(_embedded, _random(body)),
            "means of its mel bands": partial(_mel_means, body),
        }
        found = [_heard(path, body, list(ways.values())) for path in clips.files]
        for words, vectors in zip(ways, zip(*found, strict=True), strict=True):
            _row(clips, words, np.stack(vectors))
        print(f"| {clips.name} | chance | {_chance(clips):.3f} | |", flush=True)


def _row(clips: Clips, words: str, vectors: Vectors) -> None:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    overall = _share(clips, similarity)
    for one in range(len(clips.files)):
        apart = [clips.same_source(one, other) for other in range(len(clips.files))]
        similarity[one, apart] = -np.inf
    print(f"| {clips.name} | {words} | {overall:.3f} | {_share(clips, similarity):.3f} |", flush=True)


def _share(clips: Clips, similarity: Vectors) -> float:
    labels = np.array(clips.labels)
    nearest = similarity.argsort(axis=1)[:, ::-1][:, :NEIGHBOURS]
    return float((labels[nearest] == labels[:, None]).mean())


def _chance(clips: Clips) -> float:
    counts = np.unique(clips.labels, return_counts=True)[1]
    return float((counts * (counts - 1)).sum() / len(clips.labels) / (len(clips.labels) - 1))


def _heard(path: Path, body: Body, ways: Sequence[Callable[[Vectors], Vectors]]) -> list[Vectors]:
    """A recording's vector of length 1 in each of several ways."""
    with path.open("rb") as file, Recording(file) as recording:
        samples = np.concatenate(list(recording.mono(body.front_end.settings.sample_rate_hz)))
    vectors = [way(samples) for way in ways]
    return [vector / max(float(np.linalg.norm(vector)), 1e-12) for vector in vectors]


def _embedded(body: Body, samples: Vectors) -> Vectors:
    found = run_body(body, [samples]).embedding
    return np.zeros(EMBEDDING_DIM, dtype=np.float32) if found is None else found


def _mel_means(body: Body, samples: Vectors) -> Vectors:
    settings = body.front_end.settings
    window = np.resize(samples, settings.window_samples) if len(samples) < settings.window_samples else samples
    window = next(audible([window], settings.sample_rate_hz))
    with torch.inference_mode():
        levels = body.front_end(torch.from_numpy(window)[None].to(body.device))[0, 0].mean(dim=1)
    means: Vectors = (levels - levels.mean()).cpu().numpy()
    return means


def _random(body: Body) -> Body:
    torch.manual_seed(1)
    manifest = catalogue().current.bodies.get(body.name)
    network = build_network(body.network.architecture, manifest.arguments if manifest else {}).eval()
    return replace(body, network=network.to(body.device), centre=None)


def _esc50(most: int) -> Clips:
    with (DATA / "esc50" / "meta.csv").open() as table:
        rows = _few(csv.DictReader(table), lambda row: row["category"], most)
    sources = [row["filename"].split("-")[1] for row in rows]
    files = [DATA / "esc50" / "audio" / row["filename"] for row in rows]
    labels = [row["category"] for row in rows]
    return Clips("ESC-50", files, labels, lambda one, other: sources[one] == sources[other])


def _gtzan(most: int) -> Clips:
    files = _few((DATA / "gtzan-clips").glob("*/*.ogg"), lambda path: path.parent.name, most)
    labels, numbers = [path.parent.name for path in files], [int(path.name.split(".")[1]) for path in files]
    return Clips(
        "GTZAN",
        files,
        labels,
        lambda one, other: labels[one] == labels[other] and abs(numbers[one] - numbers[other]) <= SAME_ARTIST,
    )


def _few(items: Iterable[Item], label: Callable[[Item], str], most: int) -> list[Item]:
    """At most so many of each label."""
    ordered = sorted(items, key=lambda item: (label(item), str(item)))
    return [item for _, group in groupby(ordered, key=label) for item in islice(group, most)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", help="a model whose body's space is measured on ESC-50; by default `auto`'s")
    parser.add_argument("--music", help="likewise on GTZAN")
    parser.add_argument("--most", type=int, default=1_000, help="recordings of each label, for a quick run")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
