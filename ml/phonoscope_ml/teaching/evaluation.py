"""Counts right and wrong answers of held-out recordings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.calibration import Thresholds
from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.figures import Confusion, Figures, LabelFigures, wilson
from phonoscope_ml.teaching.heldout import Cases
from phonoscope_ml.teaching.linear import LinearHead, Probabilities, heard
from phonoscope_ml.teaching.selection import HeldOut

FEWEST = 10
"""Groups of a label below which its figures say little."""


def figures_of(head: LinearHead, examples: Examples, held: HeldOut, found: Thresholds, strangers: int) -> Figures:
    """The figures of a head, of which the thresholds were found with so many strangers."""
    several = head.activation == "sigmoid"
    kept = held.cases.stated & (held.cases.holds | several)
    cases, answers = held.cases.only(kept), held.probabilities[kept]
    called = heard(head, answers) if several else _best(answers)
    right = called[np.arange(len(cases)), cases.labels] == cases.holds
    accuracy = float(right.mean()) if len(cases) else None
    low, high = (None, None) if accuracy is None else wilson(accuracy, len(np.unique(cases.groups)))
    labels = tuple(_of_label(head, examples, cases, called, label) for label in range(len(head.labels)))
    scores = [_f1(one) for one in labels if one.recall is not None]
    return Figures(
        method=held.candidate.method,
        why=held.why,
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        macro_f1=float(np.mean(scores)) if scores else None,
        recordings=len(np.unique(examples.recordings)),
        windows=len(examples),
        groups=len(np.unique(examples.groups)),
        held_out=len(np.unique(cases.recordings)),
        folds=held.folds,
        strangers=strangers,
        unknown_of_strangers=found.unknown,
        strangers_alike=found.alike,
        unknown_of_known=_unknown(head, answers[cases.holds]),
        labels=labels,
        confusions=() if several else _confusions(head, cases, answers),
    )


def _best(answers: Probabilities) -> NDArray[np.bool_]:
    best = np.zeros(answers.shape, dtype=np.bool_)
    best[np.arange(len(answers)), answers.argmax(axis=1)] = True
    return best


def _unknown(head: LinearHead, answers: Probabilities) -> float | None:
    return float((~heard(head, answers).any(axis=1)).mean()) if len(answers) else None


def _of_label(
    head: LinearHead, examples: Examples, cases: Cases, called: NDArray[np.bool_], label: int
) -> LabelFigures:
    windows = examples.windows[(examples.labels == label) & examples.holds]
    groups = len(np.unique(examples.groups[windows]))
    of_label = cases.labels == label
    known = of_label if head.activation == "sigmoid" else np.ones(len(cases), dtype=np.bool_)
    said, is_it = called[known, label], (of_label & cases.holds)[known]
    return LabelFigures(
        label=head.labels[label],
        recordings=len(np.unique(examples.recordings[windows])),
        groups=groups,
        windows=len(windows),
        precision=float(is_it[said].mean()) if said.any() else None,
        recall=float(said[is_it].mean()) if is_it.any() else None,
        threshold=float(np.broadcast_to(head.thresholds, len(head.labels))[label]),
        too_few=groups < FEWEST,
    )


def _f1(figures: LabelFigures) -> float:
    precision, recall = figures.precision or 0.0, figures.recall or 0.0
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def _confusions(head: LinearHead, cases: Cases, answers: Probabilities) -> tuple[Confusion, ...]:
    """The most frequent first."""
    best, count = answers.argmax(axis=1), len(head.labels)
    wrong = best != cases.labels
    pairs, counts = np.unique(cases.labels[wrong] * count + best[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(
        Confusion(head.labels[label], head.labels[said], int(often))
        for label, said, often in zip(*np.divmod(pairs[order], count), counts[order], strict=True)
    )
