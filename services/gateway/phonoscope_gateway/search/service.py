"""Carries out a search: what is asked is understood, found, and described."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from sqlalchemy.orm import Session

from phonoscope.contract import Neighbours, SearchAnswer, SearchRequest
from phonoscope.db.library.tracks import get_track
from phonoscope.db.search.filters import Filters
from phonoscope.db.service.keys import Caller
from phonoscope.metrics import recorder
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.search.clips import Clip
from phonoscope_gateway.search.coverage import coverage_of
from phonoscope_gateway.search.cursors import SearchCursor
from phonoscope_gateway.search.filters import filters_of
from phonoscope_gateway.search.find import find_page
from phonoscope_gateway.search.notes import unheard_labels
from phonoscope_gateway.search.queries import Query, by_clip, by_track, by_vector
from phonoscope_gateway.search.view import describe_page, neighbours
from phonoscope_gateway.search.words import by_text
from phonoscope_gateway.state import State


def search(
    state: State, caller: Caller, request: SearchRequest, cursor: SearchCursor, clip: Clip | None
) -> SearchAnswer:
    """A page of what a search finds among the owner's tracks.

    Args:
        clip: the recording that was sent to search by.

    Raises:
        NotFound: the track is not this owner's, or not embedded.
        SilentRecording: what is asked about is silent.
        InvalidRequest: a field names something that does not exist.
        DatabaseUnavailable: the database is down.
    """
    with _timed(_asked_by(request, clip)), state.database.transaction() as session:
        query = _understood(session, state, caller.owner_id, request, clip)
        query.understood.notes += unheard_labels(session, query)
        page = find_page(session, query, cursor, request.limit, request.diversify)
        coverage = coverage_of(session, state, query)
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        return describe_page(session, state.signer_for(caller), query, page, coverage, known)


def similar(state: State, caller: Caller, track_id: str, limit: int, model: str | None, stem: str | None) -> Neighbours:
    """A track's copies and neighbours: a search by it, in the space of a model.

    Raises:
        NotFound: the track is not this owner's, or not embedded; the error says what to run.
        SilentRecording: the track, or its stem, is silent.
        UnknownModel: there is no such model.
    """
    state.spaces(caller.owner_id, model)
    with _timed("similar"), state.database.transaction() as session:
        get_track(session, caller.owner_id, track_id)
        request = SearchRequest(track_id=track_id, space=model, stem=stem)
        query = by_track(session, state, caller.owner_id, request, Filters(stem=stem or WHOLE_TRACK))
        assert query.whole is not None
        page = find_page(session, query, SearchCursor(""), limit)
        left_out = query.whole.search.left_out(session)
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        items = neighbours(session, state.signer_for(caller), page.items, known)
    return Neighbours(items=items, outdated=left_out.outdated, silent=left_out.silent)


def _asked_by(request: SearchRequest, clip: Clip | None) -> str:
    if clip is not None:
        return "file"
    return "text" if request.text is not None else "vector" if request.vector is not None else "track"


@contextmanager
def _timed(by: str) -> Iterator[None]:
    """Records how long a search takes; one that fails is not counted."""
    began = perf_counter()
    yield
    recorder().searched(by, perf_counter() - began)


def _understood(session: Session, state: State, owner_id: str, request: SearchRequest, clip: Clip | None) -> Query:
    filters = filters_of(session, state, owner_id, request)
    if clip is not None:
        return by_clip(session, state, owner_id, request, filters, clip)
    if request.text is not None:
        return by_text(session, state, owner_id, request, filters)
    if request.vector is not None:
        return by_vector(session, state, owner_id, request, filters)
    return by_track(session, state, owner_id, request, filters)
