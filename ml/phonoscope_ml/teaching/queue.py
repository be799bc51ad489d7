"""Chooses the windows whose labels would teach most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Ids, Vectors, check_vectors
from phonoscope_ml.teaching.linear import LinearHead, probabilities

_NEIGHBOURS = 10
_NEAR = 2.0 - 2.0 * 0.98
"""The squared distance of unit vectors below which they are near-duplicates."""
_OF_ONE_RECORDING = 2
_CHUNK = 1024
_MOST_WINDOWS = 20_000
_FLOOR = 0.05


@dataclass(frozen=True)
class Asked:
    """A window to ask about.

    Args:
        window: its index.
        label: the label to ask about, the most probable one, with its probability.
        why: ``uncertain`` between two labels or about one, or ``varied``: unlike all that is known.
    """

    window: int
    label: str
    probability: float
    why: str


def choose(
    head: LinearHead, vectors: Vectors, recordings: Ids, known: Vectors, most: int, seed: int = 0
) -> list[Asked]:
    """The windows whose labels would teach most: uncertain, amid many others, and unlike each other.

    Args:
        known: the vectors of the examples; near-duplicates of these are not asked about.
        most: how many at most.

    Shape:
        - vectors: ``(n, dimensions)``; recordings: ``(n,)``; known: ``(k, dimensions)``

    Raises:
        ValueError: vectors that are no unit vectors.
    """
    if not len(vectors) or most <= 0:
        return []
    check_vectors(vectors, "vectors")
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(vectors))[:_MOST_WINDOWS])
    found = probabilities(head, vectors[some])
    unsure = _uncertainty(found, head)
    placed = _spread(vectors[some])
    near = _distances(vectors[some], known)
    worth = unsure * _density(placed, rng)
    chosen = _farthest(placed, vectors[some], worth, near, recordings[some], most)
    best = found.argmax(axis=1)
    return [
        Asked(
            int(some[at]),
            head.labels[best[at]],
            float(found[at, best[at]]),
            "uncertain" if unsure[at] >= 0.5 else "varied",
        )
        for at in chosen
    ]


def _uncertainty(found: NDArray[np.float32], head: LinearHead) -> NDArray[np.float32]:
    """1 less the margin between the two best labels; of labels that hold by themselves, nearness to the threshold."""
    if head.activation == "sigmoid":
        near: NDArray[np.float32] = (1.0 - np.abs(found - head.thresholds)).max(axis=1)
        return near
    top = np.partition(found, -2, axis=1)[:, -2:]
    margin: NDArray[np.float32] = 1.0 - (top[:, 1] - top[:, 0])
    return margin


def _spread(vectors: Vectors) -> Vectors:
    """Unit vectors around the mean, with no dimension that says more than others."""
    moved = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 0.3 * vectors.std() + 1e-6)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    placed: Vectors = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0.0)
    return placed


def _density(placed: Vectors, rng: np.random.Generator) -> NDArray[np.float32]:
    """The mean cosine with the nearest of a sample, above the least one."""
    sample = placed[rng.permutation(len(placed))[:2048]]
    nearest = min(_NEIGHBOURS, len(sample))
    rows = [
        np.partition(placed[at : at + _CHUNK] @ sample.T, -nearest, axis=1)[:, -nearest:].mean(axis=1)
        for at in range(0, len(placed), _CHUNK)
    ]
    dense = np.concatenate(rows)
    found: NDArray[np.float32] = dense - dense.min() + _FLOOR
    return found


def _distances(vectors: Vectors, known: Vectors) -> NDArray[np.float32]:
    """The squared distance from the nearest known vector, 4 where none is known."""
    found = np.full(len(vectors), 4.0, dtype=np.float32)
    for at in range(0, len(known), _CHUNK):
        found = np.minimum(found, 2.0 - 2.0 * (vectors @ known[at : at + _CHUNK].T).max(axis=1))
    return found


def _farthest(
    placed: Vectors,
    vectors: Vectors,
    worth: NDArray[np.float32],
    near: NDArray[np.float32],
    recordings: Ids,
    most: int,
) -> list[int]:
    """One by one the window with the greatest worth times squared distance from those chosen before."""
    free = near > _NEAR
    apart = np.full(len(placed), 2.0, dtype=np.float32)
    taken: dict[int, int] = {}
    chosen: list[int] = []
    while len(chosen) < most and free.any():
        at = int(np.where(free, worth * apart, -1.0).argmax())
        chosen.append(at)
        apart = np.minimum(apart, 2.0 - 2.0 * (placed @ placed[at]))
        free &= 2.0 - 2.0 * (vectors @ vectors[at]) > _NEAR
        free[at] = False
        of = int(recordings[at])
        taken[of] = taken.get(of, 0) + 1
        if taken[of] >= _OF_ONE_RECORDING:
            free &= recordings != of
    return chosen
