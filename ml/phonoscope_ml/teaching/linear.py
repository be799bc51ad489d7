"""Linear heads on stored vectors: the numbers that ``Head`` computes in torch, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Ids, Vectors

Activation: TypeAlias = Literal["softmax", "softmax-none", "sigmoid"]
Probabilities: TypeAlias = NDArray[np.float32]

_STEEPEST = 80.0
"""The exponential of more is no number in single precision."""


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
    """Probabilities of logits that were divided by the temperature; they are computed in place.

    Shape:
        - input, output: ``(n, labels)``
    """
    if activation == "sigmoid":
        np.exp(np.clip(-logits, -_STEEPEST, _STEEPEST, out=logits), out=logits)
        np.divide(1.0, logits + 1.0, out=logits)
        return logits
    none = activation == "softmax-none"
    peak = logits.max(axis=1, keepdims=True, initial=0.0 if none else -np.inf)
    np.exp(logits - peak, out=logits)
    logits /= logits.sum(axis=1, keepdims=True) + (np.exp(-peak) if none else 0.0)
    return logits


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
    """Which labels count. Shape: ``(recordings, labels)`` to the same."""
    return counted(found, head.thresholds, several=head.activation == "sigmoid")


def counted(found: Probabilities, thresholds: NDArray[np.float32], *, several: bool) -> NDArray[np.bool_]:
    """Which labels count, by the rule of ``classify``: none where all are below their thresholds, else the best one.

    Where several can hold, all that are not below theirs count.

    Shape:
        - found: ``(recordings, labels)``; output: the same
        - thresholds: as a head has them, or a row of these for each recording
    """
    above: NDArray[np.bool_] = found >= thresholds
    if several:
        return above
    best = np.zeros_like(above)
    best[np.arange(len(found)), found.argmax(axis=1)] = above.any(axis=1)
    return best
