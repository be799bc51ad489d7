"""Counts right and wrong answers of held-out recordings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.figures import Confused, Figures, LabelFigures, wilson
from phonoscope_ml.teaching.linear import LinearHead, Probabilities, heard
from phonoscope_ml.teaching.selection import HeldOut

FEWEST = 10
"""Groups of a label below which its figures say little."""


def figures_of(head: LinearHead, examples: Examples, held: HeldOut, strangers: Probabilities | None) -> Figures:
    """The figures of a head. Shape: strangers ``(recordings, labels)``."""
    cases, several = held.cases, head.activation == "sigmoid"
    called = heard(head, held.probabilities.astype(np.float32))
    right = _right(head, held, called)
    accuracy, groups = _by_groups(right, cases.groups) if len(cases) else (None, 0)
    low, high = wilson(accuracy, groups) if accuracy is not None else (None, None)
    labels = tuple(_of_label(head, examples, held, called, label) for label in range(len(head.labels)))
    scores = [_f1(one) for one in labels if one.recall is not None]
    holding = cases.holds
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
        strangers=0 if strangers is None else len(strangers),
        unknown_share_of_strangers=None if strangers is None else _share(~heard(head, strangers).any(axis=1)),
        unknown_share_of_examples=_share(~called[holding].any(axis=1)) if holding.any() else None,
        labels=labels,
        confusion=() if several else tuple(_confusion(head, held, called)),
    )


def _right(head: LinearHead, held: HeldOut, called: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each case is decided right: by the most probable label, or for its label by the threshold."""
    cases = held.cases
    if head.activation == "sigmoid":
        decided: NDArray[np.bool_] = called[np.arange(len(cases)), cases.labels] == cases.holds
        return decided
    best: NDArray[np.bool_] = held.probabilities.argmax(axis=1) == cases.labels
    return best


def _by_groups(right: NDArray[np.bool_], groups: NDArray[np.int64]) -> tuple[float, int]:
    """The share that is right and the number of groups: near-duplicates do not count twice in an interval."""
    return float(right.mean()), len(np.unique(groups))


def _of_label(
    head: LinearHead, examples: Examples, held: HeldOut, called: NDArray[np.bool_], label: int
) -> LabelFigures:
    cases = held.cases
    windows = examples.windows[(examples.labels == label) & examples.holds]
    groups = len(np.unique(examples.groups[windows]))
    known = cases.labels == label if head.activation == "sigmoid" else np.ones(len(cases), dtype=np.bool_)
    said, is_it = called[known, label], (cases.labels == label)[known] & cases.holds[known]
    return LabelFigures(
        label=head.labels[label],
        recordings=len(np.unique(examples.recordings[windows])),
        groups=groups,
        precision=_share(is_it[said]) if said.any() else None,
        recall=_share(said[is_it]) if is_it.any() else None,
        threshold=float(np.broadcast_to(head.thresholds, len(head.labels))[label]),
        too_few=groups < FEWEST,
    )


def _f1(figures: LabelFigures) -> float:
    precision, recall = figures.precision or 0.0, figures.recall or 0.0
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def _confusion(head: LinearHead, held: HeldOut, called: NDArray[np.bool_]) -> list[Confused]:
    best = np.where(called.any(axis=1), called.argmax(axis=1), -1)
    pairs, counts = np.unique(np.stack([held.cases.labels, best]), axis=1, return_counts=True)
    return [
        Confused(head.labels[label], head.labels[said] if said >= 0 else None, int(count))
        for (label, said), count in zip(pairs.T, counts, strict=True)
    ]


def _share(those: NDArray[np.bool_]) -> float:
    return float(those.mean())
