"""What a head says of strangers: an owner's recordings of which nobody said that they have a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phonoscope_ml.teaching.examples import Ids, Vectors, unit_rows
from phonoscope_ml.teaching.heldout import Cases
from phonoscope_ml.teaching.linear import LinearHead, Probabilities, of_recordings, probabilities


@dataclass(frozen=True)
class Strangers:
    """Answers for strangers.

    A mean over many windows is less sure than one window. So examples are compared with pieces that have as many
    windows as examples have; what a head makes of strangers is counted of whole ones.

    Shape:
        - pieces, whole: ``(recordings, labels)``, means over windows
    """

    pieces: Probabilities
    whole: Probabilities

    def __len__(self) -> int:
        return len(self.whole)

    def only(self, kept: NDArray[np.bool_]) -> Strangers:
        """Some of them. Shape: ``(recordings,)``."""
        return Strangers(self.pieces[kept], self.whole[kept])


def no_strangers(labels: int) -> Strangers:
    """Answers for none."""
    nothing = np.zeros((0, labels), dtype=np.float32)
    return Strangers(nothing, nothing)


def answers_for(
    head: LinearHead, vectors: Vectors | None, recordings: Ids | None, cases: Cases, seed: int
) -> Strangers:
    """What a head says of strangers; rows that are no unit vectors do not count.

    Args:
        cases: the examples that pieces are to be as long as.

    Shape:
        - vectors: ``(windows, dimensions)``, in the order of their time; recordings: ``(windows,)``, ids
    """
    if vectors is None or recordings is None or not (kept := unit_rows(vectors)).any():
        return no_strangers(len(head.labels))
    order = np.argsort(recordings[kept], kind="stable")
    found, ids = probabilities(head, vectors[kept][order]), recordings[kept][order]
    inside = _within_pieces(ids, np.bincount(cases.of)[cases.holds & cases.stated], np.random.default_rng(seed))
    return Strangers(of_recordings(found[inside], ids[inside])[1], of_recordings(found, ids)[1])


def _within_pieces(ids: Ids, lengths: Ids, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which windows are within a piece of their recording, whose length is drawn from these; all where there are none.

    Shape:
        - ids: ``(windows,)``, rising; output: the same
    """
    if not lengths.size:
        return np.ones(len(ids), dtype=np.bool_)
    _, starts, of, counts = np.unique(ids, return_index=True, return_inverse=True, return_counts=True)
    taken = np.minimum(rng.choice(lengths, len(counts)), counts)
    first = starts + rng.integers(0, counts - taken + 1)
    at = np.arange(len(ids))
    found: NDArray[np.bool_] = (at >= first[of]) & (at < (first + taken)[of])
    return found
