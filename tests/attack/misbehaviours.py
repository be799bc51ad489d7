"""Clients that do not speak HTTP as they should, over raw sockets."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_LONGEST_WAIT_S = 3.0
SERVER_FAULT = re.compile(rb"HTTP/1\.[01] 5\d\d")
_HOST = b"Host: localhost\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_JSON = b"Content-Type: application/json\r\n"


@dataclass(frozen=True)
class Misbehaviour:
    """What a client sends, in pieces with a pause between them, and how it goes."""

    name: str
    pieces: tuple[bytes, ...]
    pause_s: float = 0.0
    half_closed: bool = False
    reads: bool = True
    resets: bool = False


def misbehaviours() -> Iterator[Misbehaviour]:
    """About sixty of them."""
    for name, piece in _heads().items():
        yield Misbehaviour(name, (piece,))
    for name, head, body in _bodies():
        yield Misbehaviour(name, (b"POST /v1/webhooks HTTP/1.1\r\n" + _HOST + _JSON + head + b"\r\n", body))
    get = b"GET /health/live HTTP/1.1\r\n" + _HOST
    yield Misbehaviour("slow head", tuple(bytes([byte]) for byte in get[:40]), pause_s=0.05)
    yield Misbehaviour("slow body", (_post(1000), *([b"x"] * 40)), pause_s=0.05)
    yield Misbehaviour("half-closed at once", (b"",), half_closed=True)
    yield Misbehaviour("half-closed in the head", (get[:20],), half_closed=True)
    yield Misbehaviour("half-closed in the body", (_post(1000), b"{"), half_closed=True)
    yield Misbehaviour("half-closed after a request", (get + b"\r\n",), half_closed=True)
    yield Misbehaviour("reset in the head", (get[:20],), resets=True, reads=False)
    yield Misbehaviour("reset in the body", (_post(1000), b"{"), resets=True, reads=False)
    yield Misbehaviour("reset after a request", (get + b"\r\n",), resets=True, reads=False)
    yield Misbehaviour("a hundred at once, none read", ((get + b"\r\n") * 100,), reads=False)
    yield Misbehaviour(
        "a large answer, unread", (b"GET /v1/openapi.json HTTP/1.1\r\n" + _HOST + b"\r\n",) * 20, reads=False
    )
    yield Misbehaviour("a hundred at once", ((get + b"\r\n") * 100,))
    yield Misbehaviour("an upload that stops", (_upload(), b"R" * 100_000), reads=False, resets=True)
    yield Misbehaviour("an upload without its end", (_upload(), b"--x\r\n" + b"y" * 70_000), half_closed=True)


def misbehave(port: int, how: Misbehaviour) -> bool:
    """Does it; false when the answer, if there is one, is a fault of the server."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_WAIT_S) as client:
        with suppress(OSError):
            for piece in how.pieces:
                client.sendall(piece)
                time.sleep(how.pause_s)
            if how.half_closed:
                client.shutdown(socket.SHUT_WR)
        if how.resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return not how.reads or not SERVER_FAULT.search(_answer(client))
    return True


def tls_hello(port: int) -> None:
    """A client that takes the server for one that speaks TLS."""
    context = ssl.create_default_context()
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_LONGEST_WAIT_S) as client:
        context.wrap_socket(client, server_hostname="localhost").close()


def _answer(client: socket.socket) -> bytes:
    answer = b""
    with suppress(OSError):
        while len(answer) < 1 << 20 and (piece := client.recv(1 << 16)):
            answer += piece
    return answer


def _heads() -> dict[str, bytes]:
    end = b"\r\n\r\n"
    get = b"GET /health/live HTTP/1.1\r\n"
    return {
        "nothing but line ends": b"\r\n" * 10_000,
        "zeros": bytes(10_000),
        "binary": bytes(range(256)) * 40,
        "a TLS record": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50),
        "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
        "Redis": b"*1\r\n$4\r\nPING\r\n",
        "no version": b"GET /\r\n\r\n",
        "HTTP/0.9": b"GET / HTTP/0.9" + end,
        "HTTP/3": b"GET / HTTP/3.0" + end,
        "HTTP/1.1.1": b"GET / HTTP/1.1.1" + end,
        "no path": b"GET HTTP/1.1" + end,
        "an absolute path": b"GET http://169.254.169.254/latest HTTP/1.1\r\n" + _HOST + end[2:],
        "CONNECT": b"CONNECT 127.0.0.1:5432 HTTP/1.1\r\n" + _HOST + end[2:],
        "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + _HOST + end[2:],
        "an unknown method": b"FROBNICATE / HTTP/1.1\r\n" + _HOST + end[2:],
        "a long method": b"G" * 100_000 + b" / HTTP/1.1" + end,
        "a long path": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1" + end,
        "a long header": get + b"X: " + b"a" * 1_000_000 + end,
        "many headers": get + _HOST + b"X: a\r\n" * 50_000 + end[2:],
        "a header without an end": get + b"X: " + b"a" * 200_000,
        "a header without a colon": get + b"X" + end,
        "a header without a name": get + b": x" + end,
        "a folded header": get + _HOST + b"X: a\r\n b" + end,
        "a header with zeros": get + b"X: \0" + end,
        "a header in Latin-1": get + _HOST + b"Authorization: Bearer \xe9\xff" + end,
        "a space before the colon": get + b"Host : 127.0.0.1" + end,
        "no host": get + end[2:],
        "two hosts": get + _HOST + _HOST + end[2:],
        "a foreign host": get + b"Host: evil.example" + end,
        "line feeds only": b"GET /health/live HTTP/1.1\nHost: 127.0.0.1\n\n",
        "carriage returns only": b"GET /health/live HTTP/1.1\rHost: 127.0.0.1\r\r",
        "a bad percent": b"GET /v1/tracks/%zz%00%ff HTTP/1.1\r\n" + _HOST + end[2:],
        "dots": b"GET /../../../../etc/passwd HTTP/1.1\r\n" + _HOST + end[2:],
        "encoded dots": b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + _HOST + end[2:],
        "an upgrade": get + _HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x" + end,
        "an upgrade to h2c": get
        + _HOST
        + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x"
        + end,
    }


def _bodies() -> Iterator[tuple[str, bytes, bytes]]:
    smuggled = b"0\r\n\r\nGET /v1/webhooks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    yield "two lengths", b"Content-Length: 2\r\nContent-Length: 50\r\n", smuggled
    yield "a list of lengths", b"Content-Length: 2, 50\r\n", smuggled
    yield "a length and chunks", b"Content-Length: 4\r\n" + _CHUNKED, smuggled
    yield "chunks twice", _CHUNKED + _CHUNKED, smuggled
    yield "chunks and something else", b"Transfer-Encoding: chunked, identity\r\n", smuggled
    yield "obscured chunks", b"Transfer-Encoding: xchunked\r\n", smuggled
    yield "a negative length", b"Content-Length: -1\r\n", b"{}"
    yield "a signed length", b"Content-Length: +2\r\n", b"{}"
    yield "a hexadecimal length", b"Content-Length: 0x2\r\n", b"{}"
    yield "a huge length", b"Content-Length: 99999999999999999999999\r\n", b"{}"
    yield "400 MB announced", b"Content-Length: 400000000\r\n", b"{" * 1_000_000
    yield "a bad chunk size", _CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"
    yield "a negative chunk size", _CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"
    yield "a huge chunk size", _CHUNKED, b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"
    yield "a long chunk extension", _CHUNKED, b"2;" + b"a" * 200_000 + b"\r\n{}\r\n0\r\n\r\n"
    yield "a chunk without its end", _CHUNKED, b"2\r\n{}0\r\n\r\n"
    yield "one-byte chunks", _CHUNKED, b"1\r\n{\r\n" * 100_000 + b"0\r\n\r\n"
    yield "long trailers", _CHUNKED, b"2\r\n{}\r\n0\r\n" + b"X: a\r\n" * 50_000 + b"\r\n"
    yield "expects to continue", b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"{}"
    yield "more than announced", b"Content-Length: 2\r\n", b"{}" * 100_000


def _post(length: int) -> bytes:
    return b"POST /v1/webhooks HTTP/1.1\r\n" + _HOST + _JSON + b"Content-Length: %d\r\n\r\n" % length


def _upload() -> bytes:
    form = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000000\r\n\r\n--x\r\n"
    part = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return b"POST /v1/tracks HTTP/1.1\r\n" + _HOST + form + part
