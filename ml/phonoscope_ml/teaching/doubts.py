"""Finds examples that contradict what other recordings say of them: likely mislabelled."""

from __future__ import annotations

import numpy as np

from phonoscope_ml.teaching.figures import Doubt
from phonoscope_ml.teaching.linear import LinearHead
from phonoscope_ml.teaching.selection import HeldOut

_SURE = 0.8
_MOST = 200


def doubts_of(head: LinearHead, held: HeldOut) -> tuple[Doubt, ...]:
    """The first window of each held-out recording whose label is contradicted, the surest first; at most 200."""
    cases, answers = held.cases, held.probabilities
    first = cases.members[np.flatnonzero(np.diff(cases.of, prepend=-1))]
    own = answers[np.arange(len(cases)), cases.labels]
    other = answers.argmax(axis=1) if len(cases) else cases.labels
    one_of = cases.holds & (head.activation != "sigmoid")
    sure = np.where(one_of, answers.max(axis=1, initial=0.0), np.where(cases.holds, 1.0 - own, own))
    found = np.flatnonzero(cases.stated & (sure >= _SURE) & ~(one_of & (other == cases.labels)))
    doubts = []
    for case in found[np.argsort(-sure[found], kind="stable")][:_MOST]:
        label = head.labels[cases.labels[case]]
        given, taken = (label, f"not {label}") if cases.holds[case] else (f"not {label}", label)
        taken = head.labels[other[case]] if one_of[case] else taken
        doubts.append(Doubt(int(first[case]), given, taken, float(sure[case])))
    return tuple(doubts)
