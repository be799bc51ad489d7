"""Chooses how a head is taught, by what candidates say of held-out recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.fitting import Candidate
from phonoscope_ml.teaching.heldout import (
    Cases,
    cases_of,
    fold_of,
    held_out_logits,
    likelihoods,
    temperature_of,
)
from phonoscope_ml.teaching.linear import Activation, activated

_PROTOTYPES = Candidate("prototypes")
_REGRESSIONS = (Candidate("logistic regression", 10.0), Candidate("logistic regression", 100.0))
_FEW = 5
_TRYING = 0.8
"""The share of the work."""


@dataclass(frozen=True)
class HeldOut:
    """What is said of held-out recordings, and the candidate that says it best.

    The answers for a fold are those of the candidate that is best on the other folds: no figure is of recordings by
    which anything was chosen.

    Args:
        reason: why the candidate was chosen.

    Shape:
        - probabilities: ``(cases, labels)``
    """

    candidate: Candidate
    reason: str
    temperature: float
    folds: int
    cases: Cases
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class _Tried:
    """A candidate with its logits ``(n, labels)``, and the log-likelihood ``(cases,)`` of what is known."""

    candidate: Candidate
    logits: NDArray[np.float32]
    temperature: float
    scores: NDArray[np.float64]


def hold_out(
    examples: Examples, labels: int, activation: Activation, seed: int, report: Callable[[float], None]
) -> HeldOut:
    """Tries candidates by cross-validation, and takes the one under which what is known is most likely."""
    several = activation == "sigmoid"
    folds = fold_of(examples, seed)
    cases = cases_of(examples, folds, several=several)
    if not len(cases) or len(np.unique(cases.folds)) == 1:
        reason = "no label has two recordings, so that nothing could be held out"
        return HeldOut(_PROTOTYPES, reason, 1.0, 0, cases, np.zeros((len(cases), labels)))
    candidates = _candidates(examples, cases)
    tried = []
    for number, candidate in enumerate(candidates, 1):
        logits = held_out_logits(candidate, examples, labels, folds, several=several)
        temperature = temperature_of(logits, cases, activation)
        tried.append(_Tried(candidate, logits, temperature, likelihoods(logits, cases, temperature, activation)))
        report(_TRYING * number / len(candidates))
    best = max(tried, key=lambda one: float(one.scores.mean()))
    answers = _answers(tried, cases, activation)
    return HeldOut(best.candidate, _reason(tried, best), best.temperature, len(np.unique(cases.folds)), cases, answers)


def _candidates(examples: Examples, cases: Cases) -> tuple[Candidate, ...]:
    pairs = np.unique(np.stack([cases.labels[cases.holds], cases.groups[cases.holds]]), axis=1)
    counts = np.bincount(pairs[0])
    few = np.median(counts[counts > 0]) < _FEW
    return (_PROTOTYPES, _REGRESSIONS[0]) if few else (_PROTOTYPES, *_REGRESSIONS)


def _answers(tried: list[_Tried], cases: Cases, activation: Activation) -> NDArray[np.float64]:
    found = np.zeros((len(cases), tried[0].logits.shape[1]))
    for fold in np.unique(cases.folds):
        tested = cases.folds == fold
        best = max(tried, key=lambda one: float(one.scores[~tested].mean()))
        members = np.flatnonzero(tested[cases.of])
        windows = activated(best.logits[cases.members[members]] / np.float32(best.temperature), activation)
        found[tested] = cases.only(tested).means(windows)
    return found


def _reason(tried: list[_Tried], best: _Tried) -> str:
    said = ", ".join(f"{_named(one.candidate)} {float(np.exp(one.scores.mean())):.3f}" for one in tried)
    return f"the most probable answers on held-out recordings (geometric mean of the right ones): {said}"


def _named(candidate: Candidate) -> str:
    return f"{candidate.method} (C = {candidate.strength:g})" if candidate.strength else candidate.method
