"""Clients that take their time, and those that are many, by bare sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep

import pytest

from phonoscope.addresses import Allowed
from tests.unit.gateway.edge.conftest import BIG, Serve
from tests.unit.gateway.edge.raw import CLOSING, GET, POST, Door, read_answer

pytestmark = pytest.mark.long


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
    with serve() as door, _begun(door) as (client, begun):
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
    with serve(body_s=4.0) as door, door.connect() as client:
        client.sendall(POST + b"Connection: close\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(20):
            sleep(0.3)
            client.sendall(bytes(1000))
        assert read_answer(client).status == 200


def test_an_answer_that_nobody_reads_is_broken_off(serve: Serve) -> None:
    """Also when the connection is to close after it; whoever reads on gets the whole."""
    for request in (CLOSING, GET):
        with serve() as door, door.connect() as client:
            client.sendall(request.replace(b"/live", b"/big"))
            _until_empty(door)
        with serve(write_s=20.0) as door, door.connect() as client:
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


@contextmanager
def _begun(door: Door) -> Iterator[tuple[socket.socket, float]]:
    """A connection, and a moment before the server has it."""
    before = monotonic()
    with door.connect() as client:
        yield client, before


def _until_kept(door: Door, count: int) -> None:
    deadline = monotonic() + 60.0
    while len(door.kept) < count and monotonic() < deadline:
        sleep(0.01)
    assert len(door.kept) == count


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
        begun = monotonic()
        assert door.ask(CLOSING.replace(b"/live", b"/slow")).status == 200
        assert monotonic() - begun > 2.0


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
        _until_kept(door, 1)
        for _ in range(60):
            opened.enter_context(door.connect())
            assert door.ask(CLOSING, "127.0.0.2").status == 200
        assert len(door.edge) <= 20
        door.go_on.set()
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
    with serve(most=3, head_s=60.0) as door, ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(door.connect()).sendall(CLOSING.replace(b"/live", b"/kept"))
        _until_kept(door, 3)
        answer = door.ask(b"")
        door.go_on.set()
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
