"""What searches find, as it comes from PostgreSQL."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope.db.schema.tables import EMBEDDING_DIM

_HEADER = 2
"""Numbers of two bytes before those of a vector."""
_COLUMNS = 9
_SPARSE = struct.Struct(">iii")

WINDOW_COLUMNS = (
    "v.track_id, v.space_id, v.stem, v.position, v.start_s, v.end_s, halfvec_send(v.vector) AS vector, "
    "sparsevec_send(v.heard) AS heard"
)
"""SQL of what ``window_hits`` reads, before ``similarity``. Binary: numbers as words take longer than the search."""
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
        heard: the probabilities of labels, by id.
    """

    track_id: str
    space_id: int
    stem: str
    position: int
    start_s: float
    end_s: float
    similarity: float
    vector: NDArray[np.float32]
    heard: dict[int, float]


def track_hits(rows: Sequence[Any]) -> list[TrackHit]:
    return [
        TrackHit(row.track_id, _cosine(row.similarity), vector)
        for row, vector in zip(rows, vectors_of(rows), strict=True)
    ]


def window_hits(rows: Sequence[Any], *, cosines: bool = True) -> list[WindowHit]:
    """Windows, from rows that begin with ``WINDOW_COLUMNS`` and ``similarity``."""
    found = []
    for row, vector in zip(rows, vectors_of(rows), strict=True):
        track_id, space_id, stem, position, start_s, end_s, _, heard, similarity = row[:_COLUMNS]
        fits = _cosine(similarity) if cosines else float(similarity)
        found.append(WindowHit(track_id, space_id, stem, position, start_s, end_s, fits, vector, _heard(heard)))
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
