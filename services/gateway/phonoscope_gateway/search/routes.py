"""The call for similar tracks, under ``/v1/tracks/{id}``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phonoscope.contract import Neighbour, Neighbours
from phonoscope.db.library.embeddings import own_space, similar_tracks
from phonoscope.db.library.tracks import get_track
from phonoscope.errors import NotFound
from phonoscope.requests import Name, StemName
from phonoscope.work import WHOLE_TRACK
from phonoscope_gateway.paging import LimitQuery
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, StateDep
from phonoscope_gateway.tracks.view import describe_tracks

StemQuery = Annotated[
    StemName | None,
    Query(description="compare this stem, as `drums`, with that of the others"),
]

router = APIRouter(prefix="/v1/tracks", tags=["search"], responses=KEYED)


@router.get("/{track_id}/similar", responses=problems(NotFound))
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
    """Your other tracks that sound most like this one, nearest first. The track must have been embedded.

    Without `model`, music is compared by the embeddings of a model for music where there is one, all else by general
    ones.

    With `stem` it is that stem that sounds alike: those that `embed` with its option `stems` has embedded.
    """
    spaces = state.spaces(model)
    with state.database.transaction() as session:
        get_track(session, caller.owner_id, track_id)
        space = own_space(session, track_id, spaces)
        found, outdated = similar_tracks(session, caller.owner_id, track_id, space, limit, stem or WHOLE_TRACK)
        tracks = describe_tracks(state.signer_for(caller), session, [row for row, _ in found])
    items = [Neighbour(track=track, similarity=value) for track, (_, value) in zip(tracks, found, strict=True)]
    return Neighbours(items=items, outdated=outdated)
