"""Finds examples that contradict what other recordings say of them: likely mislabelled."""

from __future__ import annotations

import numpy as np

from phonoscope_ml.teaching.examples import Examples
from phonoscope_ml.teaching.figures import Doubt
from phonoscope_ml.teaching.linear import LinearHead
from phonoscope_ml.teaching.selection import HeldOut

_SURE = 0.8
_MOST = 200


def doubts_of(head: LinearHead, examples: Examples, held: HeldOut) -> tuple[Doubt, ...]:
    """The first window of each held-out recording whose label is contradicted, the surest first; at most 200."""
    found = []
    cases, labels = held.cases, head.labels
    first = np.flatnonzero(np.diff(cases.of, prepend=-1))
    for case, answers in enumerate(held.probabilities):
        label = int(cases.labels[case])
        window = int(cases.members[first[case]])
        if head.activation == "sigmoid":
            against = float(1.0 - answers[label] if cases.holds[case] else answers[label])
            if against >= _SURE:
                found.append(Doubt(window, labels[label], labels[label], against))
        elif answers.max() >= _SURE and answers.argmax() != label:
            found.append(Doubt(window, labels[label], labels[int(answers.argmax())], float(answers.max())))
    return tuple(sorted(found, key=lambda one: -one.probability)[:_MOST])
