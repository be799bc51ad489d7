"""Rules for sessions: who is signed in, and what ends."""

from __future__ import annotations

from datetime import timedelta

from anyio import to_thread

from phonoscope.contract import CurrentSession, EndedSession, Page, SignedInUser, SignInWay, UserSession
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.sessions import (
    Person,
    end_session,
    end_sessions,
    end_sessions_of,
    get_session,
    open_session,
    owner_sessions,
)
from phonoscope.errors import NotFound, SignInExpired, SignInOff, SignInRefused
from phonoscope.logs import get_logger
from phonoscope.sign_in.rules import Claims
from phonoscope_gateway.rates import Rate
from phonoscope_gateway.sign_in.cookies import BEGUN_S, Begun
from phonoscope_gateway.sign_in.flow import Callback, SignIn
from phonoscope_gateway.state import State

_log = get_logger(__name__)


def sign_in_of(state: State) -> SignIn:
    """Raises ``SignInOff`` where the service has no identity provider."""
    if state.sign_in is None:
        raise SignInOff("this service has no identity provider: send an API key")
    return state.sign_in


async def finish(state: State, begun: Begun | None, callback: Callback) -> tuple[str, Begun]:
    """Ends a sign-in well: what the session's cookie holds, and the sign-in that was begun.

    Raises as ``SignIn.check``, ``SignIn.claims`` and ``SignIn.person`` do, ``SignInExpired`` also for one that was used
    before, and ``DatabaseUnavailable``.
    """
    sign_in = sign_in_of(state)
    begun = await sign_in.check(begun, callback)
    used = await state.limiter.take(f"sign-in:{begun.state}", Rate(1, BEGUN_S))
    if not used.allowed:
        raise SignInExpired("this sign-in was used before: begin it again")
    claims = await sign_in.claims(begun, callback.code)
    try:
        person = sign_in.person(claims)
    except SignInRefused:
        # Who may not come in any more must not stay in elsewhere.
        await to_thread.run_sync(_end_of_refused, state, claims)
        raise
    return await to_thread.run_sync(_open, state, person), begun


def describe(state: State, caller: Caller | None) -> CurrentSession:
    """Who is signed in and what they may do, by key or by session, and how anybody signs in."""
    sign_in = state.sign_in
    way = SignInWay(name=sign_in.name, url=sign_in.login_url) if sign_in else None
    if caller is None:
        return CurrentSession(sign_in=way, user=None)
    user = _signed_in(state, sign_in, caller, caller.session_id) if sign_in and caller.session_id else None
    return CurrentSession(sign_in=way, user=user, scopes=sorted(caller.scopes), key_id=caller.key_id)


async def sign_out(state: State, caller: Caller, *, everywhere: bool) -> EndedSession:
    """Ends the caller's session, or all of the user's. Raises ``NotFound`` with an API key."""
    if caller.session_id is None:
        raise NotFound("an API key has no session; DELETE /v1/keys/{id} revokes a key")
    await to_thread.run_sync(_end, state, caller, everywhere)
    sign_in = sign_in_of(state)
    return EndedSession(sign_out_url=await sign_in.provider.sign_out_url(f"{sign_in.home}/"))


def list_sessions(state: State, caller: Caller, cursor: str | None, limit: int) -> Page[UserSession]:
    """The open sessions of the owner's users. Raises ``InvalidCursor``."""
    with state.database.autocommit() as session:
        rows, next_cursor = owner_sessions(session, caller.owner_id, cursor=cursor, limit=limit)
        items = [
            UserSession(
                id=row.id,
                user_id=user.id,
                name=user.name,
                email=user.email,
                scopes=user.scopes,
                created_at=row.created_at,
                expires_at=row.expires_at,
                last_used_at=row.last_used_at,
            )
            for row, user in rows
        ]
    return Page(items=items, next_cursor=next_cursor)


def end(state: State, caller: Caller, session_id: str) -> None:
    """Ends a session of one of the owner's users. Raises ``NotFound``."""
    with state.database.transaction() as session:
        end_session(session, caller.actor, session_id)
    _log.info("session.ended", session_id=session_id)


def _signed_in(state: State, sign_in: SignIn, caller: Caller, session_id: str) -> SignedInUser:
    with state.database.autocommit() as session:
        row, user = get_session(session, session_id)
        return SignedInUser(
            id=user.id,
            name=user.name,
            email=user.email,
            scopes=sorted(caller.scopes),
            expires_at=row.expires_at,
            csrf_token=sign_in.csrf_token(row.id),
        )


def _end_of_refused(state: State, claims: Claims) -> None:
    with state.database.transaction() as session:
        end_sessions_of(session, state.settings.oidc_issuer, str(claims["sub"]))


def _open(state: State, person: Person) -> str:
    with state.database.transaction() as session:
        token = open_session(session, person, timedelta(hours=state.settings.session_hours))
    _log.info("session.created")
    return token


def _end(state: State, caller: Caller, everywhere: bool) -> None:
    assert caller.session_id is not None
    with state.database.transaction() as session:
        if everywhere:
            end_sessions(session, caller.actor, caller.key_id)
        else:
            end_session(session, caller.actor, caller.session_id)
