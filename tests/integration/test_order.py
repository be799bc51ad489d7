"""The orders of a list of tracks, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from phonoscope.db.access.engine import Database
from phonoscope.db.library.tracks import list_tracks
from phonoscope.db.schema.tables import TrackRow
from phonoscope.errors import InvalidCursor
from phonoscope.states import TrackSort
from tests.integration.life import new_track

_NAMES = ("b.wav", "A.wav", "a.wav", "Ö.wav", "10.wav", "c.wav", "A.wav")
_LENGTHS_S = (1.0, 0.1, 3.5, 3.5, 1 / 3, 2.0, 1.0)


@pytest.fixture
def owner(database: Database) -> str:
    """An owner of tracks, of which some have the same name or length as others."""
    first = new_track(database)
    tracks = [first, *(new_track(database) for _ in _NAMES[1:])]
    with database.transaction() as session:
        for track, name, length_s in zip(tracks, _NAMES, _LENGTHS_S, strict=True):
            own = {"owner_id": first.owner_id, "filename": name, "duration_s": length_s, "sha256": track.id}
            session.execute(update(TrackRow).where(TrackRow.id == track.id).values(**own))
    return str(first.owner_id)


_KEYS: dict[TrackSort, tuple[Callable[[TrackRow], Any], bool]] = {
    TrackSort.NEWEST: (lambda row: (row.created_at, row.id), True),
    TrackSort.OLDEST: (lambda row: (row.created_at, row.id), False),
    TrackSort.NAME: (lambda row: (row.filename.lower(), row.id), False),
    TrackSort.LONGEST: (lambda row: (row.duration_s, row.id), True),
    TrackSort.SHORTEST: (lambda row: (row.duration_s, row.id), False),
}


@pytest.mark.parametrize("sort", TrackSort)
def test_pages_of_every_order_have_each_track_once(database: Database, owner: str, sort: TrackSort) -> None:
    """Also where rows that differ in nothing but their ids lie at a page's end."""
    found: list[TrackRow] = []
    cursor: str | None = None
    while True:
        with database.transaction() as session:
            rows, cursor = list_tracks(session, owner, cursor=cursor, limit=2, sort=sort)
        found += rows
        if cursor is None:
            break
    key, descending = _KEYS[sort]
    assert len(found) == len(_NAMES)
    assert [row.id for row in found] == [row.id for row in sorted(found, key=key, reverse=descending)]


@pytest.mark.parametrize(
    ("sort", "other"), [(TrackSort.NAME, TrackSort.LONGEST), (TrackSort.LONGEST, TrackSort.NEWEST)]
)
def test_a_cursor_of_another_order_is_refused(
    database: Database, owner: str, sort: TrackSort, other: TrackSort
) -> None:
    """It says no place in this one."""
    with database.transaction() as session:
        _, cursor = list_tracks(session, owner, cursor=None, limit=2, sort=sort)
        with pytest.raises(InvalidCursor):
            list_tracks(session, owner, cursor=cursor, limit=2, sort=other)
