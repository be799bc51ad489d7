"""The call under ``/v1/tracks/{id}/results``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Response, status

from phonoscope.contract import TrackResults
from phonoscope.errors import NotFound
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.results.service import read_results
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/tracks", tags=["tracks"], responses=KEYED)


@router.get(
    "/{track_id}/results",
    response_model=TrackResults,
    responses={304: {"description": "It is what you have"}, **problems(NotFound)},
)
def read_track_results(
    track_id: str, state: StateDep, caller: CallerDep, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """The track's state: the newest result of each task, model and variant, newest first, whichever way it came.

    `ETag` changes with the state, and every quarter of the links' time: the links of an answer that `304` confirms are
    good for at least three quarters of it.
    """
    etag, results = read_results(state, caller, track_id, if_none_match)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if results is None:
        return Response(None, status.HTTP_304_NOT_MODIFIED, headers)
    return Response(results.model_dump_json(), status.HTTP_200_OK, headers, "application/json")
