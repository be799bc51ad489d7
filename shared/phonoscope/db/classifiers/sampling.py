"""Windows of all of an owner's recordings, evenly: what a classifier has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.batches import batched
from phonoscope.db.classifiers.windows import Spot, Windows, read_vectors, windows_of

_AT_ONCE = 2_000

_COUNTS = text(
    """
    SELECT track_id, count(*) AS windows FROM window_embeddings
    WHERE owner_id = :owner_id AND space_id = :space_id AND stem = '' GROUP BY track_id ORDER BY track_id
    """
)
_SOME = text(
    """
    SELECT track_id, position, start_s, end_s FROM (
        SELECT track_id, position, start_s, end_s, count(*) OVER (PARTITION BY track_id) AS windows,
               row_number() OVER (PARTITION BY track_id ORDER BY position) AS rank
        FROM window_embeddings
        WHERE track_id = ANY(CAST(:tracks AS text[])) AND space_id = :space_id AND stem = ''
    ) AS own
    WHERE rank * :each / windows <> (rank - 1) * :each / windows ORDER BY track_id, position
    """
)


def spread(session: Session, owner_id: str, space_id: int, without: Collection[Spot], most: int) -> Windows:
    """Windows of the owner's recordings, at most so many: as many of each recording as of any other that has them.

    Args:
        without: windows that are left out.
    """
    counted = session.execute(_COUNTS, {"owner_id": owner_id, "space_id": space_id}).all()
    taken = Counter(spot.track_id for spot in without)
    counts = {row.track_id: left for row in counted if (left := row.windows - taken[row.track_id]) > 0}
    tracks = evenly(list(counts), most)
    asked = {"space_id": space_id, "each": share_of_each([counts[track] for track in tracks], most)}
    rows: list[Any] = []
    for some in batched(tracks, _AT_ONCE):
        rows += session.execute(_SOME, {**asked, "tracks": some})
    spans_s = {
        spot: (row.start_s, row.end_s) for row in rows if (spot := Spot(row.track_id, row.position)) not in without
    }
    kept, vectors = read_vectors(session, space_id, list(spans_s)[:most])
    return windows_of(kept, np.array([spans_s[spot] for spot in kept], np.float32).reshape(-1, 2), vectors)


def share_of_each(counts: Sequence[int], most: int) -> int:
    """How many may be taken of each, so that of all together there are at most so many; 1 at least.

    >>> share_of_each([2, 10, 10], 12)
    5
    """
    if sum(counts) <= most:
        return max(counts, default=1)
    low, high = 1, max(counts)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(count, middle) for count in counts) <= most else (low, middle - 1)
    return low


def evenly(items: list[str], most: int) -> list[str]:
    """At most so many, from the first to the last.

    >>> evenly(["a", "b", "c", "d"], 2)
    ['a', 'c']
    """
    return items if len(items) <= most else [items[at * len(items) // most] for at in range(most)]
