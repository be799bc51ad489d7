"""Who a request comes from, by its API key or its session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from anyio import to_thread
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from phonoscope.addresses import client_network
from phonoscope.db.service.keys import Caller, authenticate
from phonoscope.db.service.sessions import find_session
from phonoscope.db.service.shares import PREFIX, find_share
from phonoscope.errors import RequestQuotaExceeded, ShareEnded, TooManyRequests, TooManyWrongKeys, Unauthorized
from phonoscope_gateway.problems import limit_headers
from phonoscope_gateway.rates import Rate, request_rate
from phonoscope_gateway.state import NO_KEY, State

MINUTE_S = 60


def bearer_key(scope: Scope) -> str:
    """The key that a request brings, right or wrong; "" when it brings none."""
    scheme, key = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
    return key if scheme.lower() == "bearer" else ""


def session_cookie(scope: Scope) -> str:
    """What the session's cookie holds, right or wrong; "" where there is none, or a key counts in its place."""
    state: State | None = getattr(scope["app"].state, "phonoscope", None) if "app" in scope else None
    if state is None or state.sign_in is None or bearer_key(scope):
        return ""
    return state.sign_in.cookies.session_in(Headers(scope=scope))


def forget_session(scope: Scope, response: Response) -> None:
    """Has the browser forget a session that has ended."""
    state: State = scope["app"].state.phonoscope
    if state.sign_in is not None:
        state.sign_in.cookies.forget(response, state.sign_in.cookies.session)


def brings_credential(scope: Scope) -> bool:
    """Whether a request brings a key or a session, right or wrong."""
    return bool(bearer_key(scope) or session_cookie(scope))


async def find_caller(scope: Scope) -> Caller:
    """The client that the request's key, its shared link's token or its session belongs to: one query, in own threads.

    Raises:
        Unauthorized: there is no key and no session, or it is not known.
        ShareEnded: it is the token of a shared link that opens nothing.
        TooManyWrongKeys: it is not known, and neither were many before it from the same address.
        DatabaseUnavailable: the database cannot be asked.
    """
    key = bearer_key(scope)
    cookie = session_cookie(scope)
    if not key and not cookie:
        raise Unauthorized(NO_KEY)
    state: State = scope["app"].state.phonoscope
    try:
        caller = await to_thread.run_sync(_authenticate, state, key, cookie, limiter=state.door)
    except (Unauthorized, ShareEnded):
        await _count_wrong_key(state, scope)
        raise
    if caller.use_is_old:
        state.key_uses.note(caller.credential_id)
    return caller


async def take_request(state: State, caller: Caller) -> dict[str, str]:
    """Takes one of the requests that the owner, or a shared link, may make; returns the headers that say what is left.

    Raises ``RequestQuotaExceeded``.
    """
    rate = request_rate(state.settings)
    if rate is None:
        return {}
    left = await state.limiter.take(caller.counts_as, rate)
    if not left.allowed:
        each = state.settings.quota_requests_a_second
        raise RequestQuotaExceeded(
            f"{each:g} requests a second are allowed",
            limit=int(rate.amount),
            window_s=ceil(rate.window_s),
            retry_after_s=ceil(left.wait_s),
        )
    return limit_headers(RequestQuotaExceeded.policy, rate.amount, ceil(rate.window_s), left.left, left.reset_s)


async def _count_wrong_key(state: State, scope: Scope) -> None:
    most = state.settings.wrong_keys_a_minute
    if not most:
        return
    address, _ = scope.get("client") or ("unknown", 0)
    left = await state.limiter.take(f"wrong-keys:{client_network(address)}", Rate(most, MINUTE_S))
    if not left.allowed:
        detail = f"more than {most} wrong API keys came from this address within a minute"
        raise TooManyWrongKeys(detail, limit=most, window_s=MINUTE_S, retry_after_s=ceil(left.wait_s))


class RequestsInProgress:
    """How many requests of each owner, and of each shared link, are in progress."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def held(self, owner_id: str) -> Iterator[None]:
        """A place for one request of an owner. Raises ``TooManyRequests`` when all are taken."""
        if self._taken[owner_id] >= self._most:
            raise TooManyRequests(f"an owner may have {self._most:,} requests in progress")
        self._taken[owner_id] += 1
        try:
            yield
        finally:
            self._taken[owner_id] -= 1
            if not self._taken[owner_id]:
                del self._taken[owner_id]


def _authenticate(state: State, key: str, cookie: str) -> Caller:
    with state.database.autocommit() as session:
        if not key:
            return find_session(session, cookie)
        if not key.startswith(PREFIX):
            return authenticate(session, key)
        share = find_share(session, key)
        return Caller(
            share.owner_id, share.id, frozenset(), links_end=True, track_id=share.track_id, until=share.expires_at
        )
