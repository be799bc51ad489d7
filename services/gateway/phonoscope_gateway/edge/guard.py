"""Checks every request before any route runs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonoscope.addresses import client_network
from phonoscope.errors import InvalidRequest, PhonoscopeError, SessionEnded
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.places import Places as Turns
from phonoscope_gateway.edge.access import (
    Crowd,
    answers_anybody,
    body_limit,
    check_shared,
    crowd_of,
    is_health,
    keeps_out_of_caches,
    needed_scope,
    needs_key,
    speaks_tus,
)
from phonoscope_gateway.edge.bodies import RequestBody
from phonoscope_gateway.edge.callers import (
    RequestsInProgress,
    brings_credential,
    find_caller,
    forget_session,
    take_request,
)
from phonoscope_gateway.edge.connections import keep_place
from phonoscope_gateway.edge.cross_origin import CrossOrigin
from phonoscope_gateway.edge.hosts import HostCheck
from phonoscope_gateway.edge.same_site import check_same_site
from phonoscope_gateway.edge.tracing import note_answer
from phonoscope_gateway.problems import NO_GUESSING, TUS_VERSION, problem
from phonoscope_gateway.state import keep_answer_headers, keep_caller, keep_head

_TURNS = {
    Crowd.LIVENESS: (8, 4),
    Crowd.READINESS: (8, 4),
    Crowd.LINKS: (32, 16),
    Crowd.SIGN_INS: (16, 4),
    Crowd.PAGES: (8, 4),
}
"""Requests of each crowd that are worked at, in all and of one address: hundreds at once would hold up the loop."""
_MOST_IN_A_PASS = 8
_LEFT = 499
"""In place of a status, where the client left before the answer began."""
_log = get_logger(__name__)


class Guard:
    """Admits a request: its address, then its key or session, then its body, of which nothing is read before.

    The caller is kept in the request's scope, where ``CallerDep`` finds it. A body in JSON is read whole, up to its
    limit; a form streams on to its route, with its own; without a key none is read. Answers that leave a body unread
    close the connection. ``HEAD`` reaches routes as ``GET``, and the body of the answer is left out; ``HeadDep`` tells
    those that would begin something for it.

    Args:
        max_upload_bytes: the largest file of a form.
        max_requests_per_owner: requests of one owner that may be in progress.
        check_host: says whether the gateway answers to a request's ``Host``; health answers to any.
        cross_origin: which other origins' pages may read answers.
        root_path: the prefix that clients' paths have. Proxies in front may have removed it from a request; routes
            find it in the request's scope, and it is put before every path that an answer sends a client to.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_upload_bytes: int,
        max_requests_per_owner: int,
        check_host: HostCheck,
        cross_origin: CrossOrigin | None = None,
        root_path: str = "",
    ) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes
        self._in_progress = RequestsInProgress(max_requests_per_owner)
        self._check_host = check_host
        self._cross_origin = cross_origin or CrossOrigin()
        self._root_path = root_path
        self._in_this_pass = 0
        self._turns = {crowd: Turns(total, each) for crowd, (total, each) in _TURNS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        self._add_root_path(scope)
        answer = _Answer(
            send,
            private=keeps_out_of_caches(self._path(scope)),
            head=scope["method"] == "HEAD",
            root_path=self._root_path,
            always=self._cross_origin.answer_headers(Headers(scope=scope)) | _spoken(self._path(scope)),
            varies=self._cross_origin.varies,
        )
        keep_answer_headers(scope, answer.always)
        if answer.head:
            # The server keeps its own scope: it must not expect a body.
            scope = {**scope, "method": "GET"}
            keep_head(scope)
        try:
            await self._attend(scope, receive, answer)
        except Exception:
            if not answer.begun:
                answer.status = HTTPStatus.INTERNAL_SERVER_ERROR
            raise
        finally:
            # The router has put the route that it found into this scope.
            route = getattr(scope.get("route"), "path", None)
            recorder().request_answered(method, route, answer.status, answer.waited_s)
            note_answer(scope, method, route, answer.status)

    async def _attend(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            async with answer.turn:
                await self._take_turn(scope, answer)
                await self._answer(scope, receive, answer)
        except ClientDisconnect:
            _log.info("client.left", method=scope["method"], path=scope["path"])
        except RuntimeError as error:
            # Starlette's, for an error that came after the answer had begun: the server breaks the answer off.
            if not answer.begun or not isinstance(error.__cause__, PhonoscopeError):
                raise
            cause = error.__cause__
            _log.warning("answer.broken_off", path=scope["path"], code=cause.code, detail=cause.detail)

    def _add_root_path(self, scope: Scope) -> None:
        """Makes the path what ASGI has it be: with the prefix, whether or not a proxy removed it."""
        path, prefix = scope["path"], self._root_path
        scope["root_path"] = prefix
        if path == prefix:
            scope["path"] = f"{prefix}/"
        elif not path.startswith(f"{prefix}/"):
            scope["path"] = f"{prefix}{path}"

    def _path(self, scope: Scope) -> str:
        """The path as routes have it, without the prefix."""
        path: str = scope["path"]
        return path.removeprefix(self._root_path)

    async def _take_turn(self, scope: Scope, answer: _Answer) -> None:
        """Waits, if the request has to; the turn ends when the answer begins, however slowly that is read."""
        crowd = crowd_of(self._path(scope), has_key=brings_credential(scope))
        if crowd is None:
            return
        address, _ = scope.get("client") or ("unknown", 0)
        await answer.turn.enter_async_context(self._turns[crowd].held_by_task(client_network(address)))
        await self._give_way()

    async def _give_way(self) -> None:
        """Lets the loop look at all clients again, once a few requests were worked at since it did.

        Many requests are answered without any other wait.
        """
        if self._in_this_pass >= _MOST_IN_A_PASS:
            await asyncio.sleep(0)
        if not self._in_this_pass:
            asyncio.get_running_loop().call_soon(self._begin_pass)
        self._in_this_pass += 1

    def _begin_pass(self) -> None:
        self._in_this_pass = 0

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._admit(scope, receive, answer)
        except PhonoscopeError as error:
            refused = problem(error, scope["path"].replace("\x00", ""))
            if isinstance(error, SessionEnded):
                forget_session(scope, refused)
            await refused(scope, receive, answer.send)

    async def _admit(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        method, path, query, headers = scope["method"], self._path(scope), scope["query_string"], Headers(scope=scope)
        body = RequestBody(headers, body_limit(method, path, headers, self._max_upload_bytes), receive)
        answer.body = body
        if not is_health(path):
            self._check_host(headers)
        if "\x00" in path or b"%00" in query:
            raise InvalidRequest.field("url", "holds a NUL character")
        preflight = self._cross_origin.preflight(method, headers)
        if preflight is not None:
            await preflight(scope, receive, answer.send)
            return
        anybody = answers_anybody(method, path) and not brings_credential(scope)
        if anybody or not needs_key(method, path, query):
            body.check_length()
            await self._app(scope, body.receive, answer.send)
            return
        caller = await find_caller(scope)
        if caller.session_id is not None:
            check_same_site(scope, caller.session_id)
        answer.limits = await take_request(scope["app"].state.phonoscope, caller)
        if caller.track_id is None:
            caller.needs(needed_scope(method, path))
        else:
            answer.keeps_nothing = True
            check_shared(method, path, caller.track_id)
        body.check_length()
        with self._in_progress.held(caller.counts_as):
            keep_caller(scope, caller)
            keep_place(scope)
            await body.take()
            await self._app(scope, body.receive, answer.send)


def _spoken(path: str) -> dict[str, str]:
    """The header that every answer of the tus protocol has."""
    return {"Tus-Resumable": TUS_VERSION} if speaks_tus(path) else {}


class _Answer:
    """Adds the headers that every answer has, and those that an unread body or a private answer need."""

    def __init__(
        self, send: Send, *, private: bool, head: bool, root_path: str, always: dict[str, str], varies: bool
    ) -> None:
        self._send = send
        self._private = private
        self._root_path = root_path
        self._varies = varies
        self.always = always
        self.head = head
        self.limits: dict[str, str] = {}
        self.body: RequestBody | None = None
        self.begun = False
        self.status: int = _LEFT
        self._began = perf_counter()
        self._waited_s: float | None = None
        self.turn = AsyncExitStack()
        self.keeps_nothing = False
        """Whether no cache may keep the answer, whatever its route says: what opens it can be revoked."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self.status, self._waited_s = message["status"], self.waited_s
            await self.turn.aclose()
            self._complete(MutableHeaders(scope=message))
        elif self.head:
            message = {**message, "body": b""}
        if self._is_last(message) and self.body is not None and self.body.unread:
            await self._send({**message, "more_body": True})
            await self.body.drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    @property
    def waited_s(self) -> float:
        """Seconds until the answer began, or until now."""
        return perf_counter() - self._began if self._waited_s is None else self._waited_s

    def _complete(self, headers: MutableHeaders) -> None:
        name, value = NO_GUESSING
        headers[name] = value
        for name, value in (self.limits | self.always).items():
            headers.setdefault(name, value)
        if self._varies:
            headers.add_vary_header("Origin")
        if headers.get("location", "").startswith("/"):
            headers["location"] = self._root_path + headers["location"]
        if self.keeps_nothing:
            headers["Cache-Control"] = "no-store"
            headers["X-Robots-Tag"] = "noindex"
        if self._private:
            headers.setdefault("Cache-Control", "no-store")
        if self.body is None or self.body.unread:
            headers["Connection"] = "close"

    @staticmethod
    def _is_last(message: Message) -> bool:
        return message["type"] == "http.response.body" and not message.get("more_body", False)
