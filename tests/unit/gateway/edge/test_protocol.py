"""What no client can do: hold a connection, fill the memory, or be understood in two ways."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from time import monotonic, sleep

import pytest

from phonoscope.addresses import Allowed
from tests.unit.gateway.edge.conftest import BIG, Serve
from tests.unit.gateway.edge.raw import GET, Door, read_answer

CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"


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


@pytest.mark.parametrize(
    ("start", "drip"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"GET /li", b"a"),
        (b"GET /live HTTP/1.1\r\nHost: x\r\n", b"a"),
        (GET + b"GET /li", b"a"),
        (GET + b"\r\n", b"\r\n"),
    ],
    ids=["nothing", "empty lines", "line", "head", "second head", "empty lines after one"],
)
def test_a_head_has_its_time(serve: Serve, start: bytes, drip: bytes) -> None:
    """However slowly it comes, byte by byte."""
    with serve() as door, door.connect() as client:
        begun = monotonic()
        client.sendall(start)
        client.settimeout(0.2)
        closed = False
        while not closed and monotonic() - begun < 20.0:
            try:
                closed = not client.recv(1 << 16)
            except TimeoutError:
                pass
            except ConnectionError:
                closed = True
            with suppress(OSError):
                client.send(drip)
        assert 0.8 < monotonic() - begun < 15.0


def test_a_body_has_its_time(serve: Serve) -> None:
    """A byte now and then is not enough; the client is told, and an upload that goes on is let be."""
    with serve() as door, door.connect() as client:
        client.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        client.settimeout(0.2)
        begun = monotonic()
        while monotonic() - begun < 20.0:
            with suppress(TimeoutError):
                if client.recv(1, socket.MSG_PEEK):
                    break
            client.send(b"a")
        answer = read_answer(client)
        assert (answer.status, answer.problem["code"]) == (408, "request_timeout")
    with serve() as door, door.connect() as client:
        client.sendall(POST + b"Connection: close\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(20):
            sleep(0.15)
            client.sendall(bytes(1000))
        assert read_answer(client).status == 200


def test_an_answer_that_nobody_reads_is_broken_off(serve: Serve) -> None:
    """Also when the connection is to close after it; whoever reads on gets the whole."""
    for request in (CLOSING, GET):
        with serve() as door, door.connect() as client:
            client.sendall(request.replace(b"/live", b"/big"))
            _until_empty(door)
        with serve() as door, door.connect() as client:
            client.sendall(CLOSING.replace(b"/live", b"/big"))
            sleep(0.5)
            assert len(read_answer(client).content) > BIG


def test_answers_that_nobody_reads_are_broken_off(serve: Serve) -> None:
    """Many small ones fill the buffers too."""
    with serve() as door, door.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.settimeout(5.0)
        with suppress(OSError):
            while True:
                client.sendall(GET * 8)
        _until_empty(door)


def _until_empty(door: Door) -> None:
    deadline = monotonic() + 20.0
    while not len(door.edge) and monotonic() < deadline:
        sleep(0.01)
    while len(door.edge) and monotonic() < deadline:
        sleep(0.05)
    assert not len(door.edge)


def test_a_long_answer_takes_its_time(serve: Serve) -> None:
    """The client sent all that it had to, and may wait longer than any of the limits."""
    with serve() as door:
        answer = door.ask(CLOSING.replace(b"/live", b"/slow"))
        assert (answer.status, answer.seconds > 2.0) == (200, True)


def test_an_address_has_so_many_connections(serve: Serve) -> None:
    """One more is told so and closed; others are let in, and so is that one once there is room."""
    with serve(per_address=3, head_s=60.0) as door, ExitStack() as opened:
        held = [opened.enter_context(door.connect()) for _ in range(3)]
        for client in held:
            client.sendall(GET)
            assert client.recv(1 << 16)
        answer = door.ask(b"")
        assert (answer.status, answer.problem["code"]) == (429, "too_many_requests")
        assert door.ask(CLOSING, "127.0.0.2").status == 200
        held.pop().close()
        for _ in range(100):
            if door.ask(CLOSING).status == 200:
                break
            sleep(0.05)
        else:
            pytest.fail("the place was not given back")


def test_a_proxy_has_any_number(serve: Serve) -> None:
    """Many clients come from its address."""
    with serve(per_address=1, proxies=Allowed.parse("127.0.0.0/30")) as door, ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(door.connect())
        assert door.ask(CLOSING).status == 200


def test_idle_connections_make_room(serve: Serve) -> None:
    """The one that has waited longest is closed when a new one comes; one with a key that is being answered is not."""
    with serve(most=20, head_s=60.0) as door, ExitStack() as opened:
        working = opened.enter_context(door.connect())
        working.sendall(CLOSING.replace(b"/live", b"/kept"))
        sleep(0.3)
        for _ in range(60):
            opened.enter_context(door.connect())
            assert door.ask(CLOSING, "127.0.0.2").status == 200
        assert len(door.edge) <= 20
        assert read_answer(working).status == 200


def test_strangers_who_take_their_time_make_room(serve: Serve) -> None:
    """An answer that is read slowly, or comes late, holds no place against somebody new, unless it is for a key."""
    with serve(most=10, write_s=60.0) as door, ExitStack() as opened:
        for number in range(10):
            path = b"/big" if number % 2 else b"/slow"
            opened.enter_context(door.connect()).sendall(GET.replace(b"/live", path))
        sleep(0.5)
        for _ in range(20):
            assert door.ask(CLOSING, "127.0.0.2").status == 200


def test_where_all_work_another_is_refused(serve: Serve) -> None:
    """503 that says when to come again."""
    with serve(most=3) as door, ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(door.connect()).sendall(CLOSING.replace(b"/live", b"/kept"))
        sleep(0.5)
        answer = door.ask(b"")
        assert (answer.status, answer.problem["code"]) == (503, "overloaded")
        assert b"retry-after: 2" in answer.content.lower()


def test_slow_clients_stop_nobody(serve: Serve) -> None:
    """Sixty at a time that send a head, a body or nothing; another client is answered at once."""
    with serve(head_s=3.0, body_s=3.0) as door, ExitStack() as opened:
        for start in (b"", b"GET /li", POST + b"Content-Length: 100\r\n\r\na"):
            for _ in range(20):
                opened.enter_context(door.connect("127.0.0.3")).sendall(start)
        waits = []
        for _ in range(50):
            begun = monotonic()
            assert door.ask(CLOSING).status == 200
            waits.append(monotonic() - begun)
        assert sorted(waits)[25] < 0.5
        _until_empty(door)


def test_the_body_of_an_answered_request_is_not_kept(serve: Serve) -> None:
    """A client without a key that goes on sending is read from for a moment, then let go."""
    head = b"POST /v1/tracks HTTP/1.1\r\nHost: x\r\nContent-Length: 400000000\r\nContent-Type: application/json\r\n\r\n"
    with serve() as door, door.connect() as client:
        client.sendall(head)
        stopped = threading.Event()

        def push() -> None:
            with suppress(OSError):
                while not stopped.is_set():
                    client.sendall(bytes(1 << 16))

        pushing = threading.Thread(target=push)
        pushing.start()
        answer = client.recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 401")
        _until_empty(door)
        stopped.set()
        pushing.join(20)
