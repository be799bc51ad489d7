"""Chooses thresholds: by precision and recall where a label can be measured, else by where it is surely absent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from phonoscope_training.errors import InvalidRecipe
from phonoscope_training.thresholds.recipe import ThresholdRecipe

_DIGITS = 3


@dataclass(frozen=True)
class Threshold:
    """A label's threshold, and how it was found.

    Args:
        rule: ``measured``: the best F1 at a high precision, on the folds that choose; ``usual``: the one threshold at
            which all labels that can be measured have that precision together; ``absent``: a higher one, since the
            label is heard in recordings that surely lack it.
        precision, recall: on the fold that checks, where the label was measured.
    """

    label: str
    value: float
    rule: str
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True)
class Heard:
    """What a model says of recordings.

    Shape:
        - probabilities: ``(recordings, labels)``
        - categories, folds: ``(recordings,)``, int64; categories are indices into ``names``
    """

    probabilities: Tensor
    categories: Tensor
    folds: Tensor
    labels: list[str]
    names: list[str]

    def of(self, categories: list[str]) -> Tensor:
        """A mask of the recordings of some categories. Raises ``InvalidRecipe`` for one that none has."""
        unknown = sorted(set(categories) - set(self.names))
        if unknown:
            raise InvalidRecipe(f"no recording has the category {unknown[0]!r}; there are: {', '.join(self.names)}")
        return torch.isin(self.categories, torch.tensor([self.names.index(each) for each in categories]))

    def column(self, label: str) -> Tensor:
        """The probabilities of a label. Raises ``InvalidRecipe`` when the model has no such label."""
        if label not in self.labels:
            raise InvalidRecipe(f"the model has no label {label!r}")
        return self.probabilities[:, self.labels.index(label)]


def choose_thresholds(recipe: ThresholdRecipe, heard: Heard) -> list[Threshold]:
    """A threshold for each label, in the model's order.

    Raises ``InvalidRecipe`` for a label that the model lacks or a category that no recording has.
    """
    floors = _floors(recipe, heard)
    known = {label: _known(recipe, heard, label) for label in recipe.holds}
    usual = _usual(recipe, list(known.values()))
    return [
        _measured(recipe, label, known[label], floors.get(label, 0.0), usual)
        if label in known
        else _unmeasured(recipe, label, usual, floors.get(label, 0.0))
        for label in heard.labels
    ]


def best_threshold(probabilities: Tensor, holds: Tensor, least_precision: float) -> float | None:
    """The threshold with the best F1 of those with a precision: half way, in logits, between what it separates.

    ``None`` where no threshold has that precision.

    Shape:
        - probabilities, holds: ``(recordings,)``; ``holds`` is bool with at least one true

    >>> few = torch.tensor([0.1, 0.3, 0.5, 0.9])
    >>> round(best_threshold(few, torch.tensor([False, False, True, True]), 0.9), 3)
    0.396
    >>> best_threshold(few, torch.tensor([True, False, False, False]), 0.9)
    """
    values, precision, recall = _curve(probabilities, holds)
    score = 2.0 * precision * recall / (precision + recall).clamp_min(1e-9)
    score[precision < least_precision] = 0.0
    best = int(score.argmax())
    return _above(values, best) if score[best] > 0.0 else None


def _curve(probabilities: Tensor, holds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The probabilities, highest first, with precision and recall of what is at least as probable as each."""
    values, order = probabilities.double().sort(descending=True)
    hits = holds[order].cumsum(0).double()
    precision = hits / torch.arange(1, len(values) + 1)
    # Equal probabilities are on one side of a threshold.
    precision[:-1][values[:-1] == values[1:]] = 0.0
    return values, precision, hits / holds.sum()


def _above(values: Tensor, last: int) -> float:
    """A threshold that keeps the values up to an index, and none after it."""
    below = values[last + 1] if last + 1 < len(values) else torch.zeros((), dtype=torch.float64)
    return float(torch.stack([values[last], below]).logit(eps=1e-6).mean().sigmoid())


@dataclass(frozen=True)
class _Known:
    """A label's probabilities where it is known whether it holds. Shape: ``(recordings,)`` each."""

    probabilities: Tensor
    holds: Tensor
    checks: Tensor


def _known(recipe: ThresholdRecipe, heard: Heard, label: str) -> _Known:
    holds = heard.of(recipe.holds[label])
    counted = holds | ~heard.of(recipe.may_hold.get(label, []))
    return _Known(heard.column(label)[counted], holds[counted], (heard.folds == recipe.check)[counted])


def _usual(recipe: ThresholdRecipe, known: list[_Known]) -> float:
    """The lowest threshold for all labels at which those that are known have the precision together."""
    every = [(each.probabilities[~each.checks], each.holds[~each.checks]) for each in known]
    values, precision, _ = _curve(torch.cat([each for each, _ in every]), torch.cat([holds for _, holds in every]))
    enough = (precision >= recipe.least_precision).nonzero()
    if not len(enough):
        raise InvalidRecipe(f"the labels never have a precision of {recipe.least_precision:g} together")
    return _above(values, int(enough[-1]))


def _measured(recipe: ThresholdRecipe, label: str, known: _Known, floor: float, usual: float) -> Threshold:
    checks = known.checks
    chosen = best_threshold(known.probabilities[~checks], known.holds[~checks], recipe.least_precision)
    if chosen is None:
        return _unmeasured(recipe, label, usual, floor)
    value = _bounded(recipe, max(chosen, floor))
    said, true = (known.probabilities >= value)[checks], known.holds[checks]
    both = float((said & true).sum())
    precision = both / float(said.sum()) if said.any() else None
    return Threshold(label, value, "measured", precision, both / float(true.sum()))


def _floors(recipe: ThresholdRecipe, heard: Heard) -> dict[str, float]:
    """For labels that some recordings surely lack, the probability that few of these reach."""
    found: dict[str, float] = {}
    for absence in recipe.absent:
        lacking = heard.of(absence.categories) & (heard.folds != recipe.check)
        try:
            names = absence.names(heard.labels)
        except ValueError as error:
            raise InvalidRecipe(f"absent: the model has no such label: {error}") from error
        for label in names:
            quantile = torch.quantile(heard.column(label)[lacking].double(), 1.0 - recipe.most_false)
            found[label] = max(found.get(label, 0.0), float(quantile))
    return found


def _unmeasured(recipe: ThresholdRecipe, label: str, usual: float, floor: float) -> Threshold:
    if floor <= usual:
        return Threshold(label, _bounded(recipe, usual), "usual")
    return Threshold(label, _bounded(recipe, floor), "absent")


def _bounded(recipe: ThresholdRecipe, value: float) -> float:
    return round(min(recipe.greatest, max(recipe.least, value)), _DIGITS)
