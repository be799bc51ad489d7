"""Fits linear heads: logistic regression, and prototypes where there are too few examples for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from phonoscope_ml.teaching.examples import Examples, Vectors

Method: TypeAlias = Literal["prototypes", "logistic regression"]

_FLOOR = 0.3
"""Added to each dimension's deviation, as a share of the mean one: no dimension is blown up."""
_SHARPNESS = 12.0
"""The factor on the cosines of prototypes before a temperature is known."""
_ITERATIONS = 150


class Candidate(NamedTuple):
    """A way to fit; strength is the inverse of regularisation, and has no meaning for prototypes."""

    method: Method
    strength: float = 0.0


@dataclass(frozen=True)
class Layer:
    """A linear layer on vectors as they are stored. Shape: ``(labels, dimensions)`` and ``(labels,)``, float32."""

    weights: Vectors
    bias: NDArray[np.float32]

    def logits(self, vectors: Vectors) -> NDArray[np.float32]:
        """Shape: ``(n, dimensions)`` to ``(n, labels)``."""
        found: NDArray[np.float32] = vectors @ self.weights.T
        found += self.bias
        return found


@dataclass(frozen=True)
class Scaling:
    """The mean and the deviation of each dimension. Shape: ``(dimensions,)``."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: Vectors) -> Scaling:
        deviation = vectors.std(axis=0)
        floor = _FLOOR * float(np.sqrt((deviation**2).mean()))
        scale = (deviation + max(floor, 1e-6)) * np.sqrt(vectors.shape[1])
        return cls(vectors.mean(axis=0), scale.astype(np.float32))

    def __call__(self, vectors: Vectors) -> Vectors:
        scaled: Vectors = (vectors - self.mean) / self.deviation
        return scaled

    def folded(self, weights: NDArray[np.floating], bias: NDArray[np.floating]) -> Layer:
        """A layer on scaled vectors as one on vectors as they are stored."""
        own = (weights / self.deviation).astype(np.float32)
        return Layer(own, (bias - own.astype(np.float64) @ self.mean).astype(np.float32))


def weights_of(examples: Examples, windows: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much each fact counts: recordings of a label count alike, and so do labels. The mean is 1."""
    pairs = np.stack([labels, examples.recordings[windows]])
    _, inverse, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    each = 1.0 / counts[inverse.ravel()]
    totals = np.bincount(labels, each)
    balanced = each / totals[labels]
    found: NDArray[np.float64] = balanced / balanced.mean()
    return found


def fit(candidate: Candidate, examples: Examples, labels: int, kept: NDArray[np.bool_], *, several: bool) -> Layer:
    """A layer taught on the windows that are kept. Shape: kept ``(n,)``."""
    scaling = Scaling.of(examples.vectors[kept])
    fitted = _several if several else _one
    return fitted(candidate, examples, labels, kept, scaling)


def _one(candidate: Candidate, examples: Examples, labels: int, kept: NDArray[np.bool_], scaling: Scaling) -> Layer:
    facts = examples.holds & kept[examples.windows]
    windows, targets = examples.windows[facts], examples.labels[facts]
    vectors = scaling(examples.vectors[windows])
    counts = weights_of(examples, windows, targets)
    if candidate.method == "prototypes" or len(np.unique(targets)) == 1:
        return scaling.folded(*_prototypes(vectors, targets, counts, labels))
    model = LogisticRegression(C=candidate.strength, max_iter=_ITERATIONS, tol=1e-3)
    model.fit(vectors, targets, sample_weight=counts)
    weights = np.zeros((labels, vectors.shape[1]))
    bias = np.full(labels, -1e3)
    if len(model.classes_) == 2:  # noqa: PLR2004 - one row of coefficients stands for both
        weights[model.classes_] = np.concatenate([-model.coef_, model.coef_]) / 2.0
        bias[model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2.0
    else:
        weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return scaling.folded(weights, bias)


def _several(candidate: Candidate, examples: Examples, labels: int, kept: NDArray[np.bool_], scaling: Scaling) -> Layer:
    weights, bias = np.zeros((labels, examples.vectors.shape[1])), np.zeros(labels)
    vectors = scaling(examples.vectors)
    for label in range(labels):
        facts = (examples.labels == label) & kept[examples.windows]
        windows, holds = examples.windows[facts], examples.holds[facts]
        if not holds.any():
            bias[label] = -1e3
            continue
        counts = weights_of(examples, windows, holds.astype(np.int64))
        weights[label], bias[label] = _yes_or_no(candidate, vectors[windows], holds, counts)
    return scaling.folded(weights, bias)


def _yes_or_no(
    candidate: Candidate, vectors: Vectors, holds: NDArray[np.bool_], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    if candidate.method == "prototypes" or holds.all():
        both, bias = _prototypes(vectors, holds.astype(np.int64), counts, 2)
        return both[1] - both[0], float(bias[1] - bias[0]) if not holds.all() else -_SHARPNESS / 2.0
    model = LogisticRegression(C=candidate.strength, max_iter=_ITERATIONS, tol=1e-3)
    model.fit(vectors, holds, sample_weight=counts)
    return model.coef_[0], float(model.intercept_[0])


def _prototypes(
    vectors: Vectors, targets: NDArray[np.int64], counts: NDArray[np.float64], labels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each label's mean direction, of which vectors take the cosine."""
    sums = np.zeros((labels, vectors.shape[1]))
    np.add.at(sums, targets, vectors * counts[:, None])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    directions = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0.0)
    return _SHARPNESS * directions, np.where(lengths[:, 0] > 0.0, 0.0, -1e3)
