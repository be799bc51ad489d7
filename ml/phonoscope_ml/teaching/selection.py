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
from phonoscope_ml.teaching.linear import Activation, Probabilities, activated

_PROTOTYPES = Candidate("prototypes")
_REGRESSIONS = tuple(Candidate("logistic regression", strength) for strength in (3.0, 10.0, 30.0))
_UNTESTED = 0.6
"""The temperature of prototypes where nothing can be held out: about what it is where something can."""
_FEW = 5
"""Groups a label below which regressions differ too little to choose one."""
_MOST_WINDOWS = 20_000
"""By which candidates are compared."""
_MOST_LOGITS = 2_000_000
"""Windows times labels that a regression is compared on; with more there are prototypes alone."""
_MOST_BY_THEMSELVES = 200
"""Labels of which each has a regression of its own, where several can hold."""
_MOST_TESTED = 20_000_000
"""Windows times labels; of more some recordings are tested."""
_TRYING = 0.8
"""The share of the work."""


@dataclass(frozen=True)
class HeldOut:
    """What is said of held-out recordings, and the candidate that says it best.

    The answers for a fold are those of the candidate that is best on the other folds: no figure is of recordings by
    which anything was chosen.

    Args:
        why: why the candidate was chosen.

    Shape:
        - probabilities: ``(cases, labels)``
    """

    candidate: Candidate
    why: str
    temperature: float
    folds: int
    cases: Cases
    probabilities: Probabilities


@dataclass(frozen=True)
class _Tried:
    """A candidate with its logits ``(members, labels)``, and the log-likelihood ``(cases,)`` of what is known."""

    candidate: Candidate
    logits: NDArray[np.float32]
    temperature: float
    scores: NDArray[np.float64]


def hold_out(
    examples: Examples,
    taught_on: Examples,
    labels: int,
    activation: Activation,
    seed: int,
    report: Callable[[float], None],
) -> HeldOut:
    """Tries candidates by cross-validation, and takes the one under which what is known is most likely.

    Args:
        examples: what was said; taught_on: these with what is assumed.
        report: called with the share of the whole work that is done.
    """
    several = activation == "sigmoid"
    folds = fold_of(taught_on, seed)
    cases = _bounded(cases_of(taught_on, folds, len(examples.windows), several=several), labels)
    if not len(cases) or len(np.unique(folds)) == 1:
        why = "no label has two recordings, so that nothing could be held out"
        nothing = cases.only(np.zeros(len(cases), dtype=np.bool_))
        return HeldOut(_PROTOTYPES, why, _UNTESTED, 0, nothing, np.zeros((0, labels), dtype=np.float32))
    candidates = _candidates(taught_on, cases, labels, several=several)
    tried = []
    for number, candidate in enumerate(candidates, 1):
        logits = held_out_logits(candidate, taught_on, cases, folds, labels, _MOST_WINDOWS, several=several)
        temperature = temperature_of(logits, cases, activation)
        tried.append(_Tried(candidate, logits, temperature, likelihoods(logits, cases, temperature, activation)))
        report(_TRYING * number / len(candidates))
    best = max(tried, key=lambda one: float(one.scores.mean()))
    answers = _answers(tried, cases, activation)
    return HeldOut(best.candidate, _why(tried), best.temperature, len(np.unique(folds)), cases, answers)


def _candidates(examples: Examples, cases: Cases, labels: int, *, several: bool) -> tuple[Candidate, ...]:
    if min(len(examples), _MOST_WINDOWS) * labels > _MOST_LOGITS or (several and labels > _MOST_BY_THEMSELVES):
        return (_PROTOTYPES,)
    held, members = cases.labels[cases.holds], cases.groups[cases.holds]
    counts = np.unique(np.unique(np.stack([held, members]), axis=1)[0], return_counts=True)[1]
    few = several or not counts.size or np.median(counts) < _FEW
    return (_PROTOTYPES, _REGRESSIONS[1]) if few else (_PROTOTYPES, *_REGRESSIONS)


def _bounded(cases: Cases, labels: int) -> Cases:
    """As many cases as fit in memory with the logits of all labels."""
    sizes = np.bincount(cases.of, minlength=len(cases))
    if sizes.sum() * labels <= _MOST_TESTED:
        return cases
    order = np.lexsort((np.random.default_rng(0).permutation(len(cases)), ~cases.stated))
    kept = np.zeros(len(cases), dtype=np.bool_)
    kept[order[np.cumsum(sizes[order]) * labels <= _MOST_TESTED]] = True
    return cases.only(kept)


def _answers(tried: list[_Tried], cases: Cases, activation: Activation) -> Probabilities:
    found = np.zeros((len(cases), tried[0].logits.shape[1]), dtype=np.float32)
    for fold in np.unique(cases.folds):
        tested = cases.folds == fold
        best = max(tried, key=lambda one: float(one.scores[~tested].mean()))
        windows = activated(best.logits[tested[cases.of]] / np.float32(best.temperature), activation)
        found[tested] = cases.only(tested).means(windows)
    return found


def _why(tried: list[_Tried]) -> str:
    if len(tried) == 1:
        return "there are too many labels for anything else"
    said = ", ".join(f"{_named(one.candidate)} {float(np.exp(one.scores.mean())):.3f}" for one in tried)
    return f"the most probable answers on held-out recordings (geometric mean of the right ones): {said}"


def _named(candidate: Candidate) -> str:
    return f"{candidate.method} (C = {candidate.strength:g})" if candidate.strength else candidate.method
