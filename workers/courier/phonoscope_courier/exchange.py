"""Exchanges one HTTP request and answer over one connection: bounded, without redirects, without keep-alive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import httptools

MAX_HEADER_BYTES = 16 << 10
MAX_BODY_BYTES = 16 << 10
_INFORMATIONAL = range(100, 200)


class InvalidAnswer(Exception):
    """The answer is not HTTP."""


class Disconnected(Exception):
    """The connection ended before the answer."""


@dataclass
class Answer:
    """An endpoint's answer, with at most the first 16 KiB of its body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Exchange(asyncio.Protocol):
    """Sends a request when connected; ``answer`` is done when enough of the answer has arrived.

    Raises (from ``answer``) ``InvalidAnswer`` or ``Disconnected``.
    """

    def __init__(self, request: bytes) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request = request
        self._answer = Answer()
        self._parser = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._head_done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, but have their methods.
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.answer.done():
            return
        if not self._head_done:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(InvalidAnswer(f"not an HTTP answer: {error}"))
        if not self._head_done and self._head_bytes > MAX_HEADER_BYTES:
            self._fail(InvalidAnswer(f"more than {MAX_HEADER_BYTES:,} bytes of headers"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_done:
            self._finish()
        else:
            self._fail(Disconnected(str(exc) if exc else "the connection was closed before the answer"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self._head_done = self._answer.status not in _INFORMATIONAL
        if not self._head_done:
            self._answer = Answer()

    def on_body(self, body: bytes) -> None:
        self._answer.body += body[: MAX_BODY_BYTES - len(self._answer.body)]
        if len(self._answer.body) >= MAX_BODY_BYTES:
            self._finish()

    def on_message_complete(self) -> None:
        if self._head_done:
            self._finish()

    def _finish(self) -> None:
        if not self.answer.done():
            self.answer.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def request_bytes(authority: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST that asks the server to close the connection after the answer."""
    head = {"host": authority, **headers, "content-length": str(len(body)), "connection": "close", "accept": "*/*"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body
