"""The calls under ``/v1/tracks``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from phonoscope.contract import Page, Track, TrackChange
from phonoscope.db.library.collections import check_collection
from phonoscope.db.library.tracks import change_track, get_track, list_tracks, revoke_links
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import record
from phonoscope.erasure import erase_track
from phonoscope.errors import InvalidRequest, NotFound, PreconditionFailed
from phonoscope.logs import get_logger
from phonoscope.requests import Name
from phonoscope.states import TrackSort
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.forms import Form, Upload, read_form
from phonoscope_gateway.idempotency import UPLOADED, IdempotencyDep, IdempotentAnswer, IdempotentRequest, KeepAnswer
from phonoscope_gateway.links import LinkRequestDep
from phonoscope_gateway.paging import CollectionQuery, CursorQuery, LimitQuery, NameQuery
from phonoscope_gateway.preconditions import check_match
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import AnyCallerDep, CallerDep, StateDep
from phonoscope_gateway.streaming import ObjectRequestDep, object_responses, send_object
from phonoscope_gateway.tracks.audio import find_audio
from phonoscope_gateway.tracks.service import check_day, create_track_and
from phonoscope_gateway.tracks.view import describe_track, describe_tracks, for_caller

router = APIRouter(prefix="/v1/tracks", tags=["tracks"], responses=KEYED)
_log = get_logger(__name__)

ChangeBody = Annotated[TrackChange, Depends(json_body(TrackChange))]
IfMatch = Annotated[
    str | None, Header(description='the `revision` that you know, as `"3"`: 412 when another change came first')
]

_OF_A_TRACK = links(
    "id",
    track_id=(
        "read_track",
        "read_audio",
        "read_track_results",
        "read_track_labels",
        "read_track_waveform",
        "read_track_spectrogram",
        "change_one_track",
        "share_track",
        "read_track_shares",
        "remove_track",
    ),
)

_UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "the recording"}},
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": Track, "description": "These bytes are already a track of yours", "links": _OF_A_TRACK}}
    | {201: {"links": _OF_A_TRACK}}
    | UPLOADED,
    openapi_extra=_UPLOAD_BODY,
)
async def upload_track(request: Request, response: Response, state: StateDep, once: IdempotencyDep) -> Track:
    """Uploads a recording. The same bytes again give the same track."""
    await check_day(state, once.caller.owner_id)
    form = await read_form(request, state.settings.max_upload_bytes)
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    with form.upload.file:
        answered = await state.uploads.run(once.caller.owner_id, partial(_upload, once, form, form.upload))
    return answered.write(response)


def _upload(once: IdempotentRequest, form: Form, upload: Upload) -> IdempotentAnswer[Track]:
    def make(keep: KeepAnswer[Track]) -> IdempotentAnswer[Track]:
        def then(session: Session, row: TrackRow, created: bool) -> IdempotentAnswer[Track]:
            answered = _stored(_described(once, session, row), created)
            keep(session, answered)
            return answered

        *_, answered = create_track_and(once.state, once.caller.owner_id, upload, then)
        return answered

    if form.fields:
        raise InvalidRequest.field(min(form.fields), "not a field of this form; there is: file")
    answered = once.answer(Track, lambda: {"fields": form.fields, "file": upload.sha256}, make)
    if not answered.replayed:
        return answered
    # The first answer may be a day old; its links are not good for so long.
    fresh = _fresh(once, answered.body.id)
    links = {"audio": fresh.audio, "cover": fresh.cover}
    return replace(answered, body=answered.body.model_copy(update=links))


def _fresh(once: IdempotentRequest, track_id: str) -> Track:
    with once.state.database.autocommit() as session:
        row = get_track(session, once.caller.owner_id, track_id)
        return _described(once, session, row)


def _described(once: IdempotentRequest, session: Session, row: TrackRow) -> Track:
    known = once.state.catalogue_for(once.caller.owner_id, session).vocabularies
    return describe_track(once.state.signer_for(once.caller), session, row, known)


def _stored(track: Track, created: bool) -> IdempotentAnswer[Track]:
    code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    return IdempotentAnswer(code, f"/v1/tracks/{track.id}", track)


@router.get("", responses=problems(NotFound))
def read_tracks(
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    label: Annotated[
        Name | None, Query(description="only tracks with this label, that you confirmed or any model recognised")
    ] = None,
    model: Annotated[Name | None, Query(description="only tracks with this `label` by this model")] = None,
    q: NameQuery = None,
    collection: CollectionQuery = None,
    sort: Annotated[TrackSort, Query(description="by the time of upload, by name, or by length")] = TrackSort.NEWEST,
    facts: Annotated[bool, Query(description="say the kind, tempo and key of each in `facts`")] = False,
) -> Page[Track]:
    """Your tracks."""
    if model is not None and label is None:
        raise InvalidRequest.field("model", "says whose `label` is meant; name a label too")
    with state.database.autocommit() as session:
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        check_collection(session, caller.owner_id, collection)
        rows, next_cursor = list_tracks(
            session,
            caller.owner_id,
            cursor=cursor,
            limit=limit,
            label=label,
            model=model,
            q=q,
            collection=collection,
            vocabularies=known,
            sort=sort,
        )
        items = describe_tracks(state.signer_for(caller), session, rows, known, facts=facts)
        return Page(items=items, next_cursor=next_cursor)


@router.get("/{track_id}", responses=problems(NotFound))
def read_track(track_id: str, state: StateDep, caller: CallerDep) -> Track:
    """A recording, its labels, and what you wrote of it."""
    with state.database.autocommit() as session:
        row = get_track(session, caller.owner_id, track_id)
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        return for_caller(describe_track(state.signer_for(caller), session, row, known), caller)


@router.patch("/{track_id}", responses=problems(NotFound, PreconditionFailed), openapi_extra=takes(TrackChange))
def change_one_track(
    track_id: str, request: ChangeBody, state: StateDep, caller: CallerDep, if_match: IfMatch = None
) -> Track:
    """Names a recording, or notes something of it; what is left out stays. The file's own name is kept.

    With `If-Match` a change that somebody made since then is not lost: 412.
    """
    given = request.model_dump(include=request.model_fields_set)
    changes = {name: value or "" if name == "notes" else value for name, value in given.items()}
    with state.database.transaction() as session:
        row = get_track(session, caller.owner_id, track_id, to_change=True)
        check_match(if_match, row.revision, "the recording has")
        change_track(session, caller.actor, row, changes)
        known = state.catalogue_for(caller.owner_id, session).vocabularies
        return describe_track(state.signer_for(caller), session, row, known)


@router.delete("/{track_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def remove_track(track_id: str, state: StateDep, caller: CallerDep) -> None:
    """Erases the recording, its jobs, results and vectors, and every object."""
    erase_track(state.database, state.store, caller.actor, track_id)
    _log.info("track.deleted", track_id=track_id)


@router.delete("/{track_id}/links", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def revoke_track_links(track_id: str, state: StateDep, caller: CallerDep) -> None:
    """Revokes every signed link to the recording and to what was made of it; links that are read from now on are good.

    A redirect to the object store that was answered before stays good for its time.
    """
    with state.database.transaction() as session:
        revoke_links(session, caller.owner_id, track_id)
        record(session, caller.actor, "track.links_revoked", track_id)


@router.get(
    "/{track_id}/audio",
    response_class=StreamingResponse,
    responses=object_responses("audio/*"),
    openapi_extra={"security": [{}]},
)
def read_audio(
    track_id: str,
    state: StateDep,
    caller: AnyCallerDep,
    asked: ObjectRequestDep,
    link: LinkRequestDep,
) -> Response:
    """The recording's bytes as they were uploaded, whole or in part; by your key, or by the signed link in `audio` of
    the track, which needs none.
    """
    return send_object(state.store, find_audio(state, track_id, caller, link), asked)
