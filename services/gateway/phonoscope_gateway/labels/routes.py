"""The calls under ``/v1/tracks/{id}/labels`` and ``/v1/labels``."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from phonoscope.annotations.values import LabelRequest
from phonoscope.contract import Page
from phonoscope.contract.labels import (
    ImportReport,
    LabelChange,
    LabelCount,
    LabelFormat,
    LabelSet,
    LabelSetRequest,
    LabelState,
)
from phonoscope.db.library.annotations import list_changes
from phonoscope.db.library.labels import count_labels
from phonoscope.db.library.tracks import get_track
from phonoscope.db.service.keys import Caller
from phonoscope.errors import (
    ContradictoryLabels,
    InvalidImport,
    InvalidRequest,
    NotFound,
    NothingToUndo,
    PreconditionFailed,
    TooManyLabels,
    TooManyUploads,
    UploadTooLarge,
)
from phonoscope.requests import WholeText, text
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.forms import MAX_LABEL_FILE_BYTES, read_form, takes_file
from phonoscope_gateway.labels.files import ImportRequest, LabelFile, import_labels, write_library, write_track
from phonoscope_gateway.labels.service import read_set, replace_set, say_one, undo
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED, Responses, problems
from phonoscope_gateway.state import CallerDep, HeadDep, State, StateDep

router = APIRouter(prefix="/v1", tags=["labels"], responses=KEYED)

SetBody = Annotated[LabelSetRequest, Depends(json_body(LabelSetRequest))]
OneBody = Annotated[LabelRequest, Depends(json_body(LabelRequest))]
IfMatch = Annotated[
    str | None, Header(description="the `ETag` of the set that you know: 412 when another change came first")
]
LongCursor = Annotated[Annotated[str, text(1_000)] | None, Query(description="`next_cursor` of the page before")]
ChangesQuery = Annotated[
    WholeText, Query(ge=1, le=10, description="how many changes a page may have, each of up to 2,000 labels")
]
StateQuery = Annotated[
    LabelState, Query(description="of formats without states: which labels are written, or how they are read")
]
DryRunQuery = Annotated[bool, Query(description="only report what would change")]
ReplaceQuery = Annotated[
    bool,
    Query(
        description="remove the labels of the recordings in the file that are not in it; of `audacity`, which has no "
        "states, those of the other state stay"
    ),
]
LibraryFormat: TypeAlias = Literal[LabelFormat.CSV, LabelFormat.JSONL]

_CHANGES = problems(NotFound, PreconditionFailed, ContradictoryLabels, TooManyLabels)
_IMPORTS = problems(NotFound, InvalidImport, UploadTooLarge, TooManyUploads)
_TEXT = {"schema": {"type": "string"}}
_OF_A_TRACK: Responses = {200: {"content": {kind.media_type: _TEXT for kind in LabelFormat}}}
_OF_A_LIBRARY: Responses = {
    200: {"description": "All labels", "content": {LabelFormat(kind).media_type: _TEXT for kind in ("csv", "jsonl")}}
}
_FILE = takes_file("the labels, in UTF-8")


@router.get("/tracks/{track_id}/labels", response_model=LabelSet, responses=_OF_A_TRACK | problems(NotFound))
def read_track_labels(
    track_id: str,
    state: StateDep,
    caller: CallerDep,
    format_: Annotated[LabelFormat | None, Query(alias="format", description="a file in place of JSON")] = None,
    said: Annotated[LabelState, Query(alias="state", description="of `audacity`, which has no states")] = (
        LabelState.CONFIRMED
    ),
    predicted: Annotated[
        bool,
        Query(
            description="of a file: what is shown of the recording, that is what you confirmed and, marked as such, "
            "what the newest classification predicts; without what you rejected"
        ),
    ] = False,
) -> Response:
    """What you confirmed and rejected of a recording; or a file with it, for a spreadsheet, Audacity or Raven."""
    if format_ is None:
        if predicted:
            raise InvalidRequest.field("predicted", "is of a file; name a `format` too")
        return _answer(read_set(state, caller, track_id))
    return _send(write_track(state, caller, track_id, format_, said, predicted=predicted), format_)


@router.put(
    "/tracks/{track_id}/labels", response_model=LabelSet, responses=_CHANGES, openapi_extra=takes(LabelSetRequest)
)
def replace_track_labels(
    track_id: str, request: SetBody, state: StateDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Confirms and rejects exactly these labels of a recording, in place of all others.

    The answer's `ETag` is its revision. With `If-Match` a change that somebody made since then is not lost: 412.
    """
    return _answer(replace_set(state, caller, track_id, request.labels, if_match))


@router.post(
    "/tracks/{track_id}/labels", response_model=LabelSet, responses=_CHANGES, openapi_extra=takes(LabelRequest)
)
def say_track_label(
    track_id: str, request: OneBody, state: StateDep, caller: CallerDep, if_match: IfMatch = None
) -> Response:
    """Confirms or rejects one label of a recording, of a span or of a point; its state of before is replaced."""
    return _answer(say_one(state, caller, track_id, request, if_match))


@router.post("/tracks/{track_id}/labels/undo", response_model=LabelSet, responses=_CHANGES | problems(NothingToUndo))
def undo_track_labels(track_id: str, state: StateDep, caller: CallerDep, if_match: IfMatch = None) -> Response:
    """Undoes the last change of a recording's labels, as a new revision: to undo again is to redo."""
    return _answer(undo(state, caller, track_id, if_match))


@router.get("/tracks/{track_id}/labels/history", responses=problems(NotFound))
def read_label_history(
    track_id: str, state: StateDep, caller: CallerDep, limit: ChangesQuery = 10, cursor: CursorQuery = None
) -> Page[LabelChange]:
    """How a recording's labels changed, by which key and when, newest first; the last 200 changes are kept."""
    with state.database.autocommit() as session:
        get_track(session, caller.owner_id, track_id)
        rows, next_cursor = list_changes(session, track_id, cursor=cursor, limit=limit)
        return Page(items=[LabelChange.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("/tracks/{track_id}/labels/import", responses=_IMPORTS, openapi_extra=_FILE)
async def import_track_labels(
    track_id: str,
    request: Request,
    state: StateDep,
    caller: CallerDep,
    format_: Annotated[LabelFormat, Query(alias="format", description="of the file")],
    said: Annotated[StateQuery, Query(alias="state")] = LabelState.CONFIRMED,
    dry_run: DryRunQuery = False,
    replace: ReplaceQuery = False,
) -> ImportReport:
    """Imports a file with labels of one recording, all of it or nothing; what is wrong is named by its line."""
    asked = ImportRequest(format_, said, dry_run, replace)
    return await _import(request, state, caller, asked, track_id)


@router.get("/labels")
def read_labels(
    state: StateDep, caller: CallerDep, limit: LimitQuery = 20, cursor: LongCursor = None
) -> Page[LabelCount]:
    """All labels of your recordings, confirmed, rejected or predicted, with counts, in alphabetical order."""
    with state.database.autocommit() as session:
        counts, next_cursor = count_labels(session, caller.owner_id, cursor=cursor, limit=limit)
    return Page(items=[LabelCount.model_validate(each) for each in counts], next_cursor=next_cursor)


@router.get("/labels/export", response_class=StreamingResponse, responses=_OF_A_LIBRARY)
def export_labels(
    state: StateDep,
    caller: CallerDep,
    head: HeadDep,
    format_: Annotated[LibraryFormat, Query(alias="format")] = LabelFormat.CSV,
) -> Response:
    """All that you confirmed and rejected, with the recordings' ids, SHA-256 and file names."""
    file = write_library(state.database, caller.owner_id, format_)
    return _send(LabelFile(file.name, ()) if head else file, format_)


@router.post("/labels/import", responses=_IMPORTS, openapi_extra=_FILE)
async def import_library_labels(
    request: Request,
    state: StateDep,
    caller: CallerDep,
    format_: Annotated[LibraryFormat, Query(alias="format", description="of the file")],
    said: Annotated[StateQuery, Query(alias="state")] = LabelState.CONFIRMED,
    dry_run: DryRunQuery = False,
    replace: ReplaceQuery = False,
) -> ImportReport:
    """Imports a file with labels of many recordings.

    Each line names one by `track_id`, `sha256`, or a `filename` that no other of your recordings has. All of it or
    nothing; what is wrong is named by its line.
    """
    return await _import(request, state, caller, ImportRequest(format_, said, dry_run, replace), None)


async def _import(
    request: Request, state: State, caller: Caller, asked: ImportRequest, track_id: str | None
) -> ImportReport:
    form = await read_form(request, MAX_LABEL_FILE_BYTES)
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    with form.upload.file as file:
        if form.fields:
            raise InvalidRequest.field(min(form.fields), "not a field of this form; there is: file")
        call = partial(import_labels, state, caller, file, asked, track_id)
        return await state.uploads.run(caller.owner_id, call)


def _answer(labels: LabelSet) -> Response:
    headers = {"ETag": f'"{labels.revision}"'}
    return Response(labels.model_dump_json(), headers=headers, media_type="application/json")


def _send(file: LabelFile, kind: LabelFormat) -> Response:
    headers = {"Content-Disposition": content_disposition("attachment", file.name), "Cache-Control": "no-store"}
    media_type = kind.media_type if kind is LabelFormat.JSONL else f"{kind.media_type}; charset=utf-8"
    return StreamingResponse(file.parts(), headers=headers, media_type=media_type)
