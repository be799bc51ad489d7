"""The figures of a teaching, from held-out recordings alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelFigures:
    """A label's figures.

    Args:
        recordings: examples of it, by recording; groups: by near-duplicates.
        precision: of the held-out recordings called so, the share that are; ``None`` where none was called so.
        recall: of the held-out recordings that are, the share called so; ``None`` where none was held out.
        threshold: the probability from which it counts as heard.
        too_few: fewer than 10 groups: its figures say little.
    """

    label: str
    recordings: int
    groups: int
    precision: float | None
    recall: float | None
    threshold: float
    too_few: bool


@dataclass(frozen=True)
class Confused:
    """Held-out recordings of a label and what they were called; ``None`` for unknown."""

    label: str
    called: str | None
    recordings: int


@dataclass(frozen=True)
class Figures:
    """The figures of a teaching, all in [0, 1] but counts.

    Args:
        accuracy: of held-out recordings, without regard to thresholds; ``None`` where none could be held out.
        accuracy_low, accuracy_high: Wilson's interval of 95 %, by groups.
        macro_f1: the mean over labels that were held out.
        examples: windows; recordings; groups: of near-duplicates; held_out: recordings that were tested.
        folds: how many parts were held out in turn, by group.
        unknown_share_of_strangers: of recordings that hold none of the labels, the share that is called nothing.
        unknown_share_of_examples: of held-out recordings, the share that is called nothing.
        reason: why this method was chosen.
    """

    method: str
    reason: str
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    macro_f1: float | None
    examples: int
    recordings: int
    groups: int
    held_out: int
    folds: int
    strangers: int
    unknown_share_of_strangers: float | None
    unknown_share_of_examples: float | None
    labels: tuple[LabelFigures, ...]
    confusion: tuple[Confused, ...]


@dataclass(frozen=True)
class Doubt:
    """An example that contradicts its neighbours.

    Args:
        window: its index in the examples.
        label: what it is said to be, or ``None`` where it is only said what it is not.
        likely: what other recordings say that it is; the same label where that is what they deny.
        probability: how sure they are, in [0, 1].
    """

    window: int
    label: str
    likely: str
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
