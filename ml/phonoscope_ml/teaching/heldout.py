"""Predictions for examples by heads that were taught without them, nor their recordings' near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Examples, Ids
from phonoscope_ml.teaching.fitting import Candidate, fit
from phonoscope_ml.teaching.linear import Activation, activated

FOLDS = 5
_TEMPERATURES = np.geomspace(0.1, 10.0, 25)
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
    """What can be tested: of labels that at least two groups have, since one must be left to teach.

    Where one label holds at a time, that others do not hold follows, and is no case of its own.

    Args:
        stated: how many of the facts were said; those that follow are assumed.
    """
    holding = examples.holds
    groups = np.unique(examples.groups, return_inverse=True)[1][examples.windows]
    pairs = np.unique(examples.labels[holding] * (groups.max() + 1) + groups[holding])
    enough = np.bincount(pairs // (groups.max() + 1), minlength=int(examples.labels.max()) + 1) > 1
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
        most: windows that each layer is taught on; of more, the same number of each recording as far as can be.

    Shape:
        - folds: ``(n,)``; output: ``(members, labels)``
    """
    found = np.zeros((len(cases.members), labels), dtype=np.float32)
    ranks, tested = _ranks(examples), folds[cases.members]
    for fold in np.unique(tested):
        others = np.flatnonzero(folds != fold)
        kept = np.zeros(len(examples), dtype=np.bool_)
        kept[others[np.argsort(ranks[others], kind="stable")[:most]]] = True
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


def temperature_of(logits: NDArray[np.float32], cases: Cases, activation: Activation) -> float:
    """The temperature under which what is known is most likely, of 25 from 0.1 to 10."""
    sums = [float(likelihoods(logits, cases, one, activation).mean()) for one in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmax(sums))])


def _ranks(examples: Examples) -> Ids:
    """The place of each window among those of its recording, from 0. Shape: ``(n,)``."""
    order = np.argsort(examples.recordings, kind="stable")
    starts = np.flatnonzero(np.diff(examples.recordings[order], prepend=examples.recordings[order[0]] - 1))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return ranks
