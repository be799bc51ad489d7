"""Windows of tracks with their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import EMBEDDING_DIM

_AT_ONCE = 2_000
# As pgvector sends it: the number of dimensions and an unused one, of 16 bits each, then the numbers.
_HEADER_BYTES = 4
_VECTORS = text(
    """
    SELECT wanted.at, halfvec_send(vector) AS sent FROM window_embeddings
    JOIN unnest(CAST(:tracks AS text[]), CAST(:positions AS int[])) WITH ORDINALITY AS wanted (track_id, position, at)
      USING (track_id, position)
    WHERE space_id = :space_id AND stem = '' ORDER BY wanted.at
    """
)


class Spot(NamedTuple):
    """A window of a track."""

    track_id: str
    position: int


@dataclass(frozen=True)
class Windows:
    """Windows of tracks, with their vectors.

    Shape:
        - spans_s: ``(n, 2)``, float32, start and end
        - vectors: ``(n, 512)``, float32, of length 1 but for rounding to half precision
        - recordings: ``(n,)``, int64: an index into ``tracks``
    """

    tracks: Sequence[str]
    recordings: NDArray[np.int64]
    spans_s: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def track_of(self, window: int) -> str:
        return self.tracks[int(self.recordings[window])]


def read_vectors(session: Session, space_id: int, spots: Sequence[Spot]) -> tuple[list[Spot], NDArray[np.float32]]:
    """The windows that are there, and their vectors. Shape: ``(windows, 512)``."""
    kept: list[Spot] = []
    vectors = np.empty((len(spots), EMBEDDING_DIM), np.float32)
    for start in range(0, len(spots), _AT_ONCE):
        some = spots[start : start + _AT_ONCE]
        wanted = {"tracks": [spot.track_id for spot in some], "positions": [spot.position for spot in some]}
        for row in session.execute(_VECTORS, {**wanted, "space_id": space_id}):
            vectors[len(kept)] = np.frombuffer(row.sent, ">f2", offset=_HEADER_BYTES)
            kept.append(some[row.at - 1])
    return kept, vectors[: len(kept)]


def windows_of(spots: Sequence[Spot], spans_s: NDArray[np.float32], vectors: NDArray[np.float32]) -> Windows:
    """Windows of which each says its track."""
    tracks = list(dict.fromkeys(spot.track_id for spot in spots))
    index = {track: at for at, track in enumerate(tracks)}
    return Windows(tracks, np.array([index[spot.track_id] for spot in spots], np.int64), spans_s, vectors)
