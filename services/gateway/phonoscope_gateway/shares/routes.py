"""The calls under ``/v1/tracks/{id}/shares``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, status

from phonoscope.contract import NewShare, SharedTrack, ShareRequest, TrackShares
from phonoscope.errors import NotFound, ShareEnded, TooManyShares
from phonoscope_gateway.bodies import json_body, takes
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.shares.service import make_share, open_share, read_shares, revoke
from phonoscope_gateway.state import CallerDep, StateDep

router = APIRouter(prefix="/v1", tags=["tracks"], responses=KEYED)

RequestBody = Annotated[ShareRequest, Depends(json_body(ShareRequest))]


@router.post(
    "/tracks/{track_id}/shares",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotFound, TooManyShares),
    openapi_extra=takes(ShareRequest),
)
def share_track(track_id: str, request: RequestBody, state: StateDep, caller: CallerDep) -> NewShare:
    """Makes a link with which anyone can read this recording, and nothing else, until it expires or is revoked.

    The token in the answer is shown only once. It is sent in place of an API key, and opens `GET` of the recording, its
    results, its stems, and the parts of its pictures.
    """
    return make_share(state, caller, track_id, request)


@router.get("/tracks/{track_id}/shares", responses=problems(NotFound))
def read_track_shares(track_id: str, state: StateDep, caller: CallerDep) -> TrackShares:
    """The links to a recording that are good, newest first, without their tokens."""
    return read_shares(state, caller, track_id)


@router.delete(
    "/tracks/{track_id}/shares/{share_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound)
)
def revoke_track_share(track_id: str, share_id: str, state: StateDep, caller: CallerDep) -> None:
    """Ends a link at once and for good, and with it the signed links that were read by it."""
    revoke(state, caller, track_id, share_id)


@router.get("/shared", responses=problems(ShareEnded, NotFound))
def read_shared_track(state: StateDep, caller: CallerDep) -> SharedTrack:
    """The recording that a shared link opens: ask with the link's token in place of an API key."""
    return open_share(state, caller)
