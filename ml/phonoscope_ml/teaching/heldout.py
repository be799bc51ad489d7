"""Predictions for examples by heads that were taught without them, nor their recordings' near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Examples, Ids
from phonoscope_ml.teaching.fitting import Candidate, fit
from phonoscope_ml.teaching.linear import Activation, activated

FOLDS = 5
TEMPERATURES = np.geomspace(0.25, 4.0, 25)
_CALIBRATING = 2_000_000
"""Logits by which a candidate and its temperature are chosen; of more, those of some cases."""
_LEAST = 1e-6


@dataclass(frozen=True)
class Cases:
    """What is tested: recordings, each with a label that is known to hold in it or not.

    Args:
        members: a row of ``windows`` for each window of a case.
        of: the case that each member is of.
        stated: whether that was said, and not assumed.

    Shape:
        - recordings, groups, labels, holds, stated, folds: ``(cases,)``
        - members, of: ``(windows of all cases,)``
    """

    recordings: Ids
    groups: Ids
    labels: Ids
    holds: NDArray[np.bool_]
    stated: NDArray[np.bool_]
    folds: Ids
    members: Ids
    of: Ids

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, kept: NDArray[np.bool_]) -> Cases:
        """The same with these cases alone. Shape: ``(cases,)``."""
        members = kept[self.of]
        number = np.cumsum(kept) - 1
        return Cases(
            self.recordings[kept],
            self.groups[kept],
            self.labels[kept],
            self.holds[kept],
            self.stated[kept],
            self.folds[kept],
            self.members[members],
            number[self.of[members]],
        )

    def besides(self, fold: int) -> NDArray[np.bool_]:
        """The cases by which those of a fold are judged: those of other folds, or all where there are no others."""
        others: NDArray[np.bool_] = self.folds != fold
        return others if others.any() else np.ones(len(self), dtype=np.bool_)

    def means(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """The mean over each case's windows. Shape: ``(members, ...)`` to ``(cases, ...)``."""
        starts = np.flatnonzero(np.diff(self.of, prepend=-1))
        sums = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        counts = np.bincount(self.of)
        found: NDArray[np.float64] = sums / counts.reshape(-1, *[1] * (sums.ndim - 1))
        return found


def fold_of(examples: Examples, seed: int) -> Ids:
    """A fold for each window: groups stay whole, and those of a label are dealt evenly. Shape: ``(n,)``."""
    facts = examples.holds
    windows, labels = examples.windows[facts], examples.labels[facts]
    groups, inverse = np.unique(examples.groups, return_inverse=True)
    owners, members = np.divmod(np.unique(labels * len(groups) + inverse[windows]), len(groups))
    rarity = np.bincount(owners)[owners]
    # Of several labels the rarest one decides where a group goes.
    order = np.lexsort((np.random.default_rng(seed).permutation(len(owners)), owners, rarity))
    folds = np.full(len(groups), -1)
    dealt = 0
    for group in members[order]:
        if folds[group] < 0:
            folds[group] = dealt % FOLDS
            dealt += 1
    folds[folds < 0] = np.arange((folds < 0).sum()) % FOLDS
    found: Ids = folds[inverse]
    return found


def cases_of(examples: Examples, folds: Ids, stated: int, *, several: bool) -> Cases:
    """What can be tested: of labels that groups of at least two folds have, since one must be left to teach.

    Where one label holds at a time, that others do not hold follows, and is no case of its own.

    Args:
        stated: how many of the facts were said; those that follow are assumed.
    """
    holding = examples.holds
    pairs = np.unique(examples.labels[holding] * FOLDS + folds[examples.windows[holding]])
    enough = np.bincount(pairs // FOLDS, minlength=int(examples.labels.max()) + 1) > 1
    tested = holding.copy()
    tested[slice(None) if several else examples.only_rejected] = True
    facts = np.flatnonzero(tested & enough[examples.labels])
    windows, labels, holds = examples.windows[facts], examples.labels[facts], holding[facts]
    recordings = np.unique(examples.recordings, return_inverse=True)[1][windows]
    keys = (recordings * (examples.labels.max() + 1) + labels) * 2 + holds
    _, first, of = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(of, kind="stable")
    at = windows[first]
    where = (examples.recordings[at], examples.groups[at])
    return Cases(*where, labels[first], holds[first], (facts < stated)[first], folds[at], windows[order], of[order])


def held_out_logits(
    candidate: Candidate, examples: Examples, cases: Cases, folds: Ids, labels: int, most: int, *, several: bool
) -> NDArray[np.float32]:
    """The logits of the cases' windows, each from a layer that was taught without its fold.

    Args:
        most: windows that each layer is taught on; see ``evenly``.

    Shape:
        - folds: ``(n,)``; output: ``(members, labels)``
    """
    found = np.zeros((len(cases.members), labels), dtype=np.float32)
    tested = folds[cases.members]
    for fold in np.unique(tested):
        kept = evenly(examples, folds != fold, most)
        rows = tested == fold
        if kept[examples.windows[examples.holds]].any():
            layer = fit(candidate, examples, labels, kept, several=several)
            found[rows] = layer.logits(examples.vectors[cases.members[rows]])
    return found


def likelihoods(
    logits: NDArray[np.float32], cases: Cases, temperature: float, activation: Activation
) -> NDArray[np.float64]:
    """The logarithm of the probability of what is known of each case. Shape: ``(members, labels)`` to ``(cases,)``."""
    found = activated(logits / np.float32(temperature), activation)
    means = cases.means(found[np.arange(len(found)), cases.labels[cases.of]])
    known: NDArray[np.float64] = np.log(np.where(cases.holds, means, 1.0 - means).clip(_LEAST))
    return known


def choosing(cases: Cases, labels: int) -> NDArray[np.bool_]:
    """The cases by which candidates and temperatures are chosen: all, or some where they have many logits."""
    most = max(1, _CALIBRATING * len(cases) // max(1, len(cases.members) * labels))
    kept = np.zeros(len(cases), dtype=np.bool_)
    kept[np.random.default_rng(0).permutation(len(cases))[:most]] = True
    return kept


def by_temperature(logits: NDArray[np.float32], cases: Cases, activation: Activation) -> NDArray[np.float64]:
    """The log-likelihood of what is known of each case under each of ``TEMPERATURES``.

    Shape:
        - logits: ``(members, labels)``; output: ``(temperatures, cases)``
    """
    return np.stack([likelihoods(logits, cases, one, activation) for one in TEMPERATURES])


def evenly(examples: Examples, among: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Some of these windows: the same number of each label, and of each recording of a label, as far as can be.

    Shape:
        - among, output: ``(n,)``
    """
    rows = np.flatnonzero(among)
    if len(rows) <= most:
        return among
    labels = np.full(len(examples), -1)
    labels[examples.windows[examples.holds]] = examples.labels[examples.holds]
    chance = np.random.default_rng(0).permutation(len(examples))
    turns = _turns(examples.recordings, chance)
    turns = _turns(labels, np.lexsort((chance, turns)).argsort())
    kept = np.zeros(len(examples), dtype=np.bool_)
    kept[rows[np.lexsort((chance[rows], turns[rows]))[:most]]] = True
    return kept


def _turns(ids: Ids, order: Ids) -> Ids:
    """The place of each entry among those with its id, from 0, by rising ``order``. Shape: ``(n,)``."""
    sort = np.lexsort((order, ids))
    starts = np.flatnonzero(np.append(True, np.diff(ids[sort]) != 0))
    turns = np.empty(len(ids), dtype=np.int64)
    turns[sort] = np.arange(len(ids)) - np.repeat(starts, np.diff(starts, append=len(ids)))
    return turns
