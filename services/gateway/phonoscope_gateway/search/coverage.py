"""How much of a library a search can find."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.contract import Coverage
from phonoscope.db.search.stored import Covered, covered_by_vectors, covered_by_windows
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of
from phonoscope_gateway.state import State

_NO_SPACE = 0
"""No space has this id."""


def coverage_of(session: Session, state: State, query: Query) -> Coverage:
    """How many of its owner's tracks a query looks at, of those that are embedded; of large libraries a minute ago."""
    key = query.owner_id, query.space, query.filters.stem, query.by_windows
    found = state.coverages.of(key, lambda: _count(session, query))
    return Coverage(tracks=found.tracks, of=found.embedded)


def _count(session: Session, query: Query) -> Covered:
    owner_id, stem = query.owner_id, query.filters.stem
    if query.space is None:
        return covered_by_windows(session, owner_id, None, stem)
    if not query.by_windows:
        return covered_by_vectors(session, owner_id, query.space.digest, stem)
    return covered_by_windows(session, owner_id, space_id_of(session, query.space) or _NO_SPACE, stem)
