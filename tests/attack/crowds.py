"""Many connections at once that take their time, and senders that have no end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from threading import Event, Thread

_EACH_ADDRESS = 800
"""Connections of one address: fewer than the gateway lets it have."""
_DRIP_EVERY_S = 0.5
_WAIT_S = 10.0
_PIECE = b"a" * (1 << 20)
_HOST = b"Host: localhost\r\n"
_HEAD = b"GET /health/live HTTP/1.1\r\n" + _HOST + b"X-Slow: "
_KEYLESS = ("/openapi.json", "/docs", "/", "/health/ready")
_AT_ONCE = 16
"""Requests that the gateway takes before the first is answered."""


@contextmanager
def slow_clients(port: int, count: int, key: str) -> Iterator[None]:
    """So many clients that send a head or a body byte by byte, or read no answer, until the end."""
    body = b"POST /v1/webhooks HTTP/1.1\r\n" + _HOST + b"Authorization: Bearer " + key.encode()
    body += b"\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n"
    unread = (f"GET {path} HTTP/1.1\r\n".encode() + _HOST + b"\r\n" for path in _KEYLESS)
    kinds = [kind for request in unread for kind in (_HEAD, body, request * _AT_ONCE)]
    stop = Event()
    with _connections(port, count, network=2) as crowd:
        for number, client in enumerate(crowd):
            with suppress(OSError):
                client.sendall(kinds[number % len(kinds)])
        drips = [client for number, client in enumerate(crowd) if number % 3 < 2]
        thread = Thread(target=_drip, args=(drips, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def idle_clients(port: int, count: int) -> Iterator[None]:
    """So many connections on which nothing is ever sent."""
    with _connections(port, count, network=3):
        yield


def send_without_end(port: int, head: bytes, size: int) -> bytes:
    """Sends a head and so many bytes after it, or as many as are taken. What was answered, if anything."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_WAIT_S) as client:
        with suppress(OSError):
            client.sendall(head)
            for piece in repeat(_PIECE, size // len(_PIECE)):
                client.sendall(piece)
        return _first(client)
    return b""


def endless_lines() -> Iterator[tuple[str, bytes]]:
    """Heads that go on and on: their request line, a header, or their query."""
    yield "a request line", b"GET /"
    yield "a query", b"GET /v1/tracks?limit="
    yield "a header", b"GET /v1/tracks HTTP/1.1\r\n" + _HOST + b"X-Long: "


def endless_bodies(routes: Iterator[tuple[str, str]], size: int, key: str) -> Iterator[tuple[str, bytes]]:
    """Heads of bodies in JSON, announced or in one chunk of this size, with and without a key."""
    lengths = (b"Content-Length: %d\r\n\r\n" % size, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
    for method, path in routes:
        line = f"{method} {path} HTTP/1.1\r\n".encode() + _HOST + b"Content-Type: application/json\r\n"
        for length in lengths:
            yield f"{method} {path}", line + length
            yield f"{method} {path} with a key", line + b"Authorization: Bearer " + key.encode() + b"\r\n" + length


@contextmanager
def _connections(port: int, count: int, network: int) -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    try:
        for number in range(count):
            source = (f"127.0.{network}.{1 + number // _EACH_ADDRESS}", 0)
            with suppress(OSError):
                opened.append(socket.create_connection(("127.0.0.1", port), _WAIT_S, source_address=source))
        yield opened
    finally:
        for client in opened:
            client.close()


def _drip(clients: list[socket.socket], stop: Event) -> None:
    while not stop.wait(_DRIP_EVERY_S):
        for client in clients:
            with suppress(OSError):
                client.send(b"a", socket.MSG_DONTWAIT)


def _first(client: socket.socket) -> bytes:
    with suppress(OSError):
        return client.recv(1 << 16)
    return b""
