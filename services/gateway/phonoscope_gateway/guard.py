"""Checks every request before any route runs."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phonoscope.errors import InvalidRequest
from phonoscope_gateway.problems import NO_GUESSING, problem


class Guard:
    """Refuses NUL characters, which PostgreSQL cannot hold; forbids browsers to guess media types."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                name, value = NO_GUESSING
                MutableHeaders(scope=message)[name] = value
            await send(message)

        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            error = InvalidRequest.field("url", "holds a NUL character")
            await problem(error, scope["path"].replace("\x00", ""))(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)
