"""Logistic regression that also learns from what windows are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from phonoscope_ml.teaching.examples import Vectors

_ITERATIONS = 60


def refined(
    weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    vectors: Vectors,
    possible: NDArray[np.bool_],
    counts: NDArray[np.float64],
    strength: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A layer under which what is possible in each window is most probable, from one where to start.

    The last class is none of the labels, with the logit 0. A window of a label has this one possible class; one that
    is known not to have a label has all others: it counts against that label and for no other.

    Args:
        counts: how much each window counts; strength: the inverse of regularisation, as in scikit-learn.

    Shape:
        - weights: ``(labels, dimensions)``; bias: ``(labels,)``; vectors: ``(n, dimensions)``
        - possible: ``(n, labels + 1)``
    """
    labels, dimensions = weights.shape
    decay = 1.0 / (strength * counts.sum())
    share = counts / counts.sum()
    barred = np.where(possible, 0.0, -np.inf)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        layer = flat.reshape(labels, dimensions + 1)
        logits = np.zeros((len(vectors), labels + 1))
        logits[:, :labels] = vectors @ layer[:, :-1].T.astype(np.float32) + layer[:, -1]
        whole, log_whole = _softmax(logits)
        allowed, log_allowed = _softmax(logits + barred)
        error = ((whole - allowed) * share[:, None])[:, :labels].T
        slopes = error.astype(np.float32) @ vectors + decay * layer[:, :-1]
        gradient = np.concatenate([slopes, error.sum(axis=1)[:, None]], axis=1)
        return float(share @ (log_whole - log_allowed) + decay / 2.0 * (layer[:, :-1] ** 2).sum()), gradient.ravel()

    start = np.concatenate([weights, bias[:, None]], axis=1)
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS}).x
    layer = found.reshape(labels, dimensions + 1)
    return layer[:, :-1], layer[:, -1]


def _softmax(logits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The softmax of each row, and the logarithm of what its exponentials add up to."""
    peak = logits.max(axis=1, keepdims=True)
    raised = np.exp(logits - peak)
    total = raised.sum(axis=1, keepdims=True)
    return raised / total, (peak + np.log(total))[:, 0]
