"""What searches find, as it comes from PostgreSQL."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phonoscope.db.schema.tables import EMBEDDING_DIM
from phonoscope.db.search.reviewed import SaidLabel

_HEADER = 2
"""Numbers of two bytes before those of a vector."""
_SPARSE = struct.Struct(">iii")
_NOTHING: Mapping[int, float] = {}

WINDOW_COLUMNS = "v.track_id, v.space_id, v.position, v.start_s, v.end_s, halfvec_send(v.vector) AS vector"
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
        vector: its unit vector, of the space with this id.
        heard: the probabilities of labels, by id, where they were searched by.
    """

    track_id: str
    space_id: int
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
        track_id, space_id, position, start_s, end_s, _, similarity = row[:7]
        cosine = _cosine(similarity)
        found.append(WindowHit(track_id, space_id, position, start_s, end_s, cosine, vector, _NOTHING))
    return found


def heard_hits(rows: Sequence[Any], said: Sequence[SaidLabel] = ()) -> list[WindowHit]:
    """Windows, from rows that begin with ``WINDOW_COLUMNS``, ``HEARD``, their sum ``similarity`` and what is ``said``.

    Args:
        said: labels of which the owner's word counts, not what was heard.
    """
    found = []
    for row, vector in zip(rows, vectors_of(rows), strict=True):
        track_id, space_id, position, start_s, end_s, _, heard, similarity, here = row[:9]
        probabilities = _reviewed(_heard(heard), here or {}, said)
        similarity = float(similarity)
        found.append(WindowHit(track_id, space_id, position, start_s, end_s, similarity, vector, probabilities))
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


def _reviewed(heard: dict[int, float], here: Mapping[str, bool], said: Sequence[SaidLabel]) -> dict[int, float]:
    there = [each for each in said if each.label in here]
    gone = {id_ for each in there for id_ in each.ids}
    confirmed = {min(each.ids): 1.0 for each in there if here[each.label]}
    return {id_: probability for id_, probability in heard.items() if id_ not in gone} | confirmed


def _heard(sent: Any) -> dict[int, float]:
    """From a ``sparsevec`` as PostgreSQL sends it: its dimension, how many numbers, 0, their indices, the numbers."""
    _, count, _ = _SPARSE.unpack_from(sent)
    numbers = struct.unpack_from(f">{count}i{count}f", sent, _SPARSE.size)
    return {index + 1: probability for index, probability in zip(numbers[:count], numbers[count:], strict=True)}
