"""The calls under ``/v1/session`` and ``/v1/sessions``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from phonoscope.contract import CurrentSession, EndedSession, Page, UserSession
from phonoscope.errors import CrossSiteRequest, NotFound, PhonoscopeError, SessionEnded
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.sessions.refusals import refusal
from phonoscope_gateway.sessions.service import describe, end, finish, list_sessions, sign_in_of, sign_out
from phonoscope_gateway.sign_in.flow import Callback
from phonoscope_gateway.state import CallerDep, KeptCallerDep, StateDep

router = APIRouter(prefix="/v1", tags=["sessions"], responses=KEYED)

_SESSION = problems(SessionEnded, CrossSiteRequest)


@router.get("/session", responses=_SESSION)
def read_session(state: StateDep, caller: KeptCallerDep) -> CurrentSession:
    """Who is signed in by this browser's cookie, what a session or a key may do, and how anybody signs in.

    Answers without a key too.
    """
    return describe(state, caller)


@router.delete("/session", responses=problems(NotFound, CrossSiteRequest))
async def end_own_session(
    state: StateDep,
    caller: CallerDep,
    response: Response,
    everywhere: Annotated[bool, Query(description="whether to end all sessions of this user")] = False,
) -> EndedSession:
    """Signs out: ends the session at once and for good, and has the browser forget its cookie."""
    ended = await sign_out(state, caller, everywhere=everywhere)
    cookies = sign_in_of(state).cookies
    cookies.forget(response, cookies.session)
    return ended


@router.get("/session/login", include_in_schema=False)
async def log_in(request: Request, state: StateDep, return_to: str = "/") -> Response:
    """Sends a browser to the identity provider."""
    try:
        sign_in = sign_in_of(state)
        url, begun = await sign_in.begin(return_to)
    except PhonoscopeError as error:
        return refusal(request, error)
    response = RedirectResponse(url, status.HTTP_303_SEE_OTHER)
    sign_in.cookies.set_begun(response, begun)
    return response


@router.get("/session/callback", include_in_schema=False)
async def come_back(
    request: Request, state: StateDep, code: str = "", error: str = "", iss: str | None = None
) -> Response:
    """Takes a browser back from the identity provider."""
    callback = Callback(request.query_params.get("state", ""), code, error, iss)
    try:
        sign_in = sign_in_of(state)
        token, begun = await finish(state, sign_in.cookies.begun_in(request.headers), callback)
    except PhonoscopeError as failure:
        response = refusal(request, failure)
    else:
        response = RedirectResponse(f"{sign_in.home}{begun.return_to}", status.HTTP_303_SEE_OTHER)
        sign_in.cookies.set_session(response, token)
    if state.sign_in is not None:
        state.sign_in.cookies.forget(response, state.sign_in.cookies.begun)
    return response


@router.get("/sessions")
def read_sessions(
    state: StateDep, caller: CallerDep, limit: LimitQuery = 20, cursor: CursorQuery = None
) -> Page[UserSession]:
    """The open sessions of those who signed in to your owner's library, newest first."""
    return list_sessions(state, caller, cursor, limit)


@router.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound))
def end_user_session(session_id: str, state: StateDep, caller: CallerDep) -> None:
    """Ends a session at once and for good."""
    end(state, caller, session_id)
