"""The calls of searches: ``/v1/search``, and ``/v1/tracks/{id}/similar`` as its short form."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from phonoscope.contract import Neighbours, Scope, SearchAnswer, SearchRequest, SearchUnit
from phonoscope.db.service.keys import Caller
from phonoscope.errors import (
    NotARecording,
    NotFound,
    SearchTimeout,
    SilentRecording,
    TooManySearches,
    TooManyUploads,
)
from phonoscope.requests import Name, StemName
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.paging import LimitQuery
from phonoscope_gateway.problems import FAILED, KEYED, kept_problem, problems
from phonoscope_gateway.search.clips import AnalysisFailed, Clip, analysed_clip
from phonoscope_gateway.search.cursors import SearchCursor
from phonoscope_gateway.search.requests import has_file, read_search
from phonoscope_gateway.search.service import search, similar
from phonoscope_gateway.state import CallerDep, State, StateDep
from phonoscope_gateway.tracks.service import check_day

_SCHEMA = f"#/components/schemas/{SearchRequest.__name__}"
_FILE = {"type": "string", "format": "binary", "description": "the recording to search by; it is not kept"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": _SCHEMA}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": _FILE,
                        "unit": {"type": "string", "description": "as in the other form"},
                        "space": {"type": "string", "description": "as in the other form"},
                        "filters": {"type": "string", "description": "JSON, as in the other form"},
                        "diversify": {"type": "string", "description": "as in the other form"},
                        "limit": {"type": "string", "description": "as in the other form"},
                        "cursor": {"type": "string", "description": "as in the other form"},
                    },
                }
            },
        },
    }
}

StemQuery = Annotated[
    StemName | None,
    Query(description="compare this stem, as `drums`, with that of the others"),
]

router = APIRouter(prefix="/v1", tags=["search"], responses=KEYED)


@router.post(
    "/search",
    response_model=SearchAnswer,
    responses=FAILED
    | problems(NotFound, NotARecording, SilentRecording, SearchTimeout, TooManySearches, TooManyUploads),
    openapi_extra=_BODY,
)
async def search_library(request: Request, state: StateDep, caller: CallerDep) -> Response:
    """Finds your recordings, or moments in them: by words, by a track or a stretch of one, by a vector, or by a file.

    A file is sent as a form, which needs the scope `write`; it is analysed, compared and erased before the answer, and
    counts as an upload of the day. Nothing else is changed.
    """
    if has_file(request):
        caller.needs(Scope.WRITE)
        await check_day(state, caller.owner_id)
    asked = await read_search(request, state.settings.max_upload_bytes)
    with asked:
        if asked.upload is None:
            cursor = SearchCursor.of(asked.request, None)
            return await _in_turn(state, caller, asked.request, cursor, None)
        try:
            return await _by_file(state, caller, asked.request, asked.upload)
        except AnalysisFailed as failed:
            return kept_problem(failed.problem, request.url.path)


async def _in_turn(
    state: State, caller: Caller, request: SearchRequest, cursor: SearchCursor, clip: Clip | None
) -> Response:
    return await state.searches.run(caller.owner_id, partial(_answer, state, caller, request, cursor, clip))


def _answer(state: State, caller: Caller, request: SearchRequest, cursor: SearchCursor, clip: Clip | None) -> Response:
    # Checked once, when it was made: FastAPI would check and copy all of it again in the event loop.
    found = search(state, caller, request, cursor, clip)
    return Response(found.model_dump_json(), media_type="application/json")


async def _by_file(state: State, caller: Caller, request: SearchRequest, upload: Upload) -> Response:
    cursor, windows = SearchCursor.of(request, upload.sha256), request.unit is SearchUnit.MOMENT
    async with analysed_clip(state, caller, upload, request.space, windows=windows) as clip:
        return await _in_turn(state, caller, request, cursor, clip)


@router.get("/tracks/{track_id}/similar", responses=problems(NotFound, SilentRecording, TooManySearches))
async def read_similar(
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
    return await state.searches.run(caller.owner_id, partial(similar, state, caller, track_id, limit, model, stem))
