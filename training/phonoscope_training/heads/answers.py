"""What a head answers for each set of recordings, out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from phonoscope_training.evaluate import by_recording
from phonoscope_training.heads.features import Features
from phonoscope_training.heads.fit import HeadTraining


def answers_by_set(
    training: HeadTraining, taught: Sequence[str], checks: Features, checked: Sequence[str]
) -> list[dict[str, Any]]:
    """For each set its name, how many recordings it has, and the share of them that gets each label.

    A taught recording is scored by the head of its fold, a check by those of all folds: its share is their mean.

    Args:
        taught: names of the sets that are taught.
        checks: recordings of further sets, ``checked`` by name, that are only scored.
    """
    parts = {fold: training.features.part(training.features.folds == fold) for fold in training.folds}
    found = []
    for number, name in enumerate(taught):
        asked = {fold: part.part(part.sets == number) for fold, part in parts.items()}
        found.append(_row(name, [_answers(training, fold, part) for fold, part in asked.items() if len(part)]))
    for number, name in enumerate(checked):
        asked_alike = checks.part(checks.sets == number)
        row = _row(name, [_answers(training, fold, asked_alike) for fold in training.folds])
        found.append(row | {"recordings": len(torch.unique(asked_alike.recordings)), "only_scored": True})
    return found


def _answers(training: HeadTraining, fold: int, part: Features) -> Tensor:
    """Of each recording whether it gets each label. Shape: ``(recordings, labels)``, float64 ones and zeros."""
    head = training.fit(frozenset({fold}), training.choose_decay(frozenset({fold})))
    best = by_recording(head.logits(part.units).softmax(-1), part.recordings).argmax(1)
    return functional.one_hot(best, len(training.features.labels)).double()


def _row(name: str, answers: Sequence[Tensor]) -> dict[str, Any]:
    together = torch.cat(list(answers))
    return {
        "set": name,
        "recordings": len(together),
        "answers": [round(share, 4) for share in together.mean(0).tolist()],
    }
