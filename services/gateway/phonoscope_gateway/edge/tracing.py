"""The trace of a request: begun here, or gone on with where the caller has one."""

from __future__ import annotations

from http import HTTPStatus

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from phonoscope.metrics.recorder import METHODS
from phonoscope.traces import OFF, Span, end_traces, root_span
from phonoscope_gateway.edge.access import is_health

_SPAN = "phonoscope.span"


class Tracing:
    """Opens a span for each request but those for health, and sends the last ones when the gateway ends.

    It has the names and the status that ``note_answer`` gives it: no path, no query, no header of the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                await to_thread.run_sync(end_traces)
        elif scope["type"] != "http" or is_health(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self._app(scope, receive, send)
        else:
            await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        parents = Headers(scope=scope).getlist("traceparent")
        # Of two it is not known which is the caller's.
        parent = parents[0] if len(parents) == 1 else None
        with root_span(_name(method), "server", parent, {"http.request.method": method}) as span:
            scope[_SPAN] = span
            await self._app(scope, receive, send)


def note_answer(scope: Scope, method: str, route: str | None, status: int) -> None:
    """Adds to a request's span what is known once it is answered.

    Args:
        route: its template; ``None`` where no route took the request.
    """
    span: Span = scope.get(_SPAN, OFF)
    span.describe({"http.response.status_code": status})
    if route is not None:
        span.rename(f"{_name(method if method in METHODS else '_OTHER')} {route}")
        span.describe({"http.route": route})
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.fail(str(status))


def _name(method: str) -> str:
    return "HTTP" if method == "_OTHER" else method
