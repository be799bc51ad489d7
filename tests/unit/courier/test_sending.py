"""One attempt against real sockets that do not behave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop

from phonoscope.addresses import Allowed
from phonoscope.contract import AttemptError
from phonoscope.webhooks.rules import Rules
from phonoscope_courier.exchange import MAX_BODY_BYTES, Answer
from phonoscope_courier.sending import AttemptFailed, Limits, Sender
from tests.peers import Handler, Receiver, certificate, listening, ok, read_request, respond

LOCAL = Rules(Allowed.parse("127.0.0.0/8"), http=True)
QUICK = Limits(connect_s=1.0, total_s=1.0)
BODY = '{"é": 1}'.encode()


def post(handler: Handler, path: str = "/in?a=b", limits: Limits = Limits()) -> Answer:
    """What comes of one attempt at a handler."""

    async def attempt() -> Answer:
        async with listening(handler) as port:
            sender = Sender(LOCAL, limits=limits)
            _, answer = await sender.post(f"http://127.0.0.1:{port}{path}", {"webhook-id": "evt_1"}, BODY)
            sender.close()
            return answer

    return run(attempt)


def run(scenario: Callable[[], Awaitable[Answer]]) -> Answer:
    """In the loop that the courier uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_limited(scenario))


async def _limited(scenario: Callable[[], Awaitable[Answer]]) -> Answer:
    return await asyncio.wait_for(scenario(), 30.0)


def failure(handler: Handler, limits: Limits = QUICK) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as caught:
        post(handler, limits=limits)
    return caught.value


def speaking(*said: bytes, pause_s: float = 0.0) -> Handler:
    """Takes a request, then says these bytes one after another."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for each in said:
            writer.write(each)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return handle


def test_the_body_arrives_byte_for_byte() -> None:
    """With its path, query, headers and host; the answer comes back with its status and body."""
    receiver = Receiver()
    answer = post(receiver)
    (request,) = receiver.requests
    assert (request.line, request.body) == ("POST /in?a=b HTTP/1.1", BODY)
    assert request.headers["webhook-id"] == "evt_1"
    assert request.headers["host"].startswith("127.0.0.1:")
    assert (answer.status, answer.body) == (200, b"thanks")


@pytest.mark.parametrize("status", [204, 301, 404, 410, 500])
def test_every_answer_is_told_and_none_followed(status: int) -> None:
    """A redirect is an answer like any other: nobody goes where it points."""
    receiver = Receiver(lambda _: respond(status, Location="/elsewhere", Retry_After="7"))
    answer = post(receiver)
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")
    assert len(receiver.requests) == 1


def test_a_receiver_that_hangs_costs_the_limit_and_no_more() -> None:
    """Whether it never answers or never ends its answer."""
    assert failure(speaking(b"", pause_s=5.0)).error is AttemptError.TIMED_OUT
    assert failure(speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"x", pause_s=5.0)).error is (
        AttemptError.TIMED_OUT
    )


def test_headers_byte_by_byte_do_not_hold_an_attempt_open() -> None:
    """Each byte in good time, the whole not: the limit is for the whole."""
    drops = [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 500]
    assert failure(speaking(*drops, pause_s=0.05)).error is AttemptError.TIMED_OUT


def test_slow_but_whole_is_well() -> None:
    """An answer in drops that ends within the limit counts."""
    drops = [bytes([byte]) for byte in respond(202, b"ok")]
    assert post(speaking(*drops, pause_s=0.002)).status == 202


def test_of_a_large_body_only_the_beginning_is_read() -> None:
    """100 MB are offered; the connection is closed behind 16 KiB, and the status counts."""
    taken = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        with suppress(OSError):
            for _ in range(1600):
                writer.write(b"x" * 65536)
                await writer.drain()
                taken += 65536

    answer = post(pour)
    assert (answer.status, len(answer.body)) == (200, MAX_BODY_BYTES)
    assert taken < 20 << 20


def test_headers_without_end_are_no_answer() -> None:
    """More than 16 KiB of them are not read."""
    flood = b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 1000 + b"\r\n"
    assert failure(speaking(flood, *[b"X-B: " + b"b" * 1000 + b"\r\n"] * 30)).error is AttemptError.INVALID_ANSWER


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/9\r\n\r\n", b"\x00" * 100])
def test_what_is_not_http_is_no_answer(said: bytes) -> None:
    """Whatever listens there does not speak the language."""
    assert failure(speaking(said)).error is AttemptError.INVALID_ANSWER


def test_an_early_end_is_no_answer() -> None:
    """Closed before a word, or in the middle of the headers."""
    assert failure(speaking()).error is AttemptError.DISCONNECTED
    assert failure(speaking(b"HTTP/1.1 200 OK\r\nContent")).error is AttemptError.DISCONNECTED


def test_what_comes_before_the_answer_is_passed_over() -> None:
    """Interim answers are not the answer, nor is its body without a length lost."""
    said = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + b"HTTP/1.1 201 Made\r\nConnection: close\r\n\r\nhello"
    answer = post(speaking(said))
    assert (answer.status, answer.body, "link" in answer.headers) == (201, b"hello", False)


def test_nobody_there_is_unreachable() -> None:
    """A port that is closed refuses at once."""

    async def attempt() -> Answer:
        async with listening(Receiver()) as port:
            pass
        return (await Sender(LOCAL).post(f"http://127.0.0.1:{port}/", {}, b""))[1]

    with pytest.raises(AttemptFailed) as caught:
        run(attempt)
    assert caught.value.error is AttemptError.UNREACHABLE


def test_a_name_without_address_is_unresolvable() -> None:
    """As is one whose server does not answer in time."""

    def none(*_: object) -> list[str]:
        raise OSError("no such host")

    async def attempt() -> Answer:
        return (await Sender(LOCAL, resolver=none).post("http://hooks.example/", {}, b""))[1]

    with pytest.raises(AttemptFailed) as caught:
        run(attempt)
    assert caught.value.error is AttemptError.UNRESOLVABLE


def test_a_name_server_that_changes_its_mind_reaches_nothing() -> None:
    """First an address that is let through, then one that is not: the second attempt connects to nobody."""
    rules = Rules(Allowed.parse("127.0.0.2/32"), http=True)
    answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2", "127.0.0.1"]]
    inner = Receiver()

    async def attempts() -> Answer:
        outer = Receiver()
        async with listening(outer, host="127.0.0.2") as port, listening(inner, port=port):
            sender = Sender(rules, resolver=lambda *_: answers.pop(0))
            address, answer = await sender.post(f"http://hooks.example:{port}/", {}, b"")
            assert address == "127.0.0.2"
            assert outer.requests[0].headers["host"] == f"hooks.example:{port}"
            for _ in range(2):
                with pytest.raises(AttemptFailed) as caught:
                    await sender.post(f"http://hooks.example:{port}/", {}, b"")
                assert caught.value.error is AttemptError.REFUSED_ADDRESS
            sender.close()
            return answer

    assert run(attempts).status == 200
    assert inner.requests == []
    assert answers == []


def test_the_next_address_is_tried_where_one_is_silent() -> None:
    """A host with two addresses of which the first refuses is reached by the second."""
    receiver = Receiver()

    async def attempt() -> Answer:
        async with listening(receiver) as port:
            sender = Sender(LOCAL, resolver=lambda *_: ["127.0.0.9", "127.0.0.1"])
            address, answer = await sender.post(f"http://hooks.example:{port}/", {}, b"")
            assert address == "127.0.0.1"
            return answer

    assert run(attempt).status == 200


def test_a_certificate_must_be_the_host_s(tmp_path: Path) -> None:
    """The name asked for is the URL's, though the connection is made to an address; another's certificate fails."""
    path = certificate(tmp_path, "hooks.example")
    trust = ssl.create_default_context(cafile=str(path))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(path)
    asked: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: asked.append(name)
    receiver = Receiver(lambda _: ok())
    rules = Rules(Allowed.parse("127.0.0.0/8"))

    async def attempts() -> Answer:
        async with listening(receiver, trust=served) as port:
            sender = Sender(rules, resolver=lambda *_: ["127.0.0.1"], trust=trust)
            _, answer = await sender.post(f"https://hooks.example:{port}/", {}, b"")
            for host in ("other.example", "127.0.0.1"):
                with pytest.raises(AttemptFailed) as caught:
                    await sender.post(f"https://{host}:{port}/", {}, b"")
                assert caught.value.error is AttemptError.TLS_FAILED
            with pytest.raises(AttemptFailed) as caught:
                await Sender(rules, resolver=lambda *_: ["127.0.0.1"]).post(f"https://hooks.example:{port}/", {}, b"")
            assert caught.value.error is AttemptError.TLS_FAILED
            return answer

    assert run(attempts).status == 200
    assert asked[0] == "hooks.example"
    assert len(receiver.requests) == 1


def test_plain_http_where_tls_is_expected_fails_as_such() -> None:
    """Nothing is sent to whoever cannot prove who it is."""

    async def attempt() -> Answer:
        async with listening(speaking(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
            return (await Sender(LOCAL, limits=QUICK).post(f"https://127.0.0.1:{port}/", {}, b""))[1]

    with pytest.raises(AttemptFailed) as caught:
        run(attempt)
    assert caught.value.error in (AttemptError.TLS_FAILED, AttemptError.UNREACHABLE)
