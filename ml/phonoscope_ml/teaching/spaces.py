"""Chooses the space that a head is taught in: that in which quick heads are right about most held-out recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from phonoscope_ml.teaching.assumed import MOST
from phonoscope_ml.teaching.calibration import thresholds_of
from phonoscope_ml.teaching.evaluation import FEWEST, judged
from phonoscope_ml.teaching.examples import Examples, Ids
from phonoscope_ml.teaching.fitting import Candidate
from phonoscope_ml.teaching.heldout import fold_of
from phonoscope_ml.teaching.selection import PROTOTYPES, REGRESSIONS, hold_out
from phonoscope_ml.teaching.strangers import no_strangers
from phonoscope_ml.teaching.taught import prepared

NO_OTHER = "its examples are heard in no other space"
NEARLY_ALL = 0.9
"""The share of the recordings that must be heard in a space for it to be compared."""
_MOST_LOGITS = 40_000
"""Windows times labels above which quick heads are prototypes."""
_MOST_ASSUMED = 2_000_000
"""Logits of windows that labels are assumed not to hold in; of many labels each is in fewer."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class TriedSpace:
    """A space that could be taken.

    Args:
        accuracy: of held-out recordings; ``None`` where it was not compared.
        recordings: those that are heard in it, of those of the space of before.
    """

    name: str
    accuracy: float | None
    recordings: int


@dataclass(frozen=True)
class ChosenSpace:
    """The name of a space, why it was taken, and all that could be, that of before first."""

    name: str
    reason: str
    tried: tuple[TriedSpace, ...]


class _Judged(NamedTuple):
    """What was held out, each by a number of its own: whether quick heads are right, and its group."""

    cases: Ids
    right: NDArray[np.bool_]
    groups: Ids


class _Rival(NamedTuple):
    """A space beside that of before: the share that is right, and by how much that is more, with its standard error."""

    accuracy: float
    gain: float
    error: float


def choose_space(
    labels: int, spaces: Mapping[str, Examples | None], *, several: bool, settled: bool = True, seed: int = 0
) -> ChosenSpace:
    """The space of before, or one in which quick heads are right about more recordings than chance explains.

    The same recordings are held out together in all spaces. Another space is taken where they are right about more of
    them by more than one standard error of the difference, groups counted as one; of several the one that is right most
    often. A first version takes that one, whatever chance explains. What is not heard in a space counts as wrong there.
    It is not compared where fewer than ``NEARLY_ALL`` of the recordings, or not all labels, are heard in it; none is
    with fewer than ``FEWEST`` groups held out.

    Args:
        labels: how many there are.
        spaces: examples in each space by its name, that of before first; ``None`` where none is heard. A recording has
            one id and one group in all of them.
        several: whether several labels can hold at once.
        settled: whether a version is in the space of before.
    """
    (before, own), *others = spaces.items()
    heard = {name: 0 if each is None or own is None else _shared(each, own) for name, each in spaces.items()}
    there = {name: each for name, each in others if each is not None and own is not None and _is_like(each, own)}
    first, rivals = None, {}
    if own is not None and there:
        most = labels * max(len(own), *map(len, there.values()))
        quick = PROTOTYPES if several or most > _MOST_LOGITS else REGRESSIONS[0]
        with threadpool_limits(limits=1):
            folds = fold_of(own, seed)
            first = _judge(labels, own, folds, quick, several, seed)
            if len(np.unique(first.groups)) >= FEWEST:
                for name, each in there.items():
                    both, dealt = _as_dealt(each, own, folds)
                    rivals[name] = _rival(first, _judge(labels, both, dealt, quick, several, seed))
    return _chosen(before, first, rivals, heard, settled=settled)


def _shared(examples: Examples, own: Examples) -> int:
    """How many recordings both have."""
    return len(np.intersect1d(examples.recordings, own.recordings))


def _is_like(examples: Examples, own: Examples) -> bool:
    """Whether nearly all is heard there too, and something of each label."""
    enough = _shared(examples, own) >= NEARLY_ALL * len(np.unique(own.recordings))
    return enough and set(own.labels[own.holds]) <= set(examples.labels[examples.holds])


def _as_dealt(examples: Examples, own: Examples, folds: Ids) -> tuple[Examples, Ids]:
    """The windows of the recordings that both have, and their folds. Shape: folds ``(windows of own,)``."""
    both = examples.among(np.isin(examples.recordings, own.recordings))
    ids, first = np.unique(own.recordings, return_index=True)
    return both, folds[first[np.searchsorted(ids, both.recordings)]]


def _judge(labels: int, examples: Examples, folds: Ids, quick: Candidate, several: bool, seed: int) -> _Judged:
    few = min(MOST, max(1, _MOST_ASSUMED // labels**2))
    activation, taught_on = prepared(examples, labels, seed, several=several, most=few)
    held = hold_out(examples, taught_on, labels, activation, seed, folds=folds, candidates=(quick,))
    found = thresholds_of(held, no_strangers(labels), several=several, seed=seed)
    cases, _, _, right = judged(held, found, several=several)
    return _Judged((cases.recordings * labels + cases.labels) * 2 + cases.holds, right, cases.groups)


def _rival(first: _Judged, other: _Judged) -> _Rival:
    right = np.zeros(len(first.cases))
    _, at, of = np.intersect1d(first.cases, other.cases, return_indices=True)
    right[at] = other.right[of]
    more = right - first.right
    groups = np.unique(first.groups, return_inverse=True)[1]
    sizes, gain = np.bincount(groups), float(more.mean())
    apart = np.bincount(groups, more) - gain * sizes
    error = np.sqrt(len(sizes) / (len(sizes) - 1) * (apart**2).sum()) / len(more)
    return _Rival(float(right.mean()), gain, float(error))


def _chosen(
    before: str, first: _Judged | None, rivals: Mapping[str, _Rival], heard: Mapping[str, int], *, settled: bool
) -> ChosenSpace:
    accuracies = {name: rival.accuracy for name, rival in rivals.items()}
    if first is not None and rivals:
        accuracies[before] = float(first.right.mean())
    tried = tuple(TriedSpace(name, accuracies.get(name), count) for name, count in heard.items())
    better = [name for name, one in rivals.items() if one.gain > (one.error if settled else 0.0) + _ROUNDING]
    if better:
        best = max(better, key=accuracies.__getitem__)
        why = "more than chance explains" if settled else "a first version takes the best space"
        return ChosenSpace(best, f"{_compared(best, before, rivals[best])}: {why}", tried)
    return ChosenSpace(before, _why_kept(before, first, rivals, heard), tried)


def _why_kept(before: str, first: _Judged | None, rivals: Mapping[str, _Rival], heard: Mapping[str, int]) -> str:
    if rivals:
        best = max(rivals, key=lambda name: rivals[name].gain)
        return f"{_compared(best, before, rivals[best])}: no more than chance explains"
    if first is not None:
        groups = len(np.unique(first.groups))
        return f"{groups} recordings can be held out, near-duplicates counted as one, and {FEWEST} are needed"
    if len(heard) == 1:
        return NO_OTHER
    others = ", ".join(f"{count} in {name}" for name, count in heard.items() if name != before)
    return f"of {heard[before]} recordings in {before} too few, or not all labels, are heard elsewhere: {others}"


def _compared(name: str, before: str, rival: _Rival) -> str:
    share = f"{abs(rival.gain):.3f} {'more' if rival.gain >= 0.0 else 'fewer'}"
    return f"quick heads in {name} are right about {share} of what is held out than in {before} (± {rival.error:.3f})"
