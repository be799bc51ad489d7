"""Thresholds, from held-out recordings and from strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.heldout import FOLDS
from phonoscope_ml.teaching.linear import Probabilities
from phonoscope_ml.teaching.selection import HeldOut
from phonoscope_ml.teaching.strangers import Strangers

STRANGERS_CALLED = 0.05
"""The share of strangers that may be called something."""
_KNOWN_LOST = 0.02
"""The share of what is known that may be called unknown without strangers, below even odds."""
_LEAST_KNOWN = 0.2
"""The share of what is known above a level at which strangers are compared with it."""
_FAINTLY_ALIKE = 0.05
_DOUBTS = 2.0
"""Standard errors by which strangers may exceed those that have a label."""
_EVEN = 0.5
_LEAST = 1e-6

_Levels = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds, and what they make of strangers.

    Args:
        of_folds: for each fold of the examples those that were chosen by the others.
        alike: the share of strangers that seem to have one of the labels; ``None`` without strangers, as ``unknown``.
        unknown: the share of strangers called unknown, each half of them by thresholds that the other half gave.

    Shape:
        - values: ``(1,)``, or ``(labels,)`` where several labels can hold; of_folds: ``(FOLDS, 1)`` or
          ``(FOLDS, labels)``
    """

    values: NDArray[np.float32]
    of_folds: NDArray[np.float32]
    alike: float | None = None
    unknown: float | None = None


def thresholds_of(held: HeldOut, strangers: Strangers, *, several: bool, seed: int) -> Thresholds:
    """The lowest thresholds under which at most 5 % of strangers are called something.

    Where several labels can hold, each has the threshold with its best F1 first; all odds are raised alike after.
    """
    everything = np.ones(len(held.cases), dtype=np.bool_)
    parts = [held.cases.besides(fold) for fold in range(FOLDS)]
    served, *others = (_Start.of(held, part, several=several) for part in (everything, *parts))
    values, alike = served.raised(strangers)
    of_folds = np.stack([start.raised(strangers)[0] for start in others])
    if not len(strangers):
        return Thresholds(values, of_folds)
    halves = np.random.default_rng(seed).permutation(len(strangers)) % 2 == 0
    unknown = [_unknown(served, strangers.only(half), strangers.only(~half)) for half in (halves, ~halves)]
    return Thresholds(values, of_folds, alike, float(np.concatenate(unknown).mean()))


@dataclass(frozen=True)
class _Start:
    """Thresholds before strangers raise them, and how far what is known is above them.

    Shape:
        - thresholds: ``(1,)`` or ``(labels,)``; known: ``(cases that hold,)``
    """

    thresholds: _Levels
    known: _Levels
    least: float

    @classmethod
    def of(cls, held: HeldOut, kept: NDArray[np.bool_], *, several: bool) -> _Start:
        """By some of the cases. Shape: kept ``(cases,)``."""
        thresholds = _best_of_each(held, kept) if several else np.zeros(1)
        known = _levels(held.probabilities[kept & held.cases.holds & held.cases.stated], thresholds)
        return cls(thresholds, known, 0.0 if several else min(_EVEN, _lost(known)))

    def raised(self, strangers: Strangers) -> tuple[NDArray[np.float32], float | None]:
        """Thresholds that few strangers reach, and the share of strangers that are alike."""
        if not len(strangers):
            return _at(self.thresholds, self.least), None
        level, alike = _level(self.known, _levels(strangers.pieces, self.thresholds), self.least)
        return _at(self.thresholds, level), alike


def _unknown(start: _Start, tested: Strangers, others: Strangers) -> NDArray[np.bool_]:
    """Which strangers reach no threshold that others gave. Shape: ``(tested,)``."""
    below: NDArray[np.bool_] = np.logical_and.reduce(tested.whole < start.raised(others)[0], axis=1)
    return below


def threshold_of(found: NDArray[np.floating], holds: NDArray[np.bool_]) -> float:
    """The probability from which a label counts, with the best F1; 0.5 where only one answer is known.

    Shape:
        - found, holds: ``(cases,)``
    """
    if not holds.any() or holds.all():
        return _EVEN
    order = np.argsort(-found)
    ordered = found[order].astype(np.float64)
    scores = 2.0 * np.cumsum(holds[order]) / (np.arange(1, len(order) + 1) + holds.sum())
    last = np.append(np.diff(ordered) < 0.0, True)
    best = int(np.where(last, scores, -1.0).argmax())
    below = ordered[best + 1] if best + 1 < len(order) else 0.0
    return float((ordered[best] + below) / 2.0)


def _best_of_each(held: HeldOut, kept: NDArray[np.bool_]) -> _Levels:
    rows = np.flatnonzero(kept)
    labels, holds = held.cases.labels[rows], held.cases.holds[rows]
    own = held.probabilities[rows, labels]
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.searchsorted(labels[order], np.arange(1, held.probabilities.shape[1])))
    return np.array([threshold_of(own[part], holds[part]) for part in parts]).clip(_LEAST, 1.0 - _LEAST)


def _levels(found: Probabilities, start: _Levels) -> _Levels:
    """How far the best label of each recording is above its threshold, in odds where there are several thresholds."""
    if len(start) == 1:
        highest: _Levels = found.max(axis=1, initial=0.0).astype(np.float64)
        return highest
    above: _Levels = (_log_odds(found) - _log_odds(start)).max(axis=1, initial=-np.inf)
    return above


def _at(start: _Levels, level: float) -> NDArray[np.float32]:
    """Thresholds at a level."""
    if len(start) == 1:
        return np.array([level], dtype=np.float32)
    raised: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-_log_odds(start) - level))).astype(np.float32)
    return raised


def _log_odds(found: NDArray[np.floating]) -> _Levels:
    clipped = found.astype(np.float64).clip(_LEAST, 1.0 - _LEAST)
    odds: _Levels = np.log(clipped / (1.0 - clipped))
    return odds


def _lost(known: _Levels) -> float:
    """The level below which 2 % of what is known are."""
    return float(np.quantile(known, _KNOWN_LOST, method="lower")) if len(known) else 0.0


def _level(known: _Levels, strangers: _Levels, least: float) -> tuple[float, float]:
    """The lowest level, from the least one up, that at most 5 % of strangers reach, and the share of them alike.

    Of an owner's other recordings some have the labels, though nobody said so. Their share is at most the smallest
    ratio of strangers to known recordings above any level (Blanchard, Lee and Scott, 2010, section 4); that
    share of what is known is taken from the strangers before they are counted.
    """
    levels = np.unique(np.concatenate([known, strangers]))
    above, right = _reached(strangers, levels), _reached(known, levels)
    doubt = np.sqrt(above * (1.0 - above) / len(strangers) + right * (1.0 - right) / max(1, len(known)))
    compared = right >= _LEAST_KNOWN
    alike = float((above[compared] / right[compared]).min(initial=1.0)) if len(known) else 0.0
    alike = alike if alike > _FAINTLY_ALIKE else 0.0
    called = above - alike * (right + _DOUBTS * doubt)
    few = np.flatnonzero(called <= STRANGERS_CALLED * (1.0 - alike) + _LEAST)
    level = levels[few[0]] if few.size else np.nextafter(np.float32(levels[-1]), np.float32(np.inf))
    return max(float(level), least), alike


def _reached(values: _Levels, levels: _Levels) -> _Levels:
    """The share of values that reach each level; 0 of none."""
    ordered = np.sort(values)
    found: _Levels = 1.0 - np.searchsorted(ordered, levels) / max(1, len(ordered))
    return found if len(ordered) else np.zeros(len(levels))
