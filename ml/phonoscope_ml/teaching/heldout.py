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

    Shape:
        - recordings, groups, labels, holds, folds: ``(cases,)``
        - members, of: ``(windows of all cases,)``
    """

    recordings: Ids
    groups: Ids
    labels: Ids
    holds: NDArray[np.bool_]
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
    pairs = np.unique(np.stack([labels, inverse.ravel()[windows]]), axis=1)
    rarity = np.bincount(pairs[0])
    # Of several labels the rarest one decides where a group goes.
    order = np.lexsort((np.random.default_rng(seed).permutation(pairs.shape[1]), pairs[0], rarity[pairs[0]]))
    folds = np.full(len(groups), -1)
    dealt = 0
    for group in pairs[1, order]:
        if folds[group] < 0:
            folds[group] = dealt % FOLDS
            dealt += 1
    folds[folds < 0] = np.arange((folds < 0).sum()) % FOLDS
    found: Ids = folds[inverse.ravel()]
    return found


def cases_of(examples: Examples, folds: Ids, *, several: bool) -> Cases:
    """What can be tested: of labels that at least two groups have, since one must be left to teach."""
    holding = examples.holds
    pairs = np.unique(np.stack([examples.labels[holding], examples.groups[examples.windows[holding]]]), axis=1)
    enough = np.bincount(pairs[0], minlength=int(examples.labels.max()) + 1) > 1
    facts = np.flatnonzero((holding | several) & enough[examples.labels])
    windows, labels, holds = examples.windows[facts], examples.labels[facts], holding[facts]
    keys = np.stack([examples.recordings[windows], labels, holds.astype(np.int64)])
    _, first, of = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    order = np.argsort(of.ravel(), kind="stable")
    at = windows[first]
    return Cases(
        examples.recordings[at],
        examples.groups[at],
        labels[first],
        holds[first],
        folds[at],
        windows[order],
        of.ravel()[order],
    )


def held_out_logits(
    candidate: Candidate, examples: Examples, labels: int, folds: Ids, *, several: bool
) -> NDArray[np.float32]:
    """The logits of each window from a layer that was taught without its fold. Shape: ``(n, labels)``."""
    found = np.zeros((len(examples), labels), dtype=np.float32)
    for fold in np.unique(folds):
        out = folds == fold
        if (~out)[examples.windows[examples.holds]].any():
            found[out] = fit(candidate, examples, labels, ~out, several=several).logits(examples.vectors[out])
    return found


def likelihoods(
    logits: NDArray[np.float32], cases: Cases, temperature: float, activation: Activation
) -> NDArray[np.float64]:
    """The logarithm of the probability of what is known of each case. Shape: logits ``(n, labels)`` to ``(cases,)``."""
    found = activated(logits[cases.members] / np.float32(temperature), activation)
    of_label = found[np.arange(len(found)), cases.labels[cases.of]]
    means = cases.means(of_label)
    known: NDArray[np.float64] = np.log(np.where(cases.holds, means, 1.0 - means).clip(_LEAST))
    return known


def temperature_of(logits: NDArray[np.float32], cases: Cases, activation: Activation) -> float:
    """The temperature under which what is known is most likely, of 25 from 0.1 to 10."""
    sums = [float(likelihoods(logits, cases, one, activation).mean()) for one in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmax(sums))])
