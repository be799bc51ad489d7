"""Figures from predictions that a network made on clips it never trained on."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor


def cross_validation(probabilities: Tensor, targets: Tensor, folds: Tensor, labels: list[str]) -> dict[str, Any]:
    """Accuracy by fold with mean and spread, macro F1 and accuracy by label, all out of fold.

    Shape:
        - probabilities: ``(clips, labels)``; targets, folds: ``(clips,)``
    """
    right = probabilities.argmax(1) == targets
    by_fold = {str(int(fold)): right[folds == fold].float().mean().item() for fold in torch.unique(folds)}
    return {
        "accuracy_by_fold": {fold: round(value, 4) for fold, value in by_fold.items()},
        "accuracy_mean": round(mean(by_fold.values()), 4),
        "accuracy_sd": round(stdev(by_fold.values()), 4),
        "macro_f1": round(_macro_f1(probabilities.argmax(1), targets, len(labels)), 4),
        "recall_by_label": {
            label: round(right[targets == index].float().mean().item(), 4) for index, label in enumerate(labels)
        },
        "clips": len(targets),
    }


def unknown_below(probabilities: Tensor, kept: float = 0.95) -> float:
    """The winning probability below which a window is called unknown: ``kept`` of the clips stay above it."""
    return round(torch.quantile(probabilities.amax(1), 1.0 - kept).item(), 4)


def _macro_f1(predicted: Tensor, targets: Tensor, labels: int) -> float:
    scores = []
    for label in range(labels):
        hits = ((predicted == label) & (targets == label)).sum().item()
        scores.append(2 * hits / max(1, (predicted == label).sum().item() + (targets == label).sum().item()))
    return mean(scores)
