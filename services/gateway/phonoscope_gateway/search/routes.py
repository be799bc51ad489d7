"""The call for similar tracks, under ``/v1/tracks/{id}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query

from phonoscope.contract import Copy, Neighbour, Neighbours, Track
from phonoscope.db.library.embeddings import Near, own_space, search_from
from phonoscope.db.library.tracks import get_track
from phonoscope.errors import NotFound, SilentRecording
from phonoscope.requests import Name, StemName
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.paging import LimitQuery
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.search.service import Group, groups_like
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.tracks.view import describe_tracks

StemQuery = Annotated[
    StemName | None,
    Query(description="compare this stem, as `drums`, with that of the others"),
]

router = APIRouter(prefix="/v1/tracks", tags=["search"], responses=KEYED)


@router.get("/{track_id}/similar", responses=problems(NotFound, SilentRecording))
def read_similar(
    track_id: str,
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 10,
    model: Annotated[
        Name | None,
        Query(description="whose embeddings to compare; chosen by kind when left out"),
    ] = None,
    stem: StemQuery = None,
) -> Neighbours:
    """Your other tracks that sound most like this one. The track must have been embedded.

    Copies of it come first, in whatever format they are: `is_copy`. The others follow, nearest first; those that are
    copies of each other are one item, the nearest, with the rest in its `copies`.

    Without `model`, music is compared by the embeddings of a model for music where there is one, all else by general
    ones.

    With `stem` it is that stem that sounds alike: those that `embed` with its option `stems` has embedded. A silent
    track, or stem, is like nothing: 422, `silent_recording`.
    """
    spaces, known = state.spaces(model), state.catalogue.vocabularies
    with state.database.transaction() as session:
        get_track(session, caller.owner_id, track_id)
        which = stem or WHOLE_TRACK
        space = own_space(session, caller.owner_id, track_id, spaces, which)
        search = search_from(session, caller.owner_id, track_id, space, which)
        groups = groups_like(session, search, limit)
        left_out = search.left_out(session)
        rows = {near.track.id: near.track for group in groups for near in (group.near, *group.copies)}
        tracks = describe_tracks(state.signer_for(caller), session, list(rows.values()), known)
    described = {track.id: track for track in tracks}
    items = [_neighbour(group, described) for group in groups]
    return Neighbours(items=items, outdated=left_out.outdated, silent=left_out.silent)


def _neighbour(group: Group, tracks: Mapping[str, Track]) -> Neighbour:
    first, *copies = (_copy(near, tracks) for near in (group.near, *group.copies))
    return Neighbour(track=first.track, similarity=first.similarity, is_copy=group.is_copy, copies=copies)


def _copy(near: Near, tracks: Mapping[str, Track]) -> Copy:
    return Copy(track=tracks[near.track.id], similarity=near.similarity)
