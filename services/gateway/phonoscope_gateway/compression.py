"""Compresses answers in JSON with gzip for clients that take it (RFC 9110, section 8.4)."""

from __future__ import annotations

import gzip
import re
from http import HTTPStatus

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALLEST = 1_000
"""Bytes of a body below which the head outweighs what is saved."""
_IN_A_THREAD = 64 * 1024
_LEVEL = 5
_JSON = re.compile(r"application/([\w.-]+\+)?json\b")
_NEVER = re.compile(r"/v1/(keys|webhooks|session|tracks/[^/]+/(labels|shares))(/.*)?")
"""What is answered with secrets that last; and sets of labels, whose strong entity tags ``If-Match`` needs."""
_CODING = re.compile(r"\s*([\w!#$&^.+*-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.IGNORECASE)


def takes(accept_encoding: str | None, coding: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows a content coding.

    >>> takes("gzip;q=0, *", "gzip"), takes("gzip;q=0, *", "br"), takes(None, "br")
    (False, True, False)
    """
    found = (_CODING.fullmatch(part) for part in (accept_encoding or "").split(","))
    qualities = {match[1].lower(): float(match[2] or 1) for match in found if match}
    return qualities.get(coding, qualities.get("*", 0.0)) > 0


class Compression:
    """Compresses JSON that an application answers whole, in a thread where it is long.

    Streams, parts of objects and what is encoded already pass through. A strong entity tag becomes a weak one: the
    bytes are others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _NEVER.fullmatch(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _Answer(send, takes(headers.get("accept-encoding"), "gzip"), headers.get("if-none-match", ""))
        await self._app(scope, receive, answer.send)


class _Answer:
    """Holds an answer's head back until its body is known."""

    def __init__(self, send: Send, wanted: bool, known: str) -> None:
        self._send = send
        self._wanted = wanted
        self._known = known
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_plain_json(message):
            MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
            self._head = message
            return
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.NOT_MODIFIED:
            self._weaken(MutableHeaders(scope=message))
        if self._head is not None:
            head, self._head = self._head, None
            message = await self._compressed(head, message)
            await self._send(head)
        await self._send(message)

    def _weaken(self, headers: MutableHeaders) -> None:
        """The tag of what did not change is the one that the client has."""
        tag = headers.get("etag", "")
        if tag.startswith('"') and f"W/{tag}" in self._known:
            headers["ETag"] = f"W/{tag}"

    async def _compressed(self, head: Message, message: Message) -> Message:
        """The body's only message, compressed; ``message`` itself where that is not wanted or gains nothing."""
        body = message.get("body", b"")
        if not self._wanted or message.get("more_body") or len(body) < _SMALLEST:
            return message
        short = len(body) < _IN_A_THREAD
        packed = _pack(body) if short else await to_thread.run_sync(_pack, body)
        headers = MutableHeaders(scope=head)
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(packed))
        if (tag := headers.get("etag", "")).startswith('"'):
            headers["ETag"] = f"W/{tag}"
        return {**message, "body": packed}


def _is_plain_json(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    return "content-encoding" not in headers and bool(_JSON.match(headers.get("content-type", "")))


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)
