"""The object store's client against servers that misbehave; against a real one see ``tests/integration``."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest

from phonoscope.errors import NotFound, StoreUnavailable
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore, transport
from phonoscope_gateway.openapi import nowhere
from tests.peers import certificate, listening, respond

_XML = "application/xml"


class Server:
    """Gives each request the next of some answers, and the last of them again and again; ``None`` is silence."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.splitlines()[0])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.sleep(3600)
            return
        writer.write(answer)
        await writer.drain()


def at(url: str, public: str = "") -> Settings:
    """Settings whose object store is there."""
    return nowhere().model_copy(update={"s3_endpoint_url": url, "s3_public_endpoint_url": public})


def ask(server: Server, call: Callable[[ObjectStore], object], trust: ssl.SSLContext | None = None) -> object:
    """What a call gives while the server runs."""

    async def scenario() -> object:
        async with listening(server, trust=trust) as port:
            store = ObjectStore(at(f"{'https' if trust else 'http'}://127.0.0.1:{port}"))
            return await asyncio.to_thread(call, store)

    return asyncio.run(scenario())


def everything(store: ObjectStore) -> list[Callable[[], object]]:
    """Each request that the client makes."""
    return [
        store.ping,
        store.ensure_bucket,
        lambda: store.put("a", io.BytesIO(b"a"), "audio/wav"),
        lambda: store.put("a", io.BytesIO(bytes(9 << 20)), "audio/wav"),
        lambda: store.read("a", 0, 1),
        lambda: store.fetch("a", io.BytesIO()),
        lambda: store.delete(["a"]),
        store.keys,
    ]


def error(status: int, code: str) -> bytes:
    return respond(status, f"<Error><Code>{code}</Code></Error>".encode(), Content_Type=_XML)


def test_a_store_that_is_away_is_told_at_once() -> None:
    """Where nobody listens, every request fails within a second."""
    started = monotonic()
    for call in everything(ObjectStore(at("http://127.0.0.1:1"))):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            call()
    assert monotonic() - started < 6.0


def test_a_server_that_says_nothing_is_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt ends with the time for reading."""
    monkeypatch.setattr(transport, "_READ_S", 0.2)
    for number in range(len(everything(ObjectStore(at("http://127.0.0.1:1"))))):
        server, started = Server(None), monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            ask(server, lambda store, number=number: everything(store)[number]())  # type: ignore[misc]
        assert len(server.asked) == 2
        assert monotonic() - started < 15.0


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """A port at which no connection comes about: those that wait to be accepted are as many as may."""
    with ExitStack() as kept:
        listener = kept.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = kept.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_server_that_takes_no_connection_is_tried_twice(full_backlog: int) -> None:
    """Two seconds for each attempt."""
    started = monotonic()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        ObjectStore(at(f"http://127.0.0.1:{full_backlog}")).ping()
    assert 3.9 < monotonic() - started < 20.0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_once_is_asked_again(status: int) -> None:
    """At once, whatever pause it asks for."""
    server, started = Server(respond(status, Retry_After="60"), respond(200)), monotonic()
    ask(server, lambda store: store.ping())
    assert server.asked == ["HEAD /phonoscope HTTP/1.1"] * 2
    assert monotonic() - started < 15.0


def test_a_server_that_fails_is_asked_twice() -> None:
    """Then its own reason is told."""
    server = Server(error(503, "SlowDown"))
    with pytest.raises(StoreUnavailable, match="refused: SlowDown"):
        ask(server, lambda store: store.read("a", 0, 1))
    assert len(server.asked) == 2


def test_erasing_is_asked_again_too() -> None:
    """It is a POST, which an HTTP client does not repeat unless it is told that it may."""
    done = respond(200, b"<DeleteResult/>", Content_Type=_XML)
    server = Server(b"", done)
    ask(server, lambda store: store.delete(["a"]))
    assert server.asked == ["POST /phonoscope?delete= HTTP/1.1"] * 2


def test_a_body_that_breaks_off_is_an_error() -> None:
    """What came before is given, and then the end is not taken for the object's."""
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"

    def read(store: ObjectStore) -> None:
        stored = store.read("a", 0, 100)
        assert stored.length == 100
        with pytest.raises(StoreUnavailable, match="does not answer"):
            list(stored.chunks)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.fetch("a", io.BytesIO())

    ask(Server(broken), read)


def test_a_disk_that_is_full_is_not_the_store_s_fault() -> None:
    """What goes wrong with the file that is written stays what it is."""

    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        ask(Server(respond(200, b"0123456789")), lambda store: store.fetch("a", Full()))


@pytest.mark.parametrize(
    "said",
    [
        respond(502, b"<html>Bad gateway</html>", Content_Type="text/html"),
        respond(200, b"<html><br></html>", Content_Type="text/html"),
        respond(403, b"\xff\xfe", Content_Type="text/html"),
        respond(401),
        respond(301, x_amz_bucket_region="eu-west-1", Location="http://127.0.0.1:1/"),
    ],
)
def test_what_is_no_s3_server_is_unavailable(said: bytes) -> None:
    """A proxy on the way, a sign-in page, a store elsewhere: no redirect is followed."""
    with pytest.raises(StoreUnavailable, match="not that of an S3 server"):
        ask(Server(said), lambda store: store.keys("a"))


@pytest.mark.parametrize("media_type", [_XML, "text/xml; charset=utf-8"])
def test_an_error_is_read_whatever_xml_is_called(media_type: str) -> None:
    """Servers use both names."""
    missing = respond(404, b"<Error><Code>NoSuchKey</Code></Error>", Content_Type=media_type)
    with pytest.raises(NotFound, match="no object 'a'"):
        ask(Server(missing), lambda store: store.read("a", 0, 1))


def test_what_remains_after_erasing_is_told() -> None:
    """How many of how many, and why."""
    said = b"<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    with pytest.raises(StoreUnavailable, match=r"1 of 3 objects remain: .* refused the credentials: AccessDenied"):
        ask(Server(respond(200, said, Content_Type=_XML)), lambda store: store.delete(["a", "b", "c"]))


def test_a_certificate_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the system's authorities, among which is the file that ``SSL_CERT_FILE`` names."""
    path = certificate(tmp_path, "127.0.0.1")
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(path)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        ask(Server(respond(200)), lambda store: store.ping(), served)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    ask(Server(respond(200)), lambda store: store.ping(), served)


@pytest.mark.parametrize("url", ["https://s3.us-east-1.amazonaws.com", "http://store", "http://[::1]:9000"])
def test_the_bucket_stands_in_the_path(url: str) -> None:
    """Not in the host, for which no certificate may be there; and the region is the setting's."""
    link = ObjectStore(at(url)).presigned("a", 60)
    assert link.startswith(f"{url}/phonoscope/a?")
    assert "%2Fus-east-1%2Fs3%2F" in link


def test_a_link_lasts_seven_days_at_most() -> None:
    """S3 allows no more."""
    store = ObjectStore(at("http://store", public="https://objects.example"))
    assert store.has_public_address
    assert store.presigned("a", 60).startswith("https://objects.example/phonoscope/a?")
    assert "X-Amz-Expires=60&" in store.presigned("a", 60)
    assert "X-Amz-Expires=604800&" in store.presigned("a", 10**9)
