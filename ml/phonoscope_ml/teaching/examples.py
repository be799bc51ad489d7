"""Examples: window vectors and which labels hold in them, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

_LEAST_LENGTH, _MOST_LENGTH = 0.9, 1.1
"""Of a unit vector that was stored in half precision, with room."""


@dataclass(frozen=True)
class Examples:
    """Windows with what is known of them: a list of facts, each that a label holds in a window or does not.

    Args:
        recordings: the recording that each window is of.
        groups: of recordings that are near-duplicates of each other; windows of one recording share a group.
        windows: the window that each fact is about, an index into ``vectors``.
        labels: the label that each fact is about, an index.
        holds: whether the label holds.

    Shape:
        - vectors: ``(n, dimensions)``, float32, of length 1
        - recordings, groups: ``(n,)``, ids
        - windows, labels, holds: ``(facts,)``

    Raises:
        ValueError: shapes differ; a vector is not finite or not of length 1; a fact is about no window; a recording is
            in two groups; a fact is stated twice or contradicted.
    """

    vectors: Vectors
    recordings: Ids
    groups: Ids
    windows: Ids
    labels: Ids
    holds: NDArray[np.bool_]

    def __post_init__(self) -> None:
        check_vectors(self.vectors, "vectors")
        _check_lengths("recordings and groups", len(self.vectors), self.recordings, self.groups)
        _check_lengths("labels and holds", len(self.windows), self.labels, self.holds)
        _check_facts(self)
        _check_groups(self.recordings, self.groups)

    @classmethod
    def of(cls, vectors: ArrayLike, targets: ArrayLike, recordings: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Examples from a table.

        Args:
            groups: by default each recording is its own.

        Shape:
            - targets: ``(n, labels)``: 1 where a label holds, 0 where it does not, nan where that is not known
        """
        table = np.asarray(targets, dtype=np.float32)
        windows, labels = np.nonzero(~np.isnan(table))
        ids = np.asarray(recordings, dtype=np.int64)
        return cls(
            np.ascontiguousarray(vectors, dtype=np.float32),
            ids,
            ids if groups is None else np.asarray(groups, dtype=np.int64),
            windows.astype(np.int64),
            labels.astype(np.int64),
            table[windows, labels] > 0.5,  # noqa: PLR2004 - between 0 and 1
        )

    @classmethod
    def one_label(
        cls, vectors: ArrayLike, labels: ArrayLike, recordings: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Examples of which each has one label. Shape: labels ``(n,)``, indices."""
        ids = np.asarray(recordings, dtype=np.int64)
        count = len(ids)
        return cls(
            np.ascontiguousarray(vectors, dtype=np.float32),
            ids,
            ids if groups is None else np.asarray(groups, dtype=np.int64),
            np.arange(count, dtype=np.int64),
            np.asarray(labels, dtype=np.int64),
            np.ones(count, dtype=np.bool_),
        )

    @property
    def only_rejected(self) -> Ids:
        """The facts about windows of which it is only known what they are not."""
        held = np.zeros(len(self), dtype=np.bool_)
        held[self.windows[self.holds]] = True
        return np.flatnonzero(~self.holds & ~held[self.windows])

    def among(self, kept: NDArray[np.bool_]) -> Self:
        """These windows alone, with what is known of them. Shape: kept ``(n,)``."""
        if kept.all():
            return self
        facts = kept[self.windows]
        number = np.cumsum(kept) - 1
        windows = number[self.windows[facts]]
        return type(self)(
            self.vectors[kept],
            self.recordings[kept],
            self.groups[kept],
            windows,
            self.labels[facts],
            self.holds[facts],
        )

    def __len__(self) -> int:
        return len(self.vectors)


def check_vectors(vectors: NDArray[np.floating], name: str) -> None:
    """Raises ``ValueError``, which names the first row that is no unit vector."""
    if vectors.ndim != 2 or 0 in vectors.shape:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"{name} must be rows of numbers, not of shape {vectors.shape}")
    lengths = np.linalg.norm(vectors, axis=1)
    if (wrong := np.flatnonzero(~np.isfinite(lengths))).size:
        raise ValueError(f"{name}: row {wrong[0]} has numbers that are not finite")
    if (wrong := np.flatnonzero((lengths < _LEAST_LENGTH) | (lengths > _MOST_LENGTH))).size:
        raise ValueError(f"{name}: row {wrong[0]} has length {lengths[wrong[0]]:.3g}, not 1")


def _check_lengths(names: str, wanted: int, *found: NDArray[np.generic]) -> None:
    if any(one.shape != (wanted,) for one in found):
        raise ValueError(f"{names} must have {wanted} entries, not {', '.join(str(one.shape) for one in found)}")


def _check_facts(examples: Examples) -> None:
    windows, labels = examples.windows, examples.labels
    if windows.size == 0:
        raise ValueError("no label is known to hold in any window")
    if windows.min() < 0 or windows.max() >= len(examples.vectors) or labels.min() < 0:
        raise ValueError("a fact is about a window or a label that is not there")
    keys = np.sort(windows * (labels.max() + 1) + labels)
    if (again := np.flatnonzero(np.diff(keys) == 0)).size:
        window, label = divmod(int(keys[again[0]]), int(labels.max()) + 1)
        raise ValueError(f"label {label} is stated twice for window {window}")


def _check_groups(recordings: Ids, groups: Ids) -> None:
    order = np.argsort(recordings, kind="stable")
    same = np.diff(recordings[order]) == 0
    if (split := np.flatnonzero(same & (np.diff(groups[order]) != 0))).size:
        raise ValueError(f"recording {recordings[order[split[0]]]} is in two groups")
