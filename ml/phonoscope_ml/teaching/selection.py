"""Chooses how a head is taught, by what candidates say of held-out recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Examples, Ids
from phonoscope_ml.teaching.fitting import Candidate
from phonoscope_ml.teaching.heldout import (
    TEMPERATURES,
    Cases,
    by_temperature,
    cases_of,
    choosing,
    fold_of,
    held_out_logits,
)
from phonoscope_ml.teaching.linear import Activation, Probabilities, activated

PROTOTYPES = Candidate("prototypes")
REGRESSIONS = tuple(Candidate("logistic regression", strength) for strength in (5.0, 30.0))
_UNTESTED = 0.6
"""The temperature of prototypes where nothing can be held out: about what it is where something can."""
_FEW = 5
"""Groups a label below which regressions differ too little to choose one."""
_MOST_WINDOWS = 20_000
"""By which candidates are compared."""
_MOST_LOGITS = 2_000_000
"""Windows times labels by which candidates are compared."""
_FEWEST_EACH = 5
"""Windows a label that these must leave; with more labels there are prototypes alone."""
_MOST_BY_THEMSELVES = 200
"""Labels of which each has a regression of its own, where several can hold."""
_MOST_TESTED = 20_000_000
"""Windows times labels; of more some recordings are tested."""
_TRYING = 0.8
"""The share of the work."""


@dataclass(frozen=True)
class HeldOut:
    """What is said of held-out recordings, and the candidate that says it best.

    The answers for a fold are those of the candidate and of the temperature that are best on the other folds: no
    figure is of recordings by which these were chosen.

    Args:
        reason: why the candidate was chosen.
        temperature: of the head that is served, chosen by all cases.

    Shape:
        - probabilities: ``(cases, labels)``
    """

    candidate: Candidate
    reason: str
    temperature: float
    folds: int
    cases: Cases
    probabilities: Probabilities


@dataclass(frozen=True)
class _Tried:
    """A candidate with its logits ``(members, labels)``, and the log-likelihoods ``(temperatures, choosing cases)``."""

    candidate: Candidate
    logits: NDArray[np.float32]
    scores: NDArray[np.float64]


def hold_out(
    examples: Examples,
    taught_on: Examples,
    labels: int,
    activation: Activation,
    seed: int,
    report: Callable[[float], None] = lambda _: None,
    *,
    folds: Ids | None = None,
    candidates: tuple[Candidate, ...] | None = None,
) -> HeldOut:
    """Tries candidates by cross-validation, and takes the one under which what is known is most likely.

    Args:
        examples: what was said; taught_on: these with what is assumed.
        report: called with the share of the whole work that is done.
        folds: of the windows, which are dealt by ``seed`` otherwise; candidates: those to try.

    Shape:
        - folds: ``(n,)``, from 0 to ``FOLDS - 1``
    """
    several = activation == "sigmoid"
    folds = fold_of(taught_on, seed) if folds is None else folds
    cases = _bounded(cases_of(taught_on, folds, len(examples.windows), several=several), labels)
    if len(np.unique(cases.labels)) < (1 if several else 2):
        reason = "too few labels have two recordings, so that nothing could be held out"
        nothing = cases.only(np.zeros(len(cases), dtype=np.bool_))
        return HeldOut(PROTOTYPES, reason, _UNTESTED, 0, nothing, np.zeros((0, labels), dtype=np.float32))
    candidates = candidates or _candidates(cases, labels, several=several)
    chosen_by = choosing(cases, labels)
    tried = []
    for number, candidate in enumerate(candidates, 1):
        most = _MOST_WINDOWS if len(candidates) > 1 else len(taught_on)
        most = min(most, _MOST_LOGITS // labels) if candidate.strength else most
        logits = held_out_logits(candidate, taught_on, cases, folds, labels, most, several=several)
        scores = by_temperature(logits[chosen_by[cases.of]], cases.only(chosen_by), activation)
        tried.append(_Tried(candidate, logits, scores))
        report(_TRYING * number / len(candidates))
    best, temperature = _best(tried, np.ones(int(chosen_by.sum()), dtype=np.bool_))
    answers = _answers(tried, cases, chosen_by, activation)
    return HeldOut(best.candidate, _reason(tried), temperature, len(np.unique(folds)), cases, answers)


def _candidates(cases: Cases, labels: int, *, several: bool) -> tuple[Candidate, ...]:
    too_many = labels > _MOST_BY_THEMSELVES if several else labels * labels * _FEWEST_EACH > _MOST_LOGITS
    if too_many:
        return (PROTOTYPES,)
    held, members = cases.labels[cases.holds], cases.groups[cases.holds]
    counts = np.unique(np.unique(np.stack([held, members]), axis=1)[0], return_counts=True)[1]
    few = several or not counts.size or np.median(counts) < _FEW
    return (PROTOTYPES, REGRESSIONS[0]) if few else (PROTOTYPES, *REGRESSIONS)


def _bounded(cases: Cases, labels: int) -> Cases:
    """As many cases as fit in memory with the logits of all labels."""
    sizes = np.bincount(cases.of, minlength=len(cases))
    if sizes.sum() * labels <= _MOST_TESTED:
        return cases
    order = np.lexsort((np.random.default_rng(0).permutation(len(cases)), ~cases.stated))
    kept = np.zeros(len(cases), dtype=np.bool_)
    kept[order[np.cumsum(sizes[order]) * labels <= _MOST_TESTED]] = True
    return cases.only(kept)


def _best(tried: list[_Tried], kept: NDArray[np.bool_]) -> tuple[_Tried, float]:
    """The candidate, and its temperature, under which what is known of these cases is most likely."""
    means = np.stack([one.scores[:, kept].mean(axis=1) for one in tried])
    candidate, temperature = divmod(int(means.argmax()), len(TEMPERATURES))
    return tried[candidate], float(TEMPERATURES[temperature])


def _answers(tried: list[_Tried], cases: Cases, chosen_by: NDArray[np.bool_], activation: Activation) -> Probabilities:
    """The answers for each fold, by what is best on the others. Shape: ``(cases, labels)``."""
    found = np.zeros((len(cases), tried[0].logits.shape[1]), dtype=np.float32)
    judges = cases.only(chosen_by)
    for fold in np.unique(cases.folds):
        tested = cases.folds == fold
        best, temperature = _best(tried, judges.besides(int(fold)))
        windows = activated(best.logits[tested[cases.of]] / np.float32(temperature), activation)
        found[tested] = cases.only(tested).means(windows)
    return found


def _reason(tried: list[_Tried]) -> str:
    if len(tried) == 1:
        return "there are too many labels for anything else"
    said = ", ".join(f"{_named(one.candidate)} {np.exp(one.scores.mean(axis=1).max()):.3f}" for one in tried)
    return f"the most probable answers on held-out recordings (geometric mean of the right ones): {said}"


def _named(candidate: Candidate) -> str:
    return f"{candidate.method} (C = {candidate.strength:g})" if candidate.strength else candidate.method
