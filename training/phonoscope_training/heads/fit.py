"""Cross-validates heads with nested folds: the decay that scores a fold was chosen on the other folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from phonoscope_training.evaluate import FoldPredictions
from phonoscope_training.heads.features import Features
from phonoscope_training.heads.linear import Linear, fit_linear


@dataclass
class HeadTraining:
    """Fits heads on parts of the features; every part and decay is fitted once.

    Args:
        none: recordings that are taught as none of the labels; a head's logits are then relative to theirs, which is 0.
        start: the layer that heads start at; for heads without ``none``.
        scored: the folds that are scored; ``None`` for all. Without a second one, the decay is chosen on the one too.
    """

    features: Features
    none: Features | None
    decays: Sequence[float]
    start: Linear | None = None
    scored: list[int] | None = None
    _fitted: dict[tuple[frozenset[int], float], Linear] = field(default_factory=dict)

    @property
    def folds(self) -> list[int]:
        found: list[int] = torch.unique(self.features.folds).tolist()
        return found if self.scored is None else self.scored

    def fit(self, without: frozenset[int], decay: float) -> Linear:
        """The head taught on all folds but some."""
        key = (without, decay)
        if key not in self._fitted:
            self._fitted[key] = self._fit(without, decay)
        return self._fitted[key]

    def choose_decay(self, without: frozenset[int] = frozenset()) -> float:
        """The decay with the best mean accuracy on each of the folds that are not in ``without``."""
        asked = [fold for fold in self.folds if fold not in without] or self.folds
        scores = [
            sum(self._accuracy(self.fit(without | {fold}, decay), fold) for fold in asked) for decay in self.decays
        ]
        return self.decays[max(range(len(scores)), key=scores.__getitem__)]

    def predict(self, fold: int, strangers: Features | None) -> tuple[FoldPredictions, dict[str, float]]:
        """Predictions of a fold and the strangers by a head that neither knows, and the accuracy by set."""
        head = self.fit(frozenset({fold}), self.choose_decay(frozenset({fold})))
        test = self.features.part(self.features.folds == fold)
        right = (head.logits(test.units).argmax(1) == test.targets).double()
        by_set = {str(each): right[test.sets == each].mean().item() for each in torch.unique(test.sets).tolist()}
        predictions = FoldPredictions(
            logits=head.logits(test.units),
            embeddings=test.embeddings,
            targets=test.targets,
            recordings=test.recordings,
            sources=test.sources,
            strangers=None if strangers is None else head.logits(strangers.units),
            stranger_recordings=None if strangers is None else strangers.recordings,
            none=self.none is not None,
        )
        return predictions, by_set

    def _accuracy(self, head: Linear, fold: int) -> float:
        """The mean over the sets of the accuracy on a fold, so that a small set counts as much as a large one."""
        test = self.features.part(self.features.folds == fold)
        right = (head.logits(test.units).argmax(1) == test.targets).double()
        return torch.stack([right[test.sets == each].mean() for each in torch.unique(test.sets)]).mean().item()

    def _fit(self, without: frozenset[int], decay: float) -> Linear:
        kept = ~torch.isin(self.features.folds, torch.tensor(sorted(without), dtype=torch.int64))
        units, targets = self.features.part(kept).taught()
        labels = len(self.features.labels)
        if self.none is None:
            return fit_linear(units, targets, labels, decay, self.start)
        others = torch.full((len(self.none),), labels)
        head = fit_linear(torch.cat([units, self.none.units]), torch.cat([targets, others]), labels + 1, decay)
        return relative_to_last(head)


def relative_to_last(head: Linear) -> Linear:
    """The head without its last label, whose logit it subtracts from the others: it is then 0 for every recording."""
    weight: Tensor = head.weight[:-1] - head.weight[-1]
    return Linear(weight, head.bias[:-1] - head.bias[-1])
