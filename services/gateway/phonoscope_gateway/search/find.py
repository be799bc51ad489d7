"""Finds what a query is about: candidates from the database, grouped, in order, a page of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat

import numpy as np
from sqlalchemy.orm import Session

from phonoscope.contract import SearchUnit
from phonoscope.db.library.fingerprints import fingerprints_of
from phonoscope.db.search.nearest import WindowHit, nearest_tracks, nearest_windows, windows_by_labels
from phonoscope.db.search.together import windows_of_all
from phonoscope_gateway.search.candidates import Candidate, best_of_tracks, moments_of, tracks_of
from phonoscope_gateway.search.copies import Item, copies_of, grouped
from phonoscope_gateway.search.cursors import SearchCursor
from phonoscope_gateway.search.diversity import diversified
from phonoscope_gateway.search.pages import FoundPage, items_after, page_of
from phonoscope_gateway.search.queries import Query
from phonoscope_gateway.search.spaces import space_id_of

_MORE_TRACKS, _MORE_WINDOWS = 100, 40
"""Candidates beyond those that are asked for: they may be copies of these, or windows of one moment."""
_AMONG = _MORE_TRACKS
"""Candidates among which copies of what was asked about are looked for: all pages have so many. Among more a later page
would find copies that belong on one before it."""
_MOST_WINDOWS, _MOST_CANDIDATES = 2_000, 2_000
_GROWTH = 4
_MORE_ROUNDS = 20
"""Further rounds among the windows of tracks that were not found yet: each finds another one at least."""
_DIVERSIFIED = 200
"""Items of which an order is made in which they differ."""
_SAME_DURATION_S = 0.25
_MOST_OF_SAME_DURATION = 50


def find_page(session: Session, query: Query, cursor: SearchCursor, limit: int, diversify: float = 0.0) -> FoundPage:
    """The items after a cursor.

    Args:
        diversify: how much likeness to what is before counts against an item, from 0 to 1.
    """
    if diversify:
        rest = _apart(_items(session, query, _DIVERSIFIED), diversify)[cursor.shown :]
    else:
        rest = items_after(cursor, lambda most: _items(session, query, most), limit + 1, _MOST_CANDIDATES)
    return page_of(rest, cursor, limit)


def _items(session: Session, query: Query, most: int) -> list[Item]:
    """The first items: copies of the recording that was asked about, then the most similar.

    Where the first candidates are copies of few recordings, it goes on among more.
    """
    wanted = most
    while True:
        candidates = _candidates(session, query, wanted)
        items = _grouped(session, query, candidates, most)
        if len(items) >= most or len(candidates) < wanted or wanted >= _MOST_CANDIDATES:
            return items
        wanted = min(_GROWTH * len(candidates), _MOST_CANDIDATES)


def _grouped(session: Session, query: Query, candidates: Sequence[Candidate], most: int) -> list[Item]:
    copies = _copies(session, query, candidates[:_AMONG])[:most]
    taken = {item.best.track_id for item in copies}
    rest = [candidate for candidate in candidates if candidate.track_id not in taken]
    return [*copies, *grouped(session, rest, most - len(copies))]


def _apart(items: Sequence[Item], amount: float) -> list[Item]:
    """The copies as they are, then the others in an order in which they differ."""
    copies = [item for item in items if item.is_copy]
    return [*copies, *diversified([item for item in items if not item.is_copy], amount, copies)]


def _copies(session: Session, query: Query, candidates: Sequence[Candidate]) -> list[Item]:
    """The copies of the whole recording that was asked about, also of its duration alone where nothing is filtered."""
    if query.whole is None:
        return []
    own = fingerprints_of(session, [query.whole.track_id]).get(query.whole.track_id)
    if own is None:
        return []
    pool = {candidate.track_id: candidate for candidate in candidates}
    if not query.filters.selective:
        search = query.whole.search
        equal = search.of_duration(session, own.duration_s, _SAME_DURATION_S, _MOST_OF_SAME_DURATION)
        pool |= {near.track.id: Candidate(near.track.id, near.similarity, near.vector) for near in equal}
    return copies_of(session, own, list(pool.values()))


def _candidates(session: Session, query: Query, most: int) -> list[Candidate]:
    """At least so many candidates, the best first, where there are as many."""
    if not query.by_windows:
        assert query.space is not None
        (vector,) = query.vectors
        return tracks_of(
            nearest_tracks(session, query.owner_id, query.space, vector, query.filters, most + _MORE_TRACKS)
        )
    fetch = _windows_of(session, query)
    if query.unit is SearchUnit.TRACK:
        return _tracks(query, fetch, most)
    return _moments(query, fetch, most)


Fetch = Callable[[Query, int], list[WindowHit]]


def _moments(query: Query, fetch: Fetch, most: int) -> list[Candidate]:
    for pool in _pools(most):
        hits = fetch(query, pool)
        moments = moments_of(_without_own(query, hits), by_labels=query.by_labels)
        if len(moments) >= most or len(hits) < pool:
            break
    return moments


def _tracks(query: Query, fetch: Fetch, most: int) -> list[Candidate]:
    """The best moment of each track. As a long one has many windows, those found are left out of the next round."""
    found: list[Candidate] = []
    for pool in _pools(most, _MORE_ROUNDS):
        seen = [*query.filters.without, *(candidate.track_id for candidate in found)]
        hits = fetch(replace(query, filters=replace(query.filters, without=seen)), pool)
        found += best_of_tracks(moments_of(hits, by_labels=query.by_labels))
        if len(found) >= most or len(hits) < pool:
            break
    return found


def _pools(most: int, more_rounds: int = 0) -> Iterator[int]:
    """How many windows are looked at, in one round after another."""
    pool = most + _MORE_WINDOWS
    while pool < _MOST_WINDOWS:
        yield pool
        pool *= _GROWTH
    yield from repeat(max(_MOST_WINDOWS, most + _MORE_WINDOWS), 1 + more_rounds)


def _windows_of(session: Session, query: Query) -> Fetch:
    if query.by_labels and not query.weights:
        return lambda *_: []
    in_track = query.unit is SearchUnit.TRACK
    if query.things:
        unwanted = {label: -weight for label, weight in query.weights.items() if weight < 0.0}
        return lambda asked, pool: windows_of_all(
            session, asked.owner_id, asked.things, unwanted, asked.filters, pool, asked.said, in_track=in_track
        )
    if query.by_labels:
        return lambda asked, pool: windows_by_labels(
            session, asked.owner_id, asked.weights, asked.filters, pool, asked.said, in_track=in_track
        )
    assert query.space is not None
    space_id = space_id_of(session, query.space)
    if space_id is None:
        return lambda *_: []

    def nearest(asked: Query, pool: int) -> list[WindowHit]:
        found = [
            nearest_windows(session, asked.owner_id, space_id, vector, asked.filters, pool) for vector in asked.vectors
        ]
        return nearest_to_any(found, pool)

    return nearest


def nearest_to_any(found: Sequence[Sequence[WindowHit]], pool: int) -> list[WindowHit]:
    """Windows by the vector to which each is nearest, the best first, as far down as no better one can be missing.

    Args:
        found: of each vector its nearest windows, nearest first.
        pool: how many were asked for: where there are as many, more are as near as the last at most.
    """
    least = max((hits[-1].similarity for hits in found if len(hits) >= pool), default=-np.inf)
    best: dict[tuple[str, int], WindowHit] = {}
    for hit in (hit for hits in found for hit in hits if hit.similarity >= least):
        key = hit.track_id, hit.position
        if key not in best or hit.similarity > best[key].similarity:
            best[key] = hit
    return sorted(best.values(), key=lambda hit: -hit.similarity)


def _without_own(query: Query, hits: Sequence[WindowHit]) -> list[WindowHit]:
    """The windows without those that were asked about, which sound like themselves."""
    if query.own is None:
        return list(hits)
    track_id, positions = query.own
    return [hit for hit in hits if hit.track_id != track_id or hit.position not in positions]
