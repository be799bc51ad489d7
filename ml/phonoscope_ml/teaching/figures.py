"""The figures of a teaching, from held-out recordings alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelFigures:
    """A label's figures.

    Args:
        recordings, windows: examples of it; groups: near-duplicates count as one.
        precision: of the held-out recordings called so, the share that are; ``None`` where none was called so.
        recall: of the held-out recordings that are, the share called so; ``None`` where none was held out.
        threshold: the probability from which it counts as heard.
        too_few: fewer than 10 groups: its figures say little.
    """

    label: str
    recordings: int
    groups: int
    windows: int
    precision: float | None
    recall: float | None
    threshold: float
    too_few: bool


@dataclass(frozen=True)
class Confusion:
    """How many held-out recordings of one label were taken for another."""

    label: str
    taken_for: str
    recordings: int


@dataclass(frozen=True)
class Figures:
    """The figures of a teaching, all in [0, 1] but counts; those of held-out recordings disregard thresholds.

    Where several labels can hold, accuracy is of decisions: whether a label is above its threshold in a recording of
    which that is known.

    Args:
        accuracy: of held-out recordings; ``None`` where none could be held out.
        accuracy_low, accuracy_high: Wilson's interval of 95 %, by groups.
        macro_f1: the mean over labels that were held out.
        recordings, windows: examples; groups: near-duplicates count as one; held_out: recordings that were tested.
        folds: how many parts were held out in turn, by group.
        why: why this method was chosen.
        strangers: recordings from which the threshold of unknown was chosen.
        unknown_of_strangers: the share of these called unknown, each by a threshold that was chosen on others.
        strangers_alike: the share of these that seem to have one of the labels; they do not count as wrongly called.
        unknown_of_known: the share of held-out recordings called unknown.
    """

    method: str
    why: str
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    macro_f1: float | None
    recordings: int
    windows: int
    groups: int
    held_out: int
    folds: int
    strangers: int
    unknown_of_strangers: float | None
    strangers_alike: float | None
    unknown_of_known: float | None
    labels: tuple[LabelFigures, ...]
    confusions: tuple[Confusion, ...]


@dataclass(frozen=True)
class Doubt:
    """An example that contradicts other recordings.

    Args:
        window: its index in the examples.
        given: what it is said to be; ``not`` and a label where it is only said what it is not.
        label: what it is taken for, likewise.
        probability: how sure that is, in [0, 1].
    """

    window: int
    given: str
    label: str
    probability: float


def wilson(right: float, of: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson, 1927).

    Args:
        right: the share; of: how many were counted, above 0.

    >>> [round(end, 3) for end in wilson(0.9, 100)]
    [0.826, 0.945]
    """
    middle = (right + z * z / (2 * of)) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * ((right * (1 - right) / of + z * z / (4 * of * of)) ** 0.5)
    return max(0.0, middle - reach), min(1.0, middle + reach)
