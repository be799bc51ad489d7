"""Recordings that are near-duplicates of each other: by their vectors, or as copies by their acoustic fingerprints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from phonoscope.audio.copies import MOST_DIFFERENCE_S, Comparable, are_copies
from phonoscope.work import AcousticFingerprint

ALIKE = 0.98
"""The cosine from which two recordings count as one where figures are measured."""
_LEAST_OF_COPIES = 0.3
"""The cosine of copies: a low rate takes from a sound what lies above its band."""
_MOST_COMPARED = 20_000
"""Pairs of fingerprints, the most similar ones, which take a second or two; all others count as different."""
_ROWS = 256

Pairs = NDArray[np.int64]


def groups_of(
    vectors: NDArray[np.float32], fingerprints: Mapping[int, AcousticFingerprint] | None = None
) -> NDArray[np.int64]:
    """A number for each recording, which near-duplicates share, and duplicates of these; those of zeros are alone.

    Args:
        fingerprints: of recordings, by their row.

    Shape:
        - vectors: ``(n, dimensions)``, of length 1 or 0
        - returned: ``(n,)``
    """
    known = fingerprints or {}
    durations_s = np.array([known[at].duration_s if at in known else np.nan for at in range(len(vectors))])
    alike, closest = np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64)
    nearness = np.zeros(0, np.float32)
    for start in range(0, len(vectors), _ROWS):
        cosines = np.triu(vectors[start : start + _ROWS] @ vectors[start:].T, 1)
        if len(pairs := np.argwhere(cosines >= ALIKE)):
            alike = _forest(len(vectors), np.concatenate([alike, pairs + start]))
        if known:
            apart_s = np.abs(durations_s[start : start + _ROWS, None] - durations_s[start:])
            found = np.argwhere((cosines >= _LEAST_OF_COPIES) & (cosines < ALIKE) & (apart_s <= MOST_DIFFERENCE_S))
            nearness = np.concatenate([nearness, cosines[found[:, 0], found[:, 1]]])
            closest = np.concatenate([closest, found + start])
            best = np.argsort(-nearness, kind="stable")[:_MOST_COMPARED]
            nearness, closest = nearness[best], closest[best]
    copies = [pair for pair in closest if are_copies(Comparable(known[int(pair[0])]), Comparable(known[int(pair[1])]))]
    return _joined(len(vectors), np.concatenate([alike, np.array(copies, np.int64).reshape(-1, 2)]))


def shared_groups(count: int, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> NDArray[np.int64]:
    """A number for each of so many recordings, which those share that are in one group in any of the parts.

    Args:
        parts: of each some recordings, by index, and their groups.
    """
    pairs = [np.zeros((0, 2), np.int64)]
    for recordings, groups in parts:
        _, first, of = np.unique(groups, return_index=True, return_inverse=True)
        pairs.append(np.stack([recordings, recordings[first[of]]], axis=1))
    return _joined(count, np.concatenate(pairs))


def _forest(count: int, pairs: Pairs) -> Pairs:
    """Fewer pairs that join the same: of recordings that are all alike there are the square of their number."""
    groups = _joined(count, pairs)
    _, first = np.unique(groups, return_index=True)
    joined = np.flatnonzero(first[groups] != np.arange(count))
    return np.stack([joined, first[groups][joined]], axis=1)


def _joined(count: int, pairs: Pairs) -> NDArray[np.int64]:
    graph = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    groups: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups
