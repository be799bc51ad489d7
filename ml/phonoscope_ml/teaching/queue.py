"""Chooses the windows whose labels would teach most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from phonoscope_ml.teaching.examples import Ids, Vectors, unit_rows
from phonoscope_ml.teaching.linear import LinearHead, Probabilities, probabilities

_NEIGHBOURS = 10
_NEAR = 2.0 - 2.0 * 0.98
"""The squared distance of unit vectors below which they are near-duplicates."""
_OF_ONE_RECORDING = 2
_CHUNK = 1_024
_MOST_WINDOWS, _MOST_KNOWN, _MOST_NEIGHBOURS = 10_000, 20_000, 2_048
"""That are looked at; of more some, chosen at random."""
_FLOOR = 0.05
_UNSURE = 0.5
_FAR = 0.9
"""The quantile of distances from what is known above which a window is unlike it."""
_SOFTENED = 0.3
"""Added to each dimension's deviation, as a share of that of all."""

Why: TypeAlias = Literal["uncertain", "varied", "check"]
_Numbers: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """A window to ask about.

    Args:
        window: its index.
        label: the label to ask about, with its probability.
        why: ``varied``: unlike all that is known; ``uncertain``: between two labels, or near a threshold; ``check``:
            neither, amid many windows that nobody has answered.
    """

    window: int
    label: str
    probability: float
    why: Why


def choose(
    head: LinearHead, vectors: Vectors, recordings: Ids, known: Vectors, most: int, seed: int = 0
) -> list[Asked]:
    """The windows whose labels would teach most: uncertain, amid many others, and unlike each other.

    One by one the window is taken with the greatest product of uncertainty, density (the mean cosine with its 10
    nearest) and squared distance from those taken before. Near-duplicates of these and of examples (a cosine of 0.98)
    are left out, as are rows that are no unit vectors; of a recording there are two at most.

    Args:
        known: the vectors of the examples.
        most: how many at most.

    Shape:
        - vectors: ``(n, dimensions)``, float32; recordings: ``(n,)``; known: ``(k, dimensions)``
    """
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(np.flatnonzero(unit_rows(vectors)))[:_MOST_WINDOWS])
    if not some.size or most <= 0:
        return []
    with threadpool_limits(limits=1):
        pool = vectors[some]
        found = probabilities(head, pool)
        labels, unsure = _uncertain(found, head)
        placed = _spread(pool)
        away = _distances(pool, known[rng.permutation(len(known))[:_MOST_KNOWN]])
        worth = unsure * _density(placed, rng)
        chosen = _farthest(placed, pool, worth, away > _NEAR, recordings[some], most)
    far = np.quantile(away, _FAR)
    reasons = np.where(away > far, "varied", np.where(unsure >= _UNSURE, "uncertain", "check"))
    return [
        Asked(int(some[at]), head.labels[labels[at]], float(found[at, labels[at]]), reasons[at].item()) for at in chosen
    ]


def _uncertain(found: Probabilities, head: LinearHead) -> tuple[Ids, _Numbers]:
    """The label to ask about, and how uncertain it is, in [0, 1].

    It is the best label, and 1 less its margin before the next; where several can hold, the label nearest to its
    threshold, and that nearness.
    """
    rows = np.arange(len(found))
    if head.activation == "sigmoid":
        near = 1.0 - np.abs(found - head.thresholds)
        labels = near.argmax(axis=1)
        return labels, near[rows, labels]
    labels, best = found.argmax(axis=1), found.max(axis=1)
    others = found.copy()
    others[rows, labels] = 0.0
    none = 1.0 - found.sum(axis=1) if head.activation == "softmax-none" else 0.0
    return labels, 1.0 - np.abs(best - np.maximum(others.max(axis=1), none))


def _spread(vectors: Vectors) -> Vectors:
    """Unit vectors around the mean, with no dimension that says more than others."""
    moved = vectors - vectors.mean(axis=0)
    moved /= vectors.std(axis=0) + _SOFTENED * vectors.std() + np.float32(1e-6)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    placed: Vectors = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0.0)
    return placed


def _density(placed: Vectors, rng: np.random.Generator) -> _Numbers:
    """The mean cosine with the nearest of a sample, above the least one."""
    sample = placed[rng.permutation(len(placed))[:_MOST_NEIGHBOURS]]
    nearest = min(_NEIGHBOURS, len(sample))
    rows = [
        np.partition(part @ sample.T, -nearest, axis=1)[:, -nearest:].mean(axis=1)
        for part in np.split(placed, range(_CHUNK, len(placed), _CHUNK))
    ]
    dense: _Numbers = np.concatenate(rows)
    dense += np.float32(_FLOOR) - dense.min()
    return dense


def _distances(vectors: Vectors, known: Vectors) -> _Numbers:
    """The squared distance from the nearest known vector; 4, the greatest, where none is known."""
    found = np.full(len(vectors), 4.0, dtype=np.float32)
    for at in range(0, len(known), _CHUNK):
        found = np.minimum(found, 2.0 - 2.0 * (vectors @ known[at : at + _CHUNK].T).max(axis=1))
    return found


def _farthest(
    placed: Vectors, vectors: Vectors, worth: _Numbers, free: NDArray[np.bool_], recordings: Ids, most: int
) -> list[int]:
    """One by one the free window with the greatest worth times squared distance from those chosen before."""
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
