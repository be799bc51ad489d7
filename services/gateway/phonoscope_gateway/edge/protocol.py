"""HTTP/1.1 with limits: uvicorn's protocol, in which no client can take more than its share of time or memory."""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from enum import Enum, auto
from fcntl import ioctl
from functools import partial
from math import inf
from termios import TIOCOUTQ
from typing import Any

from starlette.datastructures import Headers
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr

from phonoscope.errors import HeadTooLarge, MalformedRequest, PhonoscopeError, RequestTimeout
from phonoscope_gateway.edge.connections import KEEP_PLACE, LEAST_BYTES_PER_S, Connections
from phonoscope_gateway.edge.cross_origin import CrossOrigin
from phonoscope_gateway.problems import NO_GUESSING, problem

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_PIPELINED = 16
_SEPARATORS = 4
"""Bytes of a header's line that belong to neither its name nor its value."""
_FRAMING_BYTES = 64 * 1024
"""What chunks may have of sizes, extensions and trailers beside as many bytes as the body has."""
_SMALL_CHUNKS = 2000
_SMALL_CHUNK_BYTES = 64
"""A body of more chunks than that has at least so many bytes in each on average: each costs as much as a large one."""
_LINGER_S = 2.0
_LINGER_BYTES = 1 << 20


class _Phase(Enum):
    """What the next byte from the client belongs to."""

    BETWEEN = auto()
    """No request: the one before has arrived whole, or none has begun."""
    HEAD = auto()
    BODY = auto()
    DISCARDED = auto()
    """The client was refused; what it still sends is not looked at."""


class EdgeProtocol(HttpToolsProtocol):
    """One client's connection. ``protocol_for`` gives the class its ``edge`` and ``cross_origin``.

    A head has ``head_s`` to arrive and at most ``MAX_HEAD_BYTES``; a body must arrive, and an answer be read, at
    ``LEAST_BYTES_PER_S``. What is wrong with a request before it reaches the application is answered with a problem.
    """

    edge: Connections
    cross_origin: CrossOrigin

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._phase = _Phase.BETWEEN
        self._read_by = inf
        self._write_by = inf
        self._admitted = False
        self._error: PhonoscopeError | None = None
        self._running: RequestResponseCycle | None = None
        self._begun = 0
        self._head_bytes = 0
        self._header_count = 0
        self._chunks = 0
        self._body_bytes = 0
        self._window_bytes = 0
        self._framing_bytes = 0
        self._unsent_bytes = 0
        self._discarded_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        client = get_remote_addr(transport)
        refused = self.edge.admit(self, client[0] if client else None)
        if refused is not None:
            self._phase = _Phase.DISCARDED
            transport.write(self._rendered(refused))
            transport.close()
            return
        self._admitted = True
        super().connection_made(transport)
        self._read_by = self.loop.time() + self.edge.limits.head_s

    def connection_lost(self, exc: Exception | None) -> None:
        if self._admitted:
            self.edge.leave(self)
            super().connection_lost(exc)

    def abort(self) -> None:
        self._phase = _Phase.DISCARDED
        self.transport.abort()

    # What the client sends

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.DISCARDED:
            self._discard(data)
            return
        if self._phase is _Phase.BETWEEN and self._read_by is inf:
            self._read_by = self.loop.time() + self.edge.limits.head_s
        before, begun, of_body = self._phase, self._begun, self._body_bytes
        super().data_received(data)
        if self._phase is before and self._begun == begun:
            self._count(len(data), self._body_bytes - of_body)

    def _count(self, size: int, of_body: int) -> None:
        """Counts what belongs to one request's head, or to its body and the chunks around it."""
        if self._phase in (_Phase.HEAD, _Phase.BETWEEN):
            self._head_bytes += size
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
        elif self._phase is _Phase.BODY:
            self._framing_bytes += size - of_body
            if self._framing_bytes > _FRAMING_BYTES + self._body_bytes:
                self._refuse(_framing())

    def _discard(self, data: bytes) -> None:
        self._discarded_bytes += len(data)
        if self._discarded_bytes > _LINGER_BYTES and self._admitted:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _Phase.HEAD
        self._begun += 1
        self._head_bytes = self._header_count = 0
        if self._read_by is inf:
            self._read_by = self.loop.time() + self.edge.limits.head_s

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            self._fail(_head_too_large())
        if self._phase is not _Phase.BODY:  # else a trailer, which no route asks for
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + _SEPARATORS for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            self._fail(_head_too_large())
        if len(self.pipeline) >= MAX_PIPELINED:
            self._fail(MalformedRequest(f"more than {MAX_PIPELINED} requests that wait for their turn"))
        self.scope["state"][KEEP_PLACE] = partial(self.edge.works, self)
        super().on_headers_complete()
        self._phase = _Phase.BODY
        self._body_bytes = self._framing_bytes = self._chunks = 0
        self._start_window()
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers):
            # Nothing is kept of a body that the application does not ask for.
            self.flow.pause_reading()

    def on_chunk_header(self) -> None:
        self._chunks += 1
        if self._chunks > _SMALL_CHUNKS and self._body_bytes < _SMALL_CHUNK_BYTES * self._chunks:
            self._fail(_framing())

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        self._window_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._phase = _Phase.BETWEEN
        self._read_by = inf
        self._head_bytes = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self.edge.waits(self)

    def _start_window(self) -> None:
        self._window_bytes = 0
        self._read_by = self.loop.time() + self.edge.limits.body_s

    # What it does not read

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_writing_window()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_by = inf

    def _start_writing_window(self) -> None:
        self._unsent_bytes = self._pending_bytes()
        self._write_by = self.loop.time() + self.edge.limits.write_s

    def _pending_bytes(self) -> int:
        """What the client has not yet received: with the system's own buffer, which empties in large steps."""
        queued = array("i", [0])
        with suppress(OSError, AttributeError):
            ioctl(self.transport.get_extra_info("socket").fileno(), TIOCOUTQ, queued)
        return self.transport.get_write_buffer_size() + queued[0]

    # Times

    def check(self, now: float) -> None:
        if self._write_by is inf and self.transport.is_closing():
            self._start_writing_window()
        if now >= self._write_by:
            self._check_reader()
        elif now >= self._read_by:
            self._check_sender()

    def _check_reader(self) -> None:
        """Ends the connection of a client that has not read enough of its answer."""
        if self._unsent_bytes - self._pending_bytes() < LEAST_BYTES_PER_S * self.edge.limits.write_s:
            self.edge.note("unread")
            self.abort()
        else:
            self._start_writing_window()

    def _check_sender(self) -> None:
        """Ends the connection of a client that has not sent enough of its request."""
        enough = self._window_bytes >= LEAST_BYTES_PER_S * self.edge.limits.body_s
        if self._phase is _Phase.BODY and (enough or self.flow.read_paused):
            self._start_window()
        elif self._phase is _Phase.DISCARDED:
            self.transport.abort()
        elif self._phase is _Phase.BETWEEN and not self._head_bytes:
            self.edge.note("silent")
            self.transport.close()
        else:
            self.edge.note("slow")
            self._refuse(RequestTimeout("the request did not arrive in time"))

    # Refusals

    def _fail(self, error: PhonoscopeError) -> None:
        """Stops the parser in one of its callbacks; ``send_400_response`` then answers."""
        self._error = error
        raise error

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name is uvicorn's
        self._refuse(self._error or MalformedRequest("this is not HTTP/1.1, or may be read in two ways"))

    def _refuse(self, error: PhonoscopeError) -> None:
        """Answers and closes. A request that arrived whole is answered first, and nothing after it."""
        answer = self._rendered(error)
        in_body, self._phase = self._phase is _Phase.BODY, _Phase.DISCARDED
        running = self._running if self._running is not None and not self._running.response_complete else None
        if running is None:
            self._linger(answer)
        elif running is not self.cycle or not in_body:
            self._read_by = inf
            self.pipeline.clear()
            running.keep_alive = False
            self.transport.pause_reading()
        else:
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.transport.abort()
            else:
                self._linger(answer)

    def _rendered(self, error: PhonoscopeError) -> bytes:
        """A problem as an answer over a connection that closes, which the page that asks may read."""
        response = problem(error, "/")
        response.headers.append(*NO_GUESSING)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Connection"] = "close"
        asked = Headers(raw=self.headers if self._phase in (_Phase.HEAD, _Phase.BODY) else [])
        response.headers.update(self.cross_origin.answer_headers(asked, whole=self._phase is _Phase.BODY))
        if self.cross_origin.varies:
            response.headers.add_vary_header("Origin")
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        return STATUS_LINE[error.status] + head + b"\r\n" + bytes(response.body)

    def _linger(self, answer: bytes) -> None:
        """Reads on for a moment: a socket closed over unread bytes takes the answer with it."""
        self._unset_keepalive_if_required()
        self._read_by = self.loop.time() + _LINGER_S
        self.transport.write(answer)
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _unsupported_upgrade_warning(self) -> None:
        """After a request to speak something else, the client may go on in it: its request is the last."""
        self._phase = _Phase.DISCARDED
        self.cycle.keep_alive = False


def protocol_for(edge: Connections, cross_origin: CrossOrigin) -> type[EdgeProtocol]:
    """The class for the connections of one server."""
    return type("EdgeProtocol", (EdgeProtocol,), {"edge": edge, "cross_origin": cross_origin})


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"a request's head may have {MAX_HEAD_BYTES:,} bytes and {MAX_HEADERS} headers")


def _framing() -> MalformedRequest:
    return MalformedRequest("the body's chunks have more framing than content")
