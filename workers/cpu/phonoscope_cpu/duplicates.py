"""Recordings that are near-duplicates of each other, by their vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

ALIKE = 0.98
"""The cosine from which two recordings count as one where figures are measured."""
_ROWS = 1_024


def groups_of(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """A number for each recording, which near-duplicates share, and duplicates of these; those of zeros are alone.

    Shape:
        - vectors: ``(n, dimensions)``, of length 1 or 0
        - returned: ``(n,)``
    """
    count, left, right = len(vectors), [], []
    for start in range(0, count, _ROWS):
        rows, columns = np.nonzero(vectors[start : start + _ROWS] @ vectors[start:].T >= ALIKE)
        left.append(rows + start)
        right.append(columns + start)
    if not count:
        return np.zeros(0, np.int64)
    pairs = np.concatenate(left), np.concatenate(right)
    graph = coo_array((np.ones(len(pairs[0]), np.bool_), pairs), shape=(count, count))
    groups: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups
