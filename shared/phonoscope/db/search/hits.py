"""What searches find, as it comes from PostgreSQL."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope.db.schema.tables import EMBEDDING_DIM

_HEADER = 2
"""Numbers of two bytes before those of a vector."""
_SPARSE = struct.Struct(">iii")
_NOTHING: Mapping[int, float] = {}

WINDOW_COLUMNS = "v.track_id, v.position, v.start_s, v.end_s, halfvec_send(v.vector) AS vector"
"""SQL of what ``window_hits`` reads, before ``similarity``. Binary: numbers as words take longer than the search."""
HEARD = "sparsevec_send(v.heard) AS heard"
"""Likewise of the labels, where they are searched by."""
TRACK_COLUMNS = "v.track_id, halfvec_send(v.vector) AS vector"


class TrackHit(NamedTuple):
    """A track whose vector is near, with the cosine in [-1, 1] and its unit vector."""

    track_id: str
    similarity: float
    vector: NDArray[np.float32]


class WindowHit(NamedTuple):
    """A window, and how well it fits.

    Args:
        similarity: the cosine in [-1, 1]; of a search by labels their weighted sum.
        vector: its unit vector.
        heard: the probabilities of labels, by id, where they were searched by.
    """

    track_id: str
    position: int
    start_s: float
    end_s: float
    similarity: float
    vector: NDArray[np.float32]
    heard: Mapping[int, float]


def track_hits(rows: Sequence[Any]) -> list[TrackHit]:
    return [
        TrackHit(row.track_id, _cosine(row.similarity), vector)
        for row, vector in zip(rows, vectors_of(rows), strict=True)
    ]


def window_hits(rows: Sequence[Any]) -> list[WindowHit]:
    """Windows, from rows that begin with ``WINDOW_COLUMNS`` and the cosine ``similarity``."""
    found = []
    for row, vector in zip(rows, vectors_of(rows), strict=True):
        track_id, position, start_s, end_s, _, similarity = row[:6]
        found.append(WindowHit(track_id, position, start_s, end_s, _cosine(similarity), vector, _NOTHING))
    return found


def heard_hits(rows: Sequence[Any]) -> list[WindowHit]:
    """Windows, from rows that begin with ``WINDOW_COLUMNS``, ``HEARD`` and their sum ``similarity``."""
    found = []
    for row, vector in zip(rows, vectors_of(rows), strict=True):
        track_id, position, start_s, end_s, _, heard, similarity = row[:7]
        found.append(WindowHit(track_id, position, start_s, end_s, float(similarity), vector, _heard(heard)))
    return found


def vectors_of(rows: Sequence[Any]) -> NDArray[np.float32]:
    """Their vectors. Shape: ``(rows, 512)``."""
    sent = b"".join([row.vector for row in rows])
    halves = np.frombuffer(sent, ">f2").reshape(len(rows), _HEADER + EMBEDDING_DIM)
    return halves[:, _HEADER:].astype(np.float32)


def as_sql(vector: NDArray[np.float32]) -> str:
    """A vector, as PostgreSQL reads it.

    >>> as_sql(np.array([0.6, -0.8, 0.0], np.float32))
    '[0.6,-0.8,0]'
    """
    return "[" + ",".join([f"{number:.6g}" for number in vector.tolist()]) + "]"


def _cosine(similarity: float) -> float:
    # In half precision unit vectors are a little longer or shorter than 1.
    return max(-1.0, min(1.0, similarity))


def _heard(sent: Any) -> dict[int, float]:
    """From a ``sparsevec`` as PostgreSQL sends it: its dimension, how many numbers, 0, their indices, the numbers."""
    _, count, _ = _SPARSE.unpack_from(sent)
    numbers = struct.unpack_from(f">{count}i{count}f", sent, _SPARSE.size)
    return {index + 1: probability for index, probability in zip(numbers[:count], numbers[count:], strict=True)}
