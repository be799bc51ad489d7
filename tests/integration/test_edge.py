"""Nobody stops the gateway for the others, by what it sends or by what it does not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope_local.processes import wait_until
from tests.integration.gateway_process import Gateway, gateway_with
from tests.support import tone_wav

MEGABYTE = 1 << 20
STALLED_S = 10.0
"""A stall, on a machine that does ten other things."""


@pytest.fixture(scope="module")
def gateway(
    server_settings: Settings, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway with short times and few places."""
    times = {"head_timeout_s": 4.0, "body_timeout_s": 4.0, "write_timeout_s": 4.0}
    places = {"max_connections": 1_000, "max_requests_per_owner": 5}
    log = tmp_path_factory.mktemp("edge") / "gateway.log"
    with gateway_with(server_settings, log, log_format="json", **times, **places) as started:
        started.settled_bytes()
        yield started


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    """The client of an owner who has nothing yet."""
    with gateway.http(f"owner-{uuid4()}") as client:
        yield client


@contextmanager
def watched(gateway: Gateway) -> Iterator[list[float]]:
    """How long ``/health/live`` took, again and again, from an address of its own."""
    waits: list[float] = []
    stopped = threading.Event()
    transport = httpx.HTTPTransport(local_address="127.0.0.9")

    def ask() -> None:
        with httpx.Client(transport=transport, timeout=30) as client:
            while not stopped.wait(0.02):
                # It closes a connection that was idle for its time, perhaps just as this asks.
                with suppress(httpx.RemoteProtocolError):
                    waits.append(gateway.live_s(client))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        stopped.set()
        thread.join(60)
    assert len(waits) > 5
    assert median(waits) < 0.5
    assert max(waits) < STALLED_S


def push(client: socket.socket, head: bytes, size: int) -> tuple[int, bytes]:
    """Sends a head and noughts until it is not let; returns how much went out, and the answer."""
    client.sendall(head)
    sent, piece = 0, b"0" * (1 << 16)
    with suppress(OSError):
        while sent < size:
            sent += client.send(piece)
    answer = bytearray()
    with suppress(OSError):
        while more := client.recv(1 << 16):
            answer += more
    return sent, bytes(answer)


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/jobs", "/v1/tracks", "/v1/jobs/job_1/cancel", "/v1/nothing"])
@pytest.mark.parametrize("length", [b"Content-Length: 400000000", b"Transfer-Encoding: chunked"])
def test_a_stranger_s_body_costs_nothing(gateway: Gateway, path: str, length: bytes) -> None:
    """Of 400 MB without a key almost nothing is read: memory stays, and others are answered meanwhile."""
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + length
    before = gateway.memory_bytes()
    with watched(gateway), gateway.connect() as client:
        start = b"10000000\r\n" if b"chunked" in length else b""
        sent, answer = push(client, head + b"\r\n\r\n" + start, 400_000_000)
        sleep(0.5)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 401 ")
    assert sent < 20 * MEGABYTE
    assert gateway.memory_bytes() - before < 20 * MEGABYTE


def test_a_refusal_is_received_though_the_body_was_on_its_way(gateway: Gateway) -> None:
    """A client that sends a megabyte without a key, or too large a document with one, reads why it was refused."""
    for _ in range(10):
        answer = httpx.post(f"{gateway.url}/v1/webhooks", content=bytes(700_000), timeout=60)
        assert (answer.status_code, answer.headers["Connection"]) == (401, "close")


def test_a_document_has_a_quarter_of_a_megabyte(http: httpx.Client) -> None:
    """413 beyond it, declared or in chunks, on every call; just below it is read, and found wrong for what it says."""

    def chunks(size: int) -> Iterator[bytes]:
        for _ in range(size >> 10):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    for path in ("/v1/webhooks", "/v1/jobs", "/v1/webhooks/default-secret"):
        for content in (b" " * (256 * 1024 + 1), chunks(300 * 1024)):
            answer = http.post(path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large"), path
    assert http.post("/v1/webhooks", content=b" " * 256 * 1024, headers=headers).status_code == 422


def test_uploads_still_stream(gateway: Gateway, http: httpx.Client) -> None:
    """A recording is larger than any document."""
    wav = tone_wav(20.0, seed=5)
    assert len(wav) > MEGABYTE
    assert http.post("/v1/tracks", files={"file": ("a.wav", wav)}).status_code == 201


def test_private_answers_are_not_stored(http: httpx.Client) -> None:
    """Lists, problems and secrets say so; what has a tag is asked for again, and only the client may keep it."""
    track = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(seed=6))})
    hook = http.post("/v1/webhooks", json={"url": "https://example.org/hook"})
    assert hook.status_code == 201, hook.text
    stored = [track, hook, http.get("/v1/tracks"), http.get("/v1/models"), http.get("/v1/jobs/job_1")]
    assert [answer.headers["Cache-Control"] for answer in stored] == ["no-store"] * 5
    results = http.get(f"/v1/tracks/{track.json()['id']}/results")
    assert (results.headers["Cache-Control"], results.headers["ETag"] != "") == ("private, no-cache", True)
    audio = http.get(f"/v1/tracks/{track.json()['id']}/audio")
    assert audio.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/tracks", "GET, HEAD, POST"),
        ("/v1/tracks/trk_1", "DELETE, GET, HEAD, PATCH"),
        ("/v1/tracks/trk_1/audio", "GET, HEAD"),
        ("/v1/webhooks/whk_1", "DELETE, GET, HEAD, PATCH"),
        ("/v1/webhooks/default-secret", "GET, HEAD, POST"),
        ("/v1/artifacts/art_1", "GET, HEAD"),
    ],
)
def test_every_method_of_a_path_is_named(http: httpx.Client, path: str, allow: str) -> None:
    """405 says what the path has; with each of these methods it is no 405."""
    answer = http.request("OPTIONS", path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allow)
    for method in allow.split(", "):
        assert http.request(method, path).status_code != 405
    assert http.get(f"{path}/").status_code == 404


@pytest.mark.long
def test_a_path_that_needs_no_key_needs_none_for_methods_it_lacks(gateway: Gateway) -> None:
    """By the document: where the document names no key, the answer is about the method, and not about a key."""
    paths = httpx.get(f"{gateway.url}/openapi.json", timeout=60).json()["paths"]
    open_paths = {path: has for path, has in paths.items() if not all(each.get("security") for each in has.values())}
    assert {"/v1/artifacts/{artifact_id}", "/v1/session"} <= open_paths.keys()
    for path, has in open_paths.items():
        methods = {each.upper() for each in has} | {"HEAD"}
        for method in {"DELETE", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"} - methods:
            answer = httpx.request(method, gateway.url + path.replace("{artifact_id}", "art_1"), timeout=60)
            assert (answer.status_code, answer.headers["Allow"]) == (405, ", ".join(sorted(methods))), (method, path)


def test_an_owner_has_so_many_requests_at_once(gateway: Gateway, http: httpx.Client) -> None:
    """One more is told so, with another key too; another owner is not, and when one has ended there is room again."""
    with ThreadPoolExecutor(5) as threads, gateway.http("another") as other:
        wav = {"file": ("a.wav", tone_wav(seed=7))}
        job = http.post("/v1/jobs", files=wav, data={"tasks": "describe"}).json()["id"]
        polls = [threads.submit(http.get, f"/v1/jobs/{job}", params={"wait": 15}) for _ in range(5)]
        sleep(6.0)
        refused = http.get("/v1/jobs")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "1"
        assert other.get("/v1/jobs").status_code == 200
        assert [poll.result().status_code for poll in polls] == [200] * 5
        assert http.get("/v1/jobs").status_code == 200


def slow_heads(opened: ExitStack, gateway: Gateway) -> None:
    for number in range(600):
        client = opened.enter_context(gateway.connect(f"127.0.0.{10 + number % 3}"))
        client.sendall((b"", b"GET /v1/tr", b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n")[number % 3])


def idle_crowd(opened: ExitStack, gateway: Gateway) -> None:
    for number in range(3_000):
        opened.enter_context(gateway.connect(f"127.0.0.{20 + number % 5}"))


def long_line(opened: ExitStack, gateway: Gateway) -> None:
    for _ in range(5):
        client = opened.enter_context(gateway.connect("127.0.0.30"))
        sent, answer = push(client, b"GET /", 100_000_000)
        assert sent < 20 * MEGABYTE
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.long
@pytest.mark.parametrize("attack", [slow_heads, idle_crowd, long_line])
def test_others_are_answered_throughout(gateway: Gateway, attack: Callable[[ExitStack, Gateway], None]) -> None:
    """While hundreds send slowly, thousands send nothing, and some send a line without an end; then all are let go."""
    before = gateway.memory_bytes()
    with ExitStack() as opened:
        with watched(gateway):
            attack(opened, gateway)
            sleep(1.0)
            with gateway.http("somebody") as http:
                assert http.get("/v1/tracks").status_code == 200
            peak = gateway.memory_bytes()
        assert peak - before < 60 * MEGABYTE
        _until_left(opened)


def _until_left(opened: ExitStack) -> None:
    """The gateway has closed every one of these connections."""
    deadline = monotonic() + 30.0
    for _, exit_ in opened._exit_callbacks:  # type: ignore[attr-defined]
        client: socket.socket = exit_.__self__
        client.settimeout(max(0.1, deadline - monotonic()))
        with suppress(ConnectionError):
            while client.recv(1 << 16):
                pass


def test_health_waits_for_no_work(gateway: Gateway, http: httpx.Client) -> None:
    """Every thread of the routes waits for a table: the process is alive, and says how its services are."""
    database = Database(gateway.settings.database_url.get_secret_value(), pool_size=1)
    owners = [gateway.http(f"waiting-{number}") for number in range(12)]
    with ThreadPoolExecutor(60) as threads, database.transaction() as session, watched(gateway) as waits:
        session.execute(text("LOCK TABLE tracks IN ACCESS EXCLUSIVE MODE"))
        waiting = [threads.submit(client.get, "/v1/tracks") for client in owners for _ in range(5)]
        heard = len(waits)
        assert wait_until(lambda: len(waits) >= heard + 20, 60.0)
        assert not all(answer.done() for answer in waiting)
        begun = monotonic()
        assert httpx.get(f"{gateway.url}/health/ready", timeout=30).status_code in {200, 503}
        assert monotonic() - begun < 15.0
        session.rollback()
        assert {answer.result().status_code for answer in waiting} <= {200, 429, 503}
    for client in owners:
        client.close()
    database.close()


def logged(gateway: Gateway, start: int, least: int = 1) -> list[str]:
    """The lines since, once there are so many and the gateway has had time to write more."""
    wait_until(lambda: gateway.log.read_text()[start:].count("\n") >= least, 30.0)
    sleep(1.0)
    return gateway.log.read_text()[start:].splitlines()


@pytest.mark.long
def test_a_client_that_leaves_is_one_line(gateway: Gateway, http: httpx.Client) -> None:
    """In mid-upload, in the middle of a document, and in mid-response: at most one line, and no traceback."""
    auth = b"Authorization: " + http.headers["Authorization"].encode() + b"\r\n"
    form = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n--x\r\n"
    form += b'Content-Disposition: form-data; name="file"\r\n\r\n' + bytes(100_000)
    document = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    for path, body in ((b"/v1/tracks", form), (b"/v1/jobs", form), (b"/v1/webhooks", document)):
        start = len(gateway.log.read_text())
        with gateway.connect() as client:
            client.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + auth + body)
            sleep(0.5)
        (line,) = logged(gateway, start)
        assert json.loads(line)["event"] == "client.left"
    track = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(120.0, seed=8))}).json()["id"]
    start = len(gateway.log.read_text())
    with gateway.connect() as client:
        client.sendall(b"GET /v1/tracks/" + track.encode() + b"/audio HTTP/1.1\r\nHost: localhost\r\n" + auth + b"\r\n")
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
    lines = logged(gateway, start)
    assert [json.loads(line)["logger"] for line in lines] == ["uvicorn.access"]


def test_nobody_claims_another_s_address(gateway: Gateway) -> None:
    """``X-Forwarded-For`` is believed of proxies that are named alone."""
    start = len(gateway.log.read_text())
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.7"}
    assert httpx.get(f"{gateway.url}/health/live", headers=headers, timeout=60).status_code == 200
    assert "203.0.113.7" not in "".join(logged(gateway, start, least=0))


def test_no_key_is_logged(gateway: Gateway, http: httpx.Client) -> None:
    """In a query, a path, a link, or whatever else people put it into."""
    key = http.headers["Authorization"].removeprefix("Bearer ")
    secret = key.split("_", 2)[2]
    for url in (
        f"/v1/tracks?key={key}",
        f"/v1/tracks?key={key.replace('_', '%5F')}",
        f"/v1/tracks/{key}",
        f"/{key.replace('p', '%70', 1)}",
        f"/v1/artifacts/a?expires=1&signature={secret}",
        f"/v1/artifacts/a?expires=1&%73ignature={secret}",
    ):
        answer = httpx.get(gateway.url + url, headers={"X-Api-Key": key, "Referer": url}, timeout=60)
        assert answer.status_code in {401, 403, 404}
    text_of_log = gateway.log.read_text()
    assert secret[:8] not in text_of_log
    assert "psk_…" in text_of_log
