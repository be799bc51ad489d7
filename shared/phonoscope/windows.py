"""What bodies and heads heard in the windows of a recording, as it is kept to be searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_PROBABILITY = 0.03
"""Labels that are less probable in a window are not kept."""
MOST_LABELS = 12
"""Of a head, in one window."""
MOST_PEAKS = 32
"""Windows in which a label is strongest, of one recording."""


class HeardLabels(NamedTuple):
    """The labels of one head.

    Args:
        probabilities: of shape ``(windows, labels)``.
    """

    model: str
    digest: str
    labels: list[str]
    probabilities: NDArray[np.float32]

    @property
    def kept(self) -> NDArray[np.float32]:
        """The probabilities with zeros in place of those that are not kept."""
        probabilities = np.nan_to_num(self.probabilities)
        kept = probabilities >= LEAST_PROBABILITY
        if len(self.labels) > MOST_LABELS:
            least = np.partition(probabilities, -MOST_LABELS, axis=1)[:, -MOST_LABELS, None]
            kept &= probabilities >= least
        return np.where(kept, probabilities, 0.0).astype(np.float32)


class Peak(NamedTuple):
    """Where a label is strongest: indices of windows, the most probable first."""

    label: str
    best: float
    windows: list[int]


@dataclass(frozen=True)
class Windows:
    """A recording's windows in one space, without the silent ones.

    Shape:
        - positions: ``(windows,)``, the number of each among all windows of the recording
        - spans_s: ``(windows, 2)``, start and end
        - vectors: ``(windows, 512)``, float32, each of length 1 but for their rounding to half precision
    """

    positions: NDArray[np.int64]
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    heads: tuple[HeardLabels, ...] = ()

    def __len__(self) -> int:
        return len(self.positions)


def peaks_of(head: HeardLabels) -> Iterator[Peak]:
    """The peaks of all labels that are kept in some window."""
    kept = head.kept
    for column in np.flatnonzero(kept.any(axis=0)):
        order = np.argsort(-kept[:, column], kind="stable")[:MOST_PEAKS]
        strongest = [int(index) for index in order if kept[index, column] > 0.0]
        yield Peak(head.labels[column], float(kept[strongest[0], column]), strongest)
