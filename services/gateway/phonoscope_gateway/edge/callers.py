"""Who a request comes from, by its API key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from anyio import to_thread
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.types import Scope

from phonoscope.db.service.keys import Caller, authenticate
from phonoscope.errors import TooManyRequests, Unauthorized
from phonoscope_gateway.state import NO_KEY, State


async def find_caller(scope: Scope) -> Caller:
    """The client that the request's key belongs to: one query, in threads that no route uses.

    Raises:
        Unauthorized: there is no key, or it is not known.
        DatabaseUnavailable: the database cannot be asked.
    """
    scheme, key = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized(NO_KEY)
    state: State = scope["app"].state.phonoscope
    return await to_thread.run_sync(_authenticate, state, key, limiter=state.door)


class Places:
    """The requests in progress of each owner."""

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


def _authenticate(state: State, key: str) -> Caller:
    with state.database.autocommit() as session:
        return authenticate(session, key)
