"""Thresholds, from held-out recordings and from strangers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.linear import Probabilities
from phonoscope_ml.teaching.selection import HeldOut

STRANGERS_CALLED = 0.05
"""The share of strangers that may be called something."""


def thresholds_of(held: HeldOut, strangers: Probabilities | None, *, several: bool) -> NDArray[np.float32]:
    """One threshold for all labels, or where several can hold one for each.

    Shape:
        - strangers: ``(recordings, labels)``; output: ``(1,)`` or ``(labels,)``
    """
    if not several:
        highest = None if strangers is None else strangers.max(axis=1)
        return np.array([unknown_below(held.probabilities.max(axis=1), highest)], dtype=np.float32)
    labels, cases = held.probabilities.shape[1], held.cases
    found = [
        threshold_of(held.probabilities[cases.labels == label, label], cases.holds[cases.labels == label])
        for label in range(labels)
    ]
    return np.array(found, dtype=np.float32)


def unknown_below(examples: Probabilities, strangers: Probabilities | None) -> float:
    """The probability below which a recording is called nothing.

    Shape:
        - examples: ``(cases,)``, the highest probability of each held-out recording
        - strangers: ``(recordings,)``, that of each recording that holds none of the labels
    """
    if strangers is None or not len(strangers):
        return 0.0
    ordered = np.sort(strangers)[::-1]
    allowed = int(STRANGERS_CALLED * len(ordered))
    return float(np.nextafter(np.float32(ordered[allowed]), np.float32(2.0)))


def threshold_of(found: NDArray[np.float64], holds: NDArray[np.bool_]) -> float:
    """The probability from which a label counts, with the best F1; 0.5 where nothing is known.

    Shape:
        - found, holds: ``(cases,)``
    """
    if not holds.any() or holds.all():
        return 0.5
    order = np.argsort(-found)
    right = np.cumsum(holds[order])
    scores = 2.0 * right / (np.arange(1, len(order) + 1) + holds.sum())
    last = np.append(np.diff(found[order]) < 0.0, True)
    best = int(np.where(last, scores, -1.0).argmax())
    below = found[order[best + 1]] if best + 1 < len(order) else 0.0
    return float((found[order[best]] + below) / 2.0)
