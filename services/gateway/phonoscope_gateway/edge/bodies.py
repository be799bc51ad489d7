"""A request's body on its way from the server to the application."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from phonoscope.errors import MalformedRequest
from phonoscope_gateway.edge.access import BodyLimit

_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_DRAIN_S = 2.0
_DRAIN_BYTES = 1 << 20


class RequestBody:
    """A request's body, never larger than its limit.

    Raises ``MalformedRequest`` when the headers do not say in one way where it ends.
    """

    def __init__(self, headers: Headers, limit: BodyLimit, receive: Receive) -> None:
        self._limit = limit
        self._receive = receive
        self._length = _declared(headers)
        self._taken = 0
        self._whole: bytes | None = None
        self._awaited = headers.get("expect", "").lower() == "100-continue"
        self.unread = self._length is None or self._length > 0
        """Whether a part of it is still to come."""

    def check_length(self) -> None:
        """Raises ``BodyTooLarge`` or ``UploadTooLarge`` by what the headers say alone."""
        if self._length is not None and self._length > self._limit.max_bytes:
            raise self._limit.exceeded()

    async def take(self) -> None:
        """Reads a small body whole, so that no route waits for a slow client; a form is left to its route.

        Raises:
            BodyTooLarge: there is more than the limit.
            ClientDisconnect: the client left.
        """
        if not self.unread or self._limit.streams:
            return
        whole, more = bytearray(), True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            whole += message.get("body", b"")
            more = message.get("more_body", False)
        self._whole = bytes(whole)

    async def receive(self) -> Message:
        """The next message for the application. Raises as ``check_length`` does once there is more than the limit."""
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return {"type": "http.request", "body": whole, "more_body": False}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.unread = False
            return message
        self._awaited = False
        self._taken += len(message.get("body", b""))
        self.unread = message.get("more_body", False)
        if self._taken > self._limit.max_bytes:
            raise self._limit.exceeded()
        return message

    async def drain(self) -> None:
        """Reads on for a moment after the answer: a socket closed over unread bytes takes the answer with it."""
        if self._awaited:
            return
        drained = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while self.unread and drained < _DRAIN_BYTES:
                    message = await self._receive()
                    drained += len(message.get("body", b""))
                    self.unread = message.get("more_body", False)


def _declared(headers: Headers) -> int | None:
    """The body's length in bytes as the headers say it; ``None`` when it comes in chunks."""
    lengths, encodings = headers.getlist("content-length"), headers.getlist("transfer-encoding")
    if len(lengths) + len(encodings) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise MalformedRequest("the headers must say once where the body ends: Content-Length or Transfer-Encoding")
    if encodings and encodings[0].lower() != "chunked":
        raise MalformedRequest("the one Transfer-Encoding that this service reads is chunked")
    return None if encodings else int(lengths[0]) if lengths else 0
