"""What a head answers for each set of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from phonoscope_ml.heads import Head
from phonoscope_training.evaluate import by_recording
from phonoscope_training.heads.features import Features
from phonoscope_training.heads.fit import HeadTraining


def taught_answers(training: HeadTraining, names: Sequence[str]) -> list[dict[str, Any]]:
    """For each taught set its name, how many recordings it has, and the share of them that gets each label.

    A recording is scored by the head of its fold.

    Args:
        names: of the sets.
    """
    parts = {fold: training.features.part(training.features.folds == fold) for fold in training.folds}
    found = []
    for number, name in enumerate(names):
        asked = {fold: part.part(part.sets == number) for fold, part in parts.items()}
        found.append(_row(name, [_out_of_fold(training, fold, part) for fold, part in asked.items() if len(part)]))
    return found


def checked_answers(head: Head, checks: Features, names: Sequence[str]) -> list[dict[str, Any]]:
    """The same for sets that are only scored, by the head that is served.

    Args:
        checks: their recordings.
    """
    with torch.inference_mode():
        probabilities = head.probabilities(head(checks.units))
    asked = [checks.sets == number for number in range(len(names))]
    return [
        _row(name, [_answers(probabilities[chosen], checks.recordings[chosen])]) | {"only_scored": True}
        for name, chosen in zip(names, asked, strict=True)
    ]


def _out_of_fold(training: HeadTraining, fold: int, part: Features) -> Tensor:
    head = training.fit(frozenset({fold}), training.choose_decay(frozenset({fold})))
    return _answers(head.logits(part.units).softmax(-1), part.recordings)


def _answers(probabilities: Tensor, recordings: Tensor) -> Tensor:
    """Of each recording whether it gets each label. Shape: ``(recordings, labels)``, float64 ones and zeros."""
    best = by_recording(probabilities, recordings).argmax(1)
    return functional.one_hot(best, probabilities.shape[1]).double()


def _row(name: str, answers: Sequence[Tensor]) -> dict[str, Any]:
    together = torch.cat(list(answers))
    return {
        "set": name,
        "recordings": len(together),
        "answers": [round(share, 4) for share in together.mean(0).tolist()],
    }
