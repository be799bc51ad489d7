"""Fits linear heads: logistic regression, and prototypes where there are too few examples for it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from phonoscope_ml.teaching.examples import Examples, Ids, Vectors
from phonoscope_ml.teaching.rejected import refined

Method: TypeAlias = Literal["prototypes", "logistic regression"]
_Numbers: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Weights and bias on scaled vectors."""

_FLOOR = 0.3
"""Added to each dimension's deviation, as a share of the mean one: no dimension is blown up."""
_SHARPNESS = 12.0
"""The factor on the cosines of prototypes before a temperature is known."""
_ITERATIONS, _TOLERANCE = 150, 1e-3
_LEAST_A_LABEL = 2
"""Windows a label below which there is nothing to regress."""
_NEVER = -1e3
"""The bias of a label that nothing was said of."""


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


def fit(candidate: Candidate, examples: Examples, labels: int, kept: NDArray[np.bool_], *, several: bool) -> Layer:
    """A layer taught on the windows that are kept; a label without any is never probable. Shape: kept ``(n,)``."""
    scaling = Scaling.of(examples.vectors[kept])
    taught = examples.among(kept)
    return scaling.folded(*(_several if several else _one)(candidate, taught, labels, scaling))


def weights_of(examples: Examples, facts: Ids) -> NDArray[np.float64]:
    """How much facts count, with a mean of 1.

    Groups of a label count alike; labels count by the root of their number of groups, so that frequent ones do not
    drown rare ones, and rare ones are not called everywhere.
    """
    _, targets = np.unique(examples.labels[facts] * 2 + examples.holds[facts], return_inverse=True)
    _, groups = np.unique(examples.groups[examples.windows[facts]], return_inverse=True)
    _, inverse, counts = np.unique(targets * (groups.max() + 1) + groups, return_inverse=True, return_counts=True)
    each = 1.0 / counts[inverse]
    found: NDArray[np.float64] = each / np.sqrt(np.bincount(targets, each))[targets]
    found /= found.mean()
    return found


def _one(candidate: Candidate, examples: Examples, labels: int, scaling: Scaling) -> _Numbers:
    facts = np.flatnonzero(examples.holds)
    windows, targets = examples.windows[facts], examples.labels[facts]
    vectors, counts = scaling(examples.vectors[windows]), weights_of(examples, facts)
    if candidate.method == "prototypes" or len(windows) < _LEAST_A_LABEL * len(np.unique(targets)):
        return _prototypes(vectors, targets, counts, labels)
    weights, bias = _regression(candidate, vectors, targets, counts, labels)
    rejected = examples.only_rejected
    if not rejected.size:
        return weights, bias
    possible = np.zeros((len(windows), labels + 1), dtype=np.bool_)
    possible[np.arange(len(windows)), targets] = True
    denied = examples.windows[rejected], examples.labels[rejected]
    others, of = np.unique(denied[0], return_inverse=True)
    left = np.ones((len(others), labels + 1), dtype=np.bool_)
    left[of, denied[1]] = False
    everything = np.concatenate([vectors, scaling(examples.vectors[others])])
    shares = np.ones(len(others))
    np.maximum.at(shares, of, weights_of(examples, rejected))
    both = np.concatenate([counts, shares])
    return refined(weights, bias, everything, np.concatenate([possible, left]), both, candidate.strength)


def _several(candidate: Candidate, examples: Examples, labels: int, scaling: Scaling) -> _Numbers:
    weights, bias = np.zeros((labels, examples.vectors.shape[1])), np.full(labels, _NEVER)
    order = np.argsort(examples.labels, kind="stable")
    ends = np.searchsorted(examples.labels[order], np.arange(labels + 1))
    for label in range(labels):
        facts = order[ends[label] : ends[label + 1]]
        holds = examples.holds[facts]
        if holds.any():
            vectors = scaling(examples.vectors[examples.windows[facts]])
            weights[label], bias[label] = _yes_or_no(candidate, vectors, holds, weights_of(examples, facts))
    return weights, bias


def _yes_or_no(
    candidate: Candidate, vectors: Vectors, holds: NDArray[np.bool_], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    if candidate.method == "prototypes" or holds.all():
        both, _ = _prototypes(vectors, holds.astype(np.int64), counts, 2)
        return both[1] - both[0], -_SHARPNESS / 2.0 if holds.all() else 0.0
    both, bias = _regression(candidate, vectors, holds.astype(np.int64), counts, 2)
    return both[1] - both[0], float(bias[1] - bias[0])


def _regression(
    candidate: Candidate, vectors: Vectors, targets: Ids, counts: NDArray[np.float64], labels: int
) -> _Numbers:
    model = LogisticRegression(C=candidate.strength, max_iter=_ITERATIONS, tol=_TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectors, targets, sample_weight=counts)
    weights, bias = np.zeros((labels, vectors.shape[1])), np.full(labels, _NEVER)
    rows, shifts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # noqa: PLR2004 - there is one row, for the second of them
        rows, shifts = np.concatenate([-rows, rows]) / 2.0, np.concatenate([-shifts, shifts]) / 2.0
    weights[model.classes_], bias[model.classes_] = rows, shifts
    return weights, bias


def _prototypes(vectors: Vectors, targets: Ids, counts: NDArray[np.float64], labels: int) -> _Numbers:
    """Each label's mean direction, of which vectors take the cosine (Snell et al., 2017, arXiv 1703.05175)."""
    by_label = csr_array((counts, (targets, np.arange(len(targets)))), shape=(labels, len(targets)))
    sums: NDArray[np.float64] = by_label @ vectors
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    directions = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0.0)
    there = np.isin(np.arange(labels), targets)
    return _SHARPNESS * directions, np.where(there, 0.0, _NEVER)
