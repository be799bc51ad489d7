"""Clients that write bytes as they please."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from phonoscope_gateway.edge.connections import Connections

GET = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


@dataclass(frozen=True)
class Door:
    """Where a server listens, its connections, and the requests as if for a key, which wait until they may go on."""

    port: int
    edge: Connections
    kept: list[str] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)

    def connect(self, source: str = "127.0.0.1", timeout_s: float = 30.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout_s, (source, 0))

    def ask(self, content: bytes, source: str = "127.0.0.1") -> Answer:
        """Sends these bytes and reads until the server closes."""
        with self.connect(source) as client:
            with suppress(OSError):
                client.sendall(content)
            return read_answer(client)


@dataclass(frozen=True)
class Answer:
    """All that came."""

    content: bytes

    @property
    def status(self) -> int:
        return int(self.content.split(b" ", 2)[1]) if self.content else 0

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content.partition(b"\r\n\r\n")[2])
        return found


def read_answer(client: socket.socket) -> Answer:
    """Reads until the other side closes, or breaks off."""
    content = bytearray()
    with suppress(ConnectionError):
        while piece := client.recv(1 << 16):
            content += piece
    return Answer(bytes(content))
