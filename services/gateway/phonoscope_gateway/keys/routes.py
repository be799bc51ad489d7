"""The calls under ``/v1/keys``; they need a key with the scope `admin`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response, status

from phonoscope.contract import ApiKey, CancelledJobs, KeyChange, KeyRequest, KeyRotation, NewApiKey, Page
from phonoscope.db.service.keys import owner_keys
from phonoscope.errors import NotFound
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.keys.service import describe_key, make_key, read_key, revoke, rotate, update_key
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1/keys", tags=["keys"], responses=KEYED)

RequestBody = Annotated[KeyRequest, Depends(json_body(KeyRequest))]
ChangeBody = Annotated[KeyChange, Depends(json_body(KeyChange))]
RotationBody = Annotated[KeyRotation, Depends(json_body(KeyRotation))]
CancelQuery = Annotated[
    CancelledJobs, Query(description="which jobs that have not ended to cancel too: the key's, or all of its owner's")
]

_OF_A_KEY = links("id", key_id=("read_api_key",))


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(KeyRequest),
    responses={201: {"links": _OF_A_KEY}},
)
def create_api_key(request: RequestBody, response: Response, state: StateDep, caller: CallerDep) -> NewApiKey:
    """Makes a key of the same owner. The key in the answer is shown only once."""
    made = make_key(state, caller, request)
    response.headers["Location"] = f"/v1/keys/{made.id}"
    return made


@router.get("")
def read_api_keys(
    state: StateDep, caller: CallerDep, limit: LimitQuery = 20, cursor: CursorQuery = None
) -> Page[ApiKey]:
    """Your owner's keys, revoked ones too, newest first."""
    with state.database.autocommit() as session:
        rows, next_cursor = owner_keys(session, caller.owner_id, cursor=cursor, limit=limit)
    return Page(items=[describe_key(row) for row in rows], next_cursor=next_cursor)


@router.get("/{key_id}", responses=problems(NotFound))
def read_api_key(key_id: str, state: StateDep, caller: CallerDep) -> ApiKey:
    return read_key(state, caller, key_id)


@router.patch("/{key_id}", responses=problems(NotFound), openapi_extra=takes(KeyChange))
def change_api_key(key_id: str, request: ChangeBody, state: StateDep, caller: CallerDep) -> ApiKey:
    """Changes the fields that are given. An expiry of `null` removes the expiry."""
    return update_key(state, caller, key_id, request)


@router.post(
    "/{key_id}/rotate",
    responses=problems(NotFound),
    status_code=status.HTTP_201_CREATED,
    openapi_extra=takes(KeyRotation),
)
def rotate_api_key(key_id: str, state: StateDep, caller: CallerDep, request: RotationBody) -> NewApiKey:
    """Gives the key a new secret, shown only once; the old one stays valid for the grace period."""
    return rotate(state, caller, key_id, timedelta(seconds=request.grace_s))


@router.delete("/{key_id}", responses=problems(NotFound), status_code=status.HTTP_204_NO_CONTENT)
def revoke_api_key(key_id: str, state: StateDep, caller: CallerDep, cancel: CancelQuery = CancelledJobs.NONE) -> None:
    """Makes the key invalid at once and for good; it stays in the list."""
    revoke(state, caller, key_id, cancel)
