"""Counts right and wrong answers of held-out recordings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.calibration import Thresholds
from phonoscope_ml.teaching.examples import Examples, Ids
from phonoscope_ml.teaching.figures import Confused, Figures, LabelFigures, wilson
from phonoscope_ml.teaching.heldout import Cases
from phonoscope_ml.teaching.linear import LinearHead, Probabilities, counted
from phonoscope_ml.teaching.selection import HeldOut

FEWEST = 10
"""Groups of a label below which its figures say little."""


def figures_of(head: LinearHead, examples: Examples, held: HeldOut, found: Thresholds, strangers: int) -> Figures:
    """The figures of a head, whose thresholds were found with so many strangers.

    Held-out recordings are called by thresholds that were chosen on other folds.
    """
    several = head.activation == "sigmoid"
    cases, answers, called, right = judged(held, found, several=several)
    accuracy = float(right.mean()) if len(cases) else None
    low, high = (None, None) if accuracy is None else wilson(accuracy, len(np.unique(cases.groups)))
    labels = _by_label(head, examples, cases, called)
    scores = [_f1(one) for one in labels if one.recall is not None]
    return Figures(
        method=held.candidate.method,
        reason=held.reason,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=float(np.mean(scores)) if scores else None,
        examples=len(examples),
        recordings=len(np.unique(examples.recordings)),
        groups=len(np.unique(examples.groups)),
        held_out=len(np.unique(cases.recordings)),
        folds=held.folds,
        strangers=strangers,
        unknown_share_of_strangers=found.unknown,
        strangers_alike=found.alike,
        unknown_share_of_examples=_unknown(answers[cases.holds], found.of_folds[cases.folds[cases.holds]]),
        labels=labels,
        confusion=() if several else _confusion(head, cases, answers),
    )


class Judged(NamedTuple):
    """Held-out cases, the answers for them, which labels these call, and whether that is right.

    Shape:
        - answers, called: ``(cases, labels)``; right: ``(cases,)``
    """

    cases: Cases
    answers: Probabilities
    called: NDArray[np.bool_]
    right: NDArray[np.bool_]


def judged(held: HeldOut, found: Thresholds, *, several: bool) -> Judged:
    """What was said of held-out recordings, judged by what is called in them."""
    kept = held.cases.stated & (held.cases.holds | several)
    cases, answers = held.cases.only(kept), held.probabilities[kept]
    called = counted(answers, found.of_folds[cases.folds], several=True) if several else _best(answers)
    return Judged(cases, answers, called, called[np.arange(len(cases)), cases.labels] == cases.holds)


def _best(answers: Probabilities) -> NDArray[np.bool_]:
    best = np.zeros(answers.shape, dtype=np.bool_)
    best[np.arange(len(answers)), answers.argmax(axis=1)] = True
    return best


def _unknown(answers: Probabilities, thresholds: NDArray[np.float32]) -> float | None:
    return float((answers < thresholds).all(axis=1).mean()) if len(answers) else None


def _by_label(
    head: LinearHead, examples: Examples, cases: Cases, called: NDArray[np.bool_]
) -> tuple[LabelFigures, ...]:
    count = len(head.labels)
    own = called[np.arange(len(cases)), cases.labels]
    said = np.bincount(cases.labels[own], minlength=count) if head.activation == "sigmoid" else called.sum(axis=0)
    right = np.bincount(cases.labels[own & cases.holds], minlength=count)
    held = np.bincount(cases.labels[cases.holds], minlength=count)
    thresholds = np.broadcast_to(head.thresholds, count)
    recordings, groups = (_sizes(examples, of, count) for of in (examples.recordings, examples.groups))
    return tuple(
        LabelFigures(
            label=name,
            recordings=int(recordings[label]),
            groups=int(groups[label]),
            precision=float(right[label] / said[label]) if said[label] else None,
            recall=float(right[label] / held[label]) if held[label] else None,
            threshold=float(thresholds[label]),
            too_few=bool(groups[label] < FEWEST),
        )
        for label, name in enumerate(head.labels)
    )


def _sizes(examples: Examples, of: Ids, count: int) -> Ids:
    """How many different ids the windows of each label have. Shape: of ``(n,)``; output ``(labels,)``."""
    holding = examples.holds
    ids = np.unique(of, return_inverse=True)[1][examples.windows[holding]]
    pairs = np.unique(examples.labels[holding] * (ids.max() + 1) + ids)
    return np.bincount(pairs // (ids.max() + 1), minlength=count)


def _f1(figures: LabelFigures) -> float:
    precision, recall = figures.precision or 0.0, figures.recall or 0.0
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def _confusion(head: LinearHead, cases: Cases, answers: Probabilities) -> tuple[Confused, ...]:
    """The most frequent first."""
    best, count = answers.argmax(axis=1), len(head.labels)
    wrong = best != cases.labels
    pairs, counts = np.unique(cases.labels[wrong] * count + best[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        Confused(head.labels[label], head.labels[said], int(often))
        for label, said, often in zip(*np.divmod(pairs[order], count), counts[order], strict=True)
    )
