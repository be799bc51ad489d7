"""Scores predictions that networks made on clips outside their training folds."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_KEPT = 0.95
_BINS = 15


@dataclass(frozen=True)
class FoldPredictions:
    """The predictions of one fold's network on the fold's recordings, window by window.

    Shape:
        - logits: ``(windows, labels)``; embeddings: ``(windows, 512)``
        - targets, recordings, sources: ``(windows,)``
        - strangers: ``(windows, labels)``, logits of recordings without a label; stranger_recordings: ``(windows,)``

    Args:
        none: whether the logits are relative to that of "none of the labels", which is 0.
    """

    logits: Tensor
    embeddings: Tensor
    targets: Tensor
    recordings: Tensor
    sources: Tensor
    strangers: Tensor | None = None
    stranger_recordings: Tensor | None = None
    none: bool = False

    def probabilities(self, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        """Each recording's probabilities, the mean over its windows as in serving, and its target."""
        return (
            by_recording(softmax(self.logits / temperature, none=self.none), self.recordings),
            self.per_recording(self.targets),
        )

    def per_recording(self, values: Tensor) -> Tensor:
        """Each recording's value, which all its windows share: ``(recordings,)`` from ``(windows,)``, int64."""
        return by_recording(values[:, None].double(), self.recordings)[:, 0].long()


def evaluate(folds: dict[int, FoldPredictions], labels: list[str]) -> dict[str, Any]:
    """All figures of a model's card, out of fold.

    Each fold is scored with the temperature fitted on the other folds' predictions. The served temperature and the
    threshold of the unknown are fitted on all folds, and no figure is computed with them but those of the unknown.
    """
    temperature = fit_temperature(list(folds.values()))
    plain = {fold: scored.probabilities() for fold, scored in folds.items()}
    scaled = {fold: scored.probabilities(_temperature_without(fold, folds)) for fold, scored in folds.items()}
    served = [scored.probabilities(temperature) for scored in folds.values()]
    threshold = unknown_below(torch.cat([probabilities for probabilities, _ in served]))
    return {
        "cross_validation": cross_validation(plain, labels),
        "calibration": {
            "temperature": round(temperature, 4),
            "ece_before": round(_pooled_ece(plain), 4),
            "ece_after": round(_pooled_ece(scaled), 4),
        },
        "unknown": {"below": threshold, "known_kept": _KEPT} | _rejection(folds, temperature, threshold),
        "retrieval": retrieval(folds, labels),
    }


def cross_validation(folds: dict[int, tuple[Tensor, Tensor]], labels: list[str]) -> dict[str, Any]:
    """Accuracy by fold with mean and spread, macro F1, recall by label, and the confusion matrix (rows are truth)."""
    by_fold = {
        fold: (probabilities.argmax(1) == targets).double().mean().item()
        for fold, (probabilities, targets) in folds.items()
    }
    predicted = torch.cat([probabilities.argmax(1) for probabilities, _ in folds.values()])
    targets = torch.cat([targets for _, targets in folds.values()])
    confusion = torch.bincount(targets * len(labels) + predicted, minlength=len(labels) ** 2).view(len(labels), -1)
    hits = confusion.diagonal().double()
    f1 = 2 * hits / (confusion.sum(0) + confusion.sum(1)).clamp_min(1)
    recall = hits / confusion.sum(1).clamp_min(1)
    return {
        "accuracy_by_fold": {str(fold): round(value, 4) for fold, value in by_fold.items()},
        "accuracy_mean": round(mean(by_fold.values()), 4),
        "accuracy_sd": round(stdev(by_fold.values()), 4) if len(by_fold) > 1 else None,
        "macro_f1": round(f1.mean().item(), 4),
        "recall_by_label": {label: round(value, 4) for label, value in zip(labels, recall.tolist(), strict=True)},
        "confusion": confusion.tolist(),
        "recordings": len(targets),
    }


def fit_temperature(folds: list[FoldPredictions]) -> float:
    """The temperature that minimises the cross entropy (Guo et al., 2017, arXiv 1706.04599).

    Of n predictions a share of 1 / (n + 2) is spread over all labels, by the rule of succession: a few predictions that
    are all right do not show that none would be wrong.
    """
    logits = torch.cat([scored.logits for scored in folds]).double()
    if folds[0].none:
        logits = functional.pad(logits, (0, 1))
    targets = torch.cat([scored.targets for scored in folds])
    temperatures = torch.logspace(-1.0, 1.0, 401, dtype=torch.float64)
    smoothing = 1.0 / (len(targets) + 2)
    losses = torch.stack(
        [functional.cross_entropy(logits / each, targets, label_smoothing=smoothing) for each in temperatures]
    )
    return temperatures[losses.argmin()].item()


def expected_calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """The mean difference of confidence and accuracy over 15 bins of confidence (Naeini et al., 2015), in [0, 1]."""
    confidence, predicted = probabilities.max(1)
    bins = (confidence * _BINS).long().clamp_max(_BINS - 1)
    gap = torch.zeros(_BINS, dtype=torch.float64)
    gap.index_add_(0, bins, (confidence - (predicted == targets).to(confidence.dtype)).double())
    return (gap.abs().sum() / len(targets)).item()


def unknown_below(probabilities: Tensor, kept: float = _KEPT) -> float:
    """The threshold of a recording's highest probability; the share ``kept`` of the recordings is not below it."""
    lowest = torch.quantile(probabilities.amax(1).double(), 1.0 - kept, interpolation="lower").item()
    return floor(lowest * 1e4) / 1e4


def retrieval(folds: dict[int, FoldPredictions], labels: list[str]) -> dict[str, Any]:
    """Mean average precision and precision at 5 of each recording's neighbours within its fold.

    Neighbours are ranked by the cosine similarity of their embeddings; those with the same label are relevant.
    Recordings of one source are not compared. A recording whose label has no other source is left out; the result is
    empty when that holds for all.
    """
    precisions, fives, targets = [], [], []
    for scored in folds.values():
        vectors = functional.normalize(by_recording(scored.embeddings.double(), scored.recordings))
        truth, sources = scored.per_recording(scored.targets), scored.per_recording(scored.sources)
        akin = sources[:, None] == sources
        order = (vectors @ vectors.T).masked_fill(akin, -torch.inf).argsort(dim=1, descending=True, stable=True)
        relevant = ((truth[:, None] == truth) & ~akin).gather(1, order).double()
        precision = relevant.cumsum(1) / torch.arange(1, len(order) + 1)
        asked = relevant.any(1)
        precisions.append(((precision * relevant).sum(1) / relevant.sum(1))[asked])
        fives.append((relevant[:, :5].sum(1) / (~akin).sum(1).clamp_max(5))[asked])
        targets.append(truth[asked])
    average, five, truth = torch.cat(precisions), torch.cat(fives), torch.cat(targets)
    if not len(truth):
        return {}
    return {
        "map": round(average.mean().item(), 4),
        "precision_at_5": round(five.mean().item(), 4),
        "precision_at_5_by_label": {
            label: round(five[truth == index].mean().item(), 4)
            for index, label in enumerate(labels)
            if (truth == index).any()
        },
    }


def accuracy(logits: Tensor, targets: Tensor, recordings: Tensor) -> float:
    """The share of recordings whose mean probabilities give the right label."""
    probabilities, truth = FoldPredictions(logits, logits, targets, recordings, recordings).probabilities()
    return (probabilities.argmax(1) == truth).double().mean().item()


def softmax(logits: Tensor, *, none: bool) -> Tensor:
    """Probabilities of labels; with ``none`` they leave a rest to 1, the probability of none of them.

    >>> softmax(torch.zeros(1, 3), none=True)
    tensor([[0.2500, 0.2500, 0.2500]])
    """
    if not none:
        return logits.softmax(-1)
    return functional.pad(logits, (0, 1)).softmax(-1)[..., :-1]


def by_recording(values: Tensor, recordings: Tensor) -> Tensor:
    """Means over the windows of each recording, in the order of their numbers.

    Shape:
        - input: ``(windows, n)`` and ``(windows,)``
        - output: ``(recordings, n)``
    """
    _, index, counts = torch.unique(recordings, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), values.shape[1], dtype=values.dtype)
    means: Tensor = sums.index_add_(0, index, values) / counts[:, None]
    return means


def _temperature_without(fold: int, folds: dict[int, FoldPredictions]) -> float:
    others = [scored for other, scored in folds.items() if other != fold]
    return fit_temperature(others) if others else 1.0


def _pooled_ece(folds: dict[int, tuple[Tensor, Tensor]]) -> float:
    return expected_calibration_error(
        torch.cat([probabilities for probabilities, _ in folds.values()]),
        torch.cat([targets for _, targets in folds.values()]),
    )


def _rejection(folds: dict[int, FoldPredictions], temperature: float, threshold: float) -> dict[str, Any]:
    """The share of strangers that are unknown, over the networks of all folds; empty without strangers."""
    rejected, count = [], 0
    for scored in folds.values():
        if scored.strangers is None or scored.stranger_recordings is None:
            continue
        probabilities = by_recording(
            softmax(scored.strangers / temperature, none=scored.none), scored.stranger_recordings
        )
        rejected.append((probabilities.amax(1) < threshold).double().mean().item())
        count = len(probabilities)
    return {"strangers_rejected": round(mean(rejected), 4), "strangers": count} if rejected else {}
