"""Windows to search in: real ones, heard once and cached in ``runs/search``, and mixtures of these.

Real: ESC-50's clips and GTZAN's excerpts, a window of 5 s each, in the space of the general body, with the label
probabilities of its heads.

Mixed: a track draws one to three real windows, its palette: half of the time one of them and others of its 20 nearest,
else any. Each of its windows is their sum with weights of its own (Dirichlet, 0.7), plus 0 to 0.5 times the difference
of any real window and one of its 20 nearest, which no palette spans; the sum is clipped at 0, as the body's output is,
and scaled to length 1. The label probabilities are the palette's, with the same weights, kept from 0.03 and at most 12
of each head.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import DATA
from numpy.typing import NDArray
from tasks import catalogue

from phonoscope.audio.decode import Recording
from phonoscope.logs import configure_logs
from phonoscope.windows import LEAST_PROBABILITY, MOST_LABELS
from phonoscope_ml.audible import audible
from phonoscope_ml.device import choose_device
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.registry import Model

CACHE = Path("runs/search/real.npz")
HEADS = ("audioset-527", "environment-50")
_NEAREST, _ALIKE, _MOST_MIXED = 20, 0.5, 3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Windows:
    """Windows with their labels.

    Shape:
        - vectors: ``(windows, 512)``, float32, of length 1
        - probabilities: ``(windows, labels of all heads)``, those that are kept, else 0
        - nearest: ``(windows, 20)``, the nearest others of each
        - labels: ``(head, label)`` of each column of ``probabilities``
    """

    vectors: Floats
    probabilities: Floats
    nearest: NDArray[np.int64]
    labels: list[tuple[str, str]]


def real_windows() -> Windows:
    """The real windows, from the cache where they are in it."""
    if not CACHE.exists():
        _hear()
    with np.load(CACHE) as cached:
        labels = [(str(head), str(label)) for head, label in cached["labels"]]
        vectors = cached["vectors"]
        similarity = vectors @ vectors.T
        np.fill_diagonal(similarity, -1.0)
        nearest = similarity.argsort(axis=1)[:, : -_NEAREST - 1 : -1]
        return Windows(vectors, cached["probabilities"].astype(np.float32), nearest, labels)


def mixed(real: Windows, sizes: NDArray[np.int64], rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    """Tracks of so many windows each: vectors ``(windows, 512)`` and probabilities ``(windows, labels)``."""
    for size in sizes:
        first = int(rng.integers(len(real.vectors)))
        others = real.nearest[first] if rng.random() < _ALIKE else np.arange(len(real.vectors))
        palette = np.append(rng.choice(others, rng.integers(0, _MOST_MIXED)), first)
        weights = rng.dirichlet(np.full(len(palette), 0.7), int(size)).astype(np.float32)
        yield _vectors(real, palette, weights, rng), kept(weights @ real.probabilities[palette], real.labels)


def kept(probabilities: Floats, labels: Sequence[tuple[str, str]]) -> Floats:
    """Those from 0.03, at most 12 of each head."""
    probabilities = np.where(probabilities >= LEAST_PROBABILITY, probabilities, 0.0).astype(np.float32)
    heads = np.array([head for head, _ in labels])
    for head in HEADS:
        own = probabilities[:, heads == head]
        least = np.partition(own, -MOST_LABELS, axis=1)[:, -MOST_LABELS, None]
        probabilities[:, heads == head] = np.where(own >= least, own, 0.0)
    return probabilities


def _vectors(real: Windows, palette: NDArray[np.int64], weights: Floats, rng: np.random.Generator) -> Floats:
    one = rng.integers(len(real.vectors), size=len(weights))
    other = real.nearest[one, rng.integers(0, _NEAREST, len(weights))]
    apart = rng.uniform(0.0, 0.5, (len(weights), 1)).astype(np.float32) * (real.vectors[one] - real.vectors[other])
    sums = (weights @ real.vectors[palette] + apart).clip(0.0)
    units: Floats = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return units


def _hear() -> None:
    configure_logs("console", "error")
    torch.set_num_threads(1)
    loaded = LoadedModels(catalogue(), choose_device())
    heads = [loaded.get(name) for name in HEADS]
    vectors, probabilities = map(np.concatenate, zip(*(_heard(path, heads) for path in _files()), strict=True))
    labels = [(name, label) for name, head in zip(HEADS, heads, strict=True) for label in head.manifest.labels]
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        CACHE,
        vectors=vectors,
        probabilities=kept(probabilities, labels).astype(np.float16),
        labels=np.array(labels),
    )


def _heard(path: Path, heads: list[Model]) -> tuple[Floats, Floats]:
    body = heads[0].body
    settings = body.front_end.settings
    with path.open("rb") as file, Recording(file) as recording:
        samples = np.concatenate(list(audible(recording.mono(settings.sample_rate_hz), settings.sample_rate_hz)))
    window = torch.from_numpy(np.resize(samples, settings.window_samples))[None]
    with torch.inference_mode():
        output = body.network(body.spectrograms(window))
        probabilities = [head.network.probabilities(head.network.classify(output.features)) for head in heads]
    length = output.embedding.norm()
    return (output.embedding / length)[: int(length > 0)].numpy(), torch.cat(probabilities, 1)[
        : int(length > 0)
    ].numpy()


def _files() -> list[Path]:
    with (DATA / "esc50" / "meta.csv").open() as table:
        sounds = [DATA / "esc50" / "audio" / row["filename"] for row in csv.DictReader(table)]
    return sounds + sorted((DATA / "gtzan-clips").glob("*/*.ogg"))
