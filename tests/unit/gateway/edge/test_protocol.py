"""What no client can do: hold a connection, fill the memory, or be understood in two ways."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from tests.unit.gateway.edge.conftest import Serve
from tests.unit.gateway.edge.raw import CLOSING, GET, POST, Door, read_answer


def problem_of(door: Door, content: bytes) -> tuple[int, str]:
    answer = door.ask(content)
    assert b"application/problem+json" in answer.content, answer.content
    assert b"connection: close" in answer.content.lower()
    return answer.status, answer.problem["code"]


def test_requests_are_answered_as_ever(serve: Serve) -> None:
    """One after the other, several at once, and in chunks."""
    with serve() as door:
        answer = door.ask(GET * 5 + CLOSING)
        assert answer.content.count(b'{"status":"live"}') == 6
        chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        assert b'"bytes":5' in door.ask(POST + chunked).content
        form = b"POST /v1/tracks HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data\r\n"
        assert door.ask(form + b"Content-Length: 300000\r\n\r\n" + bytes(300_000)).status == 401


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"X-Long: 123456789012345678901234567890\r\n" * 2_000 + b"\r\n",
        b"GET /live HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 101 + b"\r\n",
    ],
)
def test_a_head_that_is_too_large_is_refused(serve: Serve, head: bytes) -> None:
    """Its line, one header, many headers, more headers than anybody needs."""
    with serve() as door:
        assert problem_of(door, head) == (431, "head_too_large")


STUDIO = b"https://studio.example"
TOO_LARGE = b"X: " + b"a" * 70_000 + b"\r\n\r\n"
LINE = b"GET /live HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (431, LINE + b"Origin: " + STUDIO + b"\r\n" + TOO_LARGE),
        (431, LINE + TOO_LARGE),
        (431, LINE + b"Origin: " + STUDIO + b"\r\n" + b"a:\r\n" * 101 + b"\r\n"),
        (408, LINE + b"Origin: " + STUDIO + b"\r\n"),
        (408, LINE),
        (408, b"GET /li"),
        (400, LINE + b"Origin: " + STUDIO + b"\r\nContent-Length: five\r\n\r\n"),
        (400, b"nonsense\r\n\r\n"),
        (408, b"POST /echo HTTP/1.1\r\nHost: x\r\nOrigin: " + STUDIO + b"\r\nContent-Length: 9\r\n\r\nabc"),
    ],
)
@pytest.mark.parametrize("origins", ["*", STUDIO.decode()])
def test_a_listed_origin_reads_refusals_of_half_a_request(
    serve: Serve, origins: str, status: int, content: bytes
) -> None:
    """Before its head, or its body, has come; whether or not its ``Origin`` has."""
    with serve(origins) as door:
        answer = door.ask(content)
        assert answer.status == status
        allowed = f"access-control-allow-origin: {origins}\r\n".encode()
        assert allowed in answer.content.lower()
        assert (b"vary: origin" in answer.content.lower()) == (origins != "*")


@pytest.mark.parametrize(
    ("origins", "content"),
    [
        ("", LINE + b"Origin: " + STUDIO + b"\r\n" + TOO_LARGE),
        (STUDIO.decode(), LINE + b"Origin: https://other.example\r\n" + b"a:\r\n" * 101 + b"\r\n"),
        (f"{STUDIO.decode()},https://second.example", LINE + TOO_LARGE),
    ],
)
def test_no_other_origin_reads_them(serve: Serve, origins: str, content: bytes) -> None:
    """None is listed, another one asks, or it is not known which of several does."""
    with serve(origins) as door:
        answer = door.ask(content)
        assert answer.status == 431
        assert b"access-control-allow-origin" not in answer.content.lower()


@pytest.mark.parametrize("start", [b"GET /", b"GET /live HTTP/1.1\r\nX: ", b"", b"GET /live HTTP/1.1\r\n"])
def test_a_head_without_an_end_is_cut_off(serve: Serve, start: bytes) -> None:
    """After little more than it may have, whatever it goes on with; the answer arrives all the same."""
    filling = {b"": b"\r\n" * 5_000, b"GET /live HTTP/1.1\r\n": b"a:\r\n" * 2_500}.get(start, b"a" * 10_000)
    with serve() as door, door.connect() as client:
        client.sendall(start)
        sent = 0
        with suppress(ConnectionError):
            while sent < 100_000_000:
                sent += client.send(filling)
        assert sent < 16 << 20
        assert read_answer(client).status in {0, 431}


def test_a_head_of_just_the_limit_is_taken(serve: Serve) -> None:
    """60 kB of cookies are still a request."""
    with serve() as door:
        assert door.ask(CLOSING[:-2] + b"Cookie: " + b"a" * 60_000 + b"\r\n\r\n").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /live HTTP/1.1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        b"Content-Length: 5, 5\r\n\r\nabcde",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: five\r\n\r\n",
        b"Content-Length: +5\r\n\r\nabcde",
        b"Content-Length: 0x5\r\n\r\nabcde",
        b"Content-Length:\r\n\r\n",
        b"Content-Length: 999999999999999999999999\r\n\r\n",
        b"Content-Length : 5\r\n\r\nabcde",
        b"Content-Length: 5\nX: y\r\n\r\nabcde",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        b"X: a\x00b\r\n\r\n",
        b"X: a\r\n b\r\n\r\n",
        b" X: a\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(serve: Serve, headers: bytes) -> None:
    """400, once, and nothing that follows is taken for a request of its own."""
    with serve() as door:
        answer = door.ask(POST + headers)
        assert answer.content.count(b"HTTP/1.1 ") == 1, answer.content
        assert (answer.status, answer.problem["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"CONNECT evil.test:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"get /live HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 100,
    ],
)
def test_what_is_no_request_is_refused(serve: Serve, content: bytes) -> None:
    """Never a 500, and never another's traffic."""
    with serve() as door, door.connect() as client:
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        assert read_answer(client).status in {400, 404, 405}


def test_trailers_are_not_headers(serve: Serve) -> None:
    """What comes after the body changes nothing that was decided before it."""
    body = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    with serve() as door:
        answer = door.ask(POST + body)
        assert answer.status == 200
        assert b"authorization" not in answer.content


@pytest.mark.parametrize("framing", [b"1;" + b"x" * 60_000 + b"\r\na\r\n", b"0\r\n" + b"X: y\r\n" * 20_000])
def test_chunks_are_mostly_content(serve: Serve, framing: bytes) -> None:
    """Extensions and trailers without an end are cut off, although they are no body and have no limit of their own."""
    with serve(body_s=30.0) as door, door.connect() as client:
        client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with suppress(ConnectionError):
            while sent < 50_000_000:
                sent += client.send(framing if sent == 0 or framing.startswith(b"1") else framing[3:])
        assert sent < 16 << 20


@pytest.mark.parametrize(
    ("size", "count", "status"), [(1, 1_000, 200), (100, 2_500, 200), (1, 5_000, 400), (30, 5_000, 400)]
)
def test_many_small_chunks_are_refused(serve: Serve, size: int, count: int, status: int) -> None:
    """Each costs as much as a large one: a few thousand are enough for a body of a few kilobytes."""
    chunk = b"%x\r\n%s\r\n" % (size, b"a" * size)
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve(body_s=60.0) as door:
        assert door.ask(head + chunk * count + b"0\r\n\r\n").status == status


def test_too_many_requests_at_once_are_not_kept(serve: Serve) -> None:
    """Of thousands that are sent without waiting, the connection serves the one that it was at."""
    with serve() as door:
        answer = door.ask(GET.replace(b"/live", b"/slow") + GET * 5_000)
        assert answer.content.count(b"HTTP/1.1 200") == 1


def test_another_protocol_is_not_spoken(serve: Serve) -> None:
    """A request to change it is answered as any other, and is the last."""
    upgrade = b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with serve() as door:
        answer = door.ask(upgrade + b"\x81\x05hello" * 10)
        assert answer.status == 200
        assert answer.content.count(b"HTTP/1.1 ") == 1
