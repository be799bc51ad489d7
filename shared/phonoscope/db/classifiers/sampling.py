"""Windows of all of an owner's recordings, evenly: what a classifier has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.batches import batched
from phonoscope.db.classifiers.windows import Spot, Windows, read_vectors, windows_of

FEWEST_OF_ONE = 12
"""Windows of a recording whose mean is to stand for that of all."""
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


def window_counts(session: Session, owner_id: str, space_id: int) -> dict[str, int]:
    """How many windows each of the owner's recordings has in a space, by their ids."""
    rows = session.execute(_COUNTS, {"owner_id": owner_id, "space_id": space_id})
    return {row.track_id: row.windows for row in rows}


def spread(
    session: Session, space_id: int, counted: Mapping[str, int], without: Collection[Spot], most: int
) -> Windows:
    """Windows of an owner's recordings, at most so many: as many of each recording as of any other that has them.

    Args:
        counted: as ``window_counts`` gives them.
        without: windows that are left out.
    """
    taken = Counter(spot.track_id for spot in without)
    counts = {track: left for track, windows in counted.items() if (left := windows - taken[track]) > 0}
    tracks = evenly(list(counts), most)
    some = [counts[track] for track in tracks]
    # Where all fit, those that are left out take no place.
    each = share_of_each(some, most) if sum(some) > most else max(counted.values(), default=1)
    return _windows(session, space_id, tracks, each, without, most)


def whole_recordings(
    session: Session, space_id: int, counted: Mapping[str, int], without: Collection[str], most: int
) -> Windows:
    """Windows of recordings, at most so many, so that means over them are much as those over whole recordings.

    Of more there are recordings drawn evenly, each with all of its windows, or ``FEWEST_OF_ONE`` of them taken evenly.

    Args:
        without: recordings that are left out.
    """
    counts = {track: windows for track, windows in counted.items() if track not in without}
    if not counts:
        return _windows(session, space_id, [], 1, (), most)
    each = max(FEWEST_OF_ONE, share_of_each(list(counts.values()), most))
    needed = sum(min(each, windows) for windows in counts.values())
    tracks = evenly(list(counts), len(counts) if needed <= most else len(counts) * most // needed)
    ends = np.cumsum([min(each, counts[track]) for track in tracks])
    return _windows(session, space_id, tracks[: int(np.searchsorted(ends, most, "right"))], each, (), most)


def _windows(
    session: Session, space_id: int, tracks: Sequence[str], each: int, without: Collection[Spot], most: int
) -> Windows:
    """So many windows of each of these tracks, taken evenly."""
    rows: list[Any] = []
    for some in batched(tracks, _AT_ONCE):
        rows += session.execute(_SOME, {"space_id": space_id, "each": each, "tracks": some})
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
