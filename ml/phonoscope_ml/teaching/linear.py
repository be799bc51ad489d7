"""Linear heads on stored vectors: the numbers that ``Head`` computes in torch, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Ids, Vectors

Activation: TypeAlias = Literal["softmax", "softmax-none", "sigmoid"]
Probabilities: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class LinearHead:
    """A head's numbers.

    Args:
        temperature: logits are divided by it.

    Shape:
        - weights: ``(labels, dimensions)``; bias: ``(labels,)``, float32
        - thresholds: ``(1,)`` or ``(labels,)``, the probability from which a label counts as heard
    """

    labels: tuple[str, ...]
    activation: Activation
    weights: Vectors
    bias: NDArray[np.float32]
    temperature: float
    thresholds: NDArray[np.float32]


def probabilities(head: LinearHead, vectors: NDArray[np.floating]) -> Probabilities:
    """Calibrated probabilities, float32. Shape: ``(n, dimensions)`` to ``(n, labels)``."""
    logits = vectors.astype(np.float32, copy=False) @ head.weights.T
    logits += head.bias
    logits /= np.float32(head.temperature)
    return activated(logits, head.activation)


def activated(logits: NDArray[np.float32], activation: Activation) -> Probabilities:
    """Probabilities of logits that were divided by the temperature. Shape: ``(n, labels)``; the input is overwritten."""
    if activation == "sigmoid":
        np.negative(logits, out=logits)
        np.exp(np.clip(logits, -80.0, 80.0, out=logits), out=logits)
        return np.divide(1.0, logits + 1.0, out=logits)
    peak = logits.max(axis=1, keepdims=True)
    none = activation == "softmax-none"
    peak = np.maximum(peak, 0.0) if none else peak
    np.exp(logits - peak, out=logits)
    total = logits.sum(axis=1, keepdims=True) + (np.exp(-peak) if none else 0.0)
    return np.divide(logits, total, out=logits)


def of_recordings(found: Probabilities, recordings: Ids) -> tuple[Ids, Probabilities]:
    """The means over the windows of each recording, as ``classify`` gives them for a whole recording.

    Shape:
        - found: ``(windows, labels)``; recordings: ``(windows,)``, ids
        - output: ids ``(recordings,)``, rising, and ``(recordings, labels)``
    """
    order = np.argsort(recordings, kind="stable")
    ids, starts, counts = np.unique(recordings[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(found[order], starts, axis=0, dtype=np.float64)
    return ids, (sums / counts[:, None]).astype(np.float32)


def heard(head: LinearHead, found: Probabilities) -> NDArray[np.bool_]:
    """Which labels count, by the rule of ``classify``: none below all thresholds, else the best one, or all above theirs.

    Shape:
        - found: ``(recordings, labels)``; output: the same
    """
    above = found >= head.thresholds
    if head.activation == "sigmoid":
        return above
    best = np.zeros_like(above)
    best[np.arange(len(found)), found.argmax(axis=1)] = above.any(axis=1)
    return best
