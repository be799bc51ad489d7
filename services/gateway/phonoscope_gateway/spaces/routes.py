"""The calls under ``/v1/spaces``, and a track's vectors in one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from pydantic import Field

from phonoscope.contract import Spaces, TrackVectors
from phonoscope.errors import NotAcceptable, NotFound, SilentRecording, SpaceInUse, UnknownModel
from phonoscope.requests import Name, QueryModel, StemName, WholeText
from phonoscope_gateway.accept import negotiate
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.spaces.service import ask_for_reembedding, cancel_reembedding, drop, read_spaces
from phonoscope_gateway.spaces.vectors import as_json, as_npy, find_vectors
from phonoscope_gateway.state import CallerDep, HeadDep, StateDep

router = APIRouter(prefix="/v1/spaces", tags=["search"], responses=KEYED)
of_tracks = APIRouter(prefix="/v1/tracks", tags=["search"], responses=KEYED)
_MOST_SPACES = 32_767
_JSON, _NPY = "application/json", "application/x-npy"

SpaceId = Annotated[int, Path(ge=1, le=_MOST_SPACES)]


class VectorsQuery(QueryModel):
    """Which vectors of a track, and how they are written."""

    space: WholeText | None = Field(
        None, ge=1, le=_MOST_SPACES, description="a space's `id`; when left out, the one in which the track is compared"
    )
    model: Name | None = Field(None, description="whose space it is, where `space` is left out")
    stem: StemName | None = Field(None, description="the windows of this stem in place of the whole track's")
    format: Literal["json", "npy"] | None = Field(None, description="in place of the header `Accept`")
    part: Literal["vectors", "spans"] = Field("vectors", description="which array `npy` holds; JSON has both")


@router.get("")
def read_all_spaces(state: StateDep, caller: CallerDep) -> Spaces:
    """The spaces that hold vectors of your recordings, by model, the newest first.

    When a served model is replaced, its new space starts beside the old one. Searches read the old one until the new
    one has all recordings that the old one has; `state` and `missing` say how far it is.
    """
    return Spaces(items=read_spaces(state, caller))


@router.post("/reembed", status_code=status.HTTP_202_ACCEPTED, responses=problems(UnknownModel))
def reembed_what_is_missing(
    state: StateDep,
    caller: CallerDep,
    model: Annotated[Name | None, Query(description="in this model's space alone; in all when left out")] = None,
) -> Spaces:
    """Has your recordings embedded where a served model's space lacks them or their windows; answers those spaces.

    It is done in the background, after all other work, and goes on after a restart. `GET /v1/spaces` says how far it
    is. Recordings that fail are tried once, and left out of searches when it has ended.
    """
    return Spaces(items=ask_for_reembedding(state, caller, model))


@router.delete("/{space_id:int}/reembedding", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def cancel_one_reembedding(space_id: SpaceId, state: StateDep, caller: CallerDep) -> None:
    """Cancels the filling of a space; the vectors that it has made stay, and another one goes on from there."""
    cancel_reembedding(state, caller, space_id)


@router.delete("/{space_id:int}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound, SpaceInUse))
def drop_one_space(space_id: SpaceId, state: StateDep, caller: CallerDep) -> None:
    """Erases your recordings' vectors in a space that is neither served nor read."""
    drop(state, caller, space_id)


@of_tracks.get(
    "/{track_id}/vectors",
    response_model=TrackVectors,
    responses={
        200: {"content": {_NPY: {"schema": {"type": "string", "format": "binary"}}}},
        **problems(NotFound, SilentRecording, UnknownModel, NotAcceptable),
    },
)
def read_track_vectors(
    track_id: str,
    request: Request,
    state: StateDep,
    caller: CallerDep,
    head: HeadDep,
    query: Annotated[VectorsQuery, Query()],
) -> Response:
    """The vectors of the windows of your recording, of length 1, in one space; silent windows have none.

    As JSON each has its position, its start and its end. `format=npy`, or `Accept: application/x-npy`, answers an array
    of float16 of the shape (windows, 512) for `numpy.load`; with `part=spans` it is one of float32 of the shape
    (windows, 2): the start and the end of each in seconds.
    """
    media_type = _media_type(request, query)
    found = find_vectors(state, caller, track_id, query.space, query.model, query.stem)
    headers = {"Vary": "Accept", "Phonoscope-Space": str(found.space.id)}
    if head:
        return Response(None, headers=headers, media_type=media_type)
    if media_type == _JSON:
        return StreamingResponse(as_json(track_id, query.stem, found), headers=headers, media_type=media_type)
    values = found.spans_s if query.part == "spans" else found.vectors
    return StreamingResponse(as_npy(values), headers=headers, media_type=media_type)


def _media_type(request: Request, query: VectorsQuery) -> str:
    if query.format is not None:
        return {"json": _JSON, "npy": _NPY}[query.format]
    return negotiate(",".join(request.headers.getlist("accept")), (_JSON, _NPY))
