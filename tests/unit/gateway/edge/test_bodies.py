"""No body is read before its key was checked, and none is larger than its limit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers

from phonoscope.errors import StoreUnavailable
from phonoscope_gateway import create_app
from phonoscope_gateway.edge.access import ENVELOPE_BYTES, MAX_JSON_BYTES, MAX_LABEL_SET_BYTES, body_limit
from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.forms import MAX_HEAD_BYTES, MAX_LABEL_FILE_BYTES
from phonoscope_gateway.openapi import nowhere
from phonoscope_gateway.problems import add_problem_handlers
from tests.unit.gateway.edge.asgi import PIECE, Exchange

CHUNKED = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}


def endless() -> Iterator[bytes]:
    return repeat(PIECE)


def declared(size: int) -> dict[str, str]:
    return {"Content-Length": str(size), "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def gateway() -> FastAPI:
    """The whole application; without a key nothing of it needs a server."""
    return create_app(nowhere())


@pytest.fixture
def echo() -> FastAPI:
    """An application that needs no key, tells how much it was sent, and never asks how much is to come."""
    app = FastAPI()
    app.add_middleware(Guard, max_upload_bytes=1_000_000, max_requests_per_owner=9, check_host=host_check(""))
    add_problem_handlers(app)

    @app.post("/echo")
    async def read(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    def breaking(error: Exception) -> Iterator[bytes]:
        yield b"a"
        raise error

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        return StreamingResponse(breaking(StoreUnavailable("the object store does not answer")))

    @app.get("/wrong")
    async def wrong() -> StreamingResponse:
        return StreamingResponse(breaking(ZeroDivisionError()))

    @app.post("/deaf")
    async def ignore() -> dict[str, int]:
        return {"bytes": 0}

    return app


def writing_calls(app: FastAPI) -> Iterator[tuple[str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            if method in {"post", "put", "patch", "delete"}:
                yield method.upper(), path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("kind", ["declared", "chunked", "form"])
def test_without_a_key_nothing_of_a_body_is_read(gateway: FastAPI, kind: str) -> None:
    """401 before the first piece is asked for, on every call that takes one; then little of the rest, and an end."""
    calls = list(writing_calls(gateway))
    assert len(calls) >= 8
    headers = {
        "declared": declared(400_000_000),
        "chunked": CHUNKED,
        "form": {"Content-Length": "400000000", "Content-Type": "multipart/form-data; boundary=x"},
    }[kind]
    for method, path in calls:
        seen: list[int] = []
        exchange = Exchange(method, path, headers, endless())
        exchange._send = watch(exchange, seen)  # type: ignore[method-assign]
        exchange.through(gateway)
        assert (exchange.status, exchange.answered["connection"]) == (401, "close"), path
        assert seen[0] == seen[1] == 0, "the answer is sent whole before the body is looked at"
        assert exchange.taken * len(PIECE) <= 2 << 20


def watch(exchange: Exchange, seen: list[int]) -> Any:
    """Notes how much had been taken whenever a message was sent."""
    send = exchange._send

    async def note(message: Any) -> None:
        seen.append(exchange.taken)
        await send(message)

    return note


@pytest.mark.parametrize(
    ("headers", "taken"), [(declared(MAX_JSON_BYTES + 1), 0), (CHUNKED, MAX_JSON_BYTES // len(PIECE) + 1)]
)
def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_known(
    echo: FastAPI, headers: dict[str, str], taken: int
) -> None:
    """By its declared length, else by counting."""
    seen: list[int] = []
    exchange = Exchange("POST", "/echo", headers, endless())
    exchange._send = watch(exchange, seen)  # type: ignore[method-assign]
    exchange.through(echo)
    assert (exchange.status, exchange.problem["code"]) == (413, "body_too_large")
    assert exchange.answered["connection"] == "close"
    assert seen[0] == taken


def test_a_body_of_just_the_limit_is_read(echo: FastAPI) -> None:
    """However it is cut; the connection stays open."""
    for headers in (declared(MAX_JSON_BYTES), CHUNKED):
        exchange = Exchange("POST", "/echo", headers, iter([PIECE] * 4)).through(echo)
        assert (exchange.status, exchange.problem) == (200, {"bytes": MAX_JSON_BYTES})
        assert "connection" not in exchange.answered


def test_what_no_route_asks_for_is_not_read(echo: FastAPI) -> None:
    """The answer does not wait for it, and is the connection's last; what comes meanwhile is thrown away."""
    seen: list[int] = []
    for headers in (declared(10), CHUNKED):
        exchange = Exchange("POST", "/deaf", headers, endless())
        exchange._send = watch(exchange, seen)  # type: ignore[method-assign]
        exchange.through(echo)
        assert (exchange.status, exchange.answered["connection"]) == (200, "close")
    assert seen[0] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "-1"},
        {"Content-Length": "ten"},
        {"Content-Length": "1e3"},
        {"Content-Length": "+5"},
        {"Content-Length": ""},
        {"Content-Length": "9" * 30},
        {"Content-Length": "\xb2"},
        {"Content-Length": "5, 5"},
        {"Content-Length": "5", "Transfer-Encoding": "chunked"},
    ],
)
def test_a_length_that_is_none_is_refused(echo: FastAPI, headers: dict[str, str]) -> None:
    """400 without reading on: where such a body ends is anybody's guess."""
    exchange = Exchange("POST", "/echo", headers, endless()).through(echo)
    assert (exchange.status, exchange.problem["code"]) == (400, "malformed_request")
    assert (exchange.answered["connection"], exchange.taken) == ("close", 0)


def test_a_client_that_waits_to_be_asked_is_not_waited_for(gateway: FastAPI) -> None:
    """With ``Expect: 100-continue`` it sends nothing after a refusal."""
    headers = declared(1000) | {"Expect": "100-continue"}
    exchange = Exchange("POST", "/v1/webhooks", headers, endless()).through(gateway)
    assert (exchange.status, exchange.taken) == (401, 0)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_a_client_that_leaves_is_answered_nothing(echo: FastAPI, content_type: str) -> None:
    """No error, whether the guard was reading or the route."""
    headers = {"Transfer-Encoding": "chunked", "Content-Type": content_type}
    exchange = Exchange("POST", "/echo", headers, iter([b"{"]), left=True).through(echo)
    assert exchange.sent == []


def test_an_answer_that_breaks_off_is_one_line(echo: FastAPI) -> None:
    """A store that goes away in the middle: what was sent was sent, the end is missing, and nothing is raised."""
    exchange = Exchange("GET", "/broken").through(echo)
    assert exchange.status == 200
    assert [message.get("body") for message in exchange.sent[1:]] == [b"a"]


def test_an_error_of_our_own_is_raised_all_the_same(echo: FastAPI) -> None:
    """Only what has a name is told in one line."""
    with pytest.raises(ZeroDivisionError):
        Exchange("GET", "/wrong").through(echo)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/health/live", "GET, HEAD"),
        ("/", "GET, HEAD"),
        ("/docs", "GET, HEAD"),
        ("/docs/assets/swagger-ui.css", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
def test_every_method_of_a_path_is_named(gateway: FastAPI, path: str, allow: str) -> None:
    """Not those of the first route alone."""
    exchange = Exchange("OPTIONS", path).through(gateway)
    assert (exchange.status, exchange.answered["allow"]) == (405, allow)


@pytest.mark.parametrize("path", ["/v1/tracks/", "/health/live/", "/docs/", "/docs/assets", "/tracks/a/"])
def test_no_answer_repeats_the_host(gateway: FastAPI, path: str) -> None:
    """A slash too many is 404, or 401 in the API, and never a redirect to wherever ``Host`` says."""
    exchange = Exchange("GET", path, {"X-Forwarded-Host": "evil.test"}).through(gateway)
    assert exchange.status in {401, 404}
    assert "location" not in exchange.answered


def test_private_answers_are_not_stored(gateway: FastAPI) -> None:
    """A problem under the API's addresses, and health; the page says itself what may be kept."""
    for path in ("/v1/tracks", "/v1/nothing", "/health/live"):
        assert Exchange("GET", path).through(gateway).answered["cache-control"] == "no-store"
    assert Exchange("GET", "/docs").through(gateway).answered["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("method", "path", "form", "limit"),
    [
        ("POST", "/v1/tracks", True, 7 + ENVELOPE_BYTES),
        ("POST", "/v1/labels/import", True, MAX_LABEL_FILE_BYTES + ENVELOPE_BYTES),
        ("POST", "/v1/tracks/trk_1/labels/import", True, MAX_LABEL_FILE_BYTES + ENVELOPE_BYTES),
        ("POST", "/v1/tracks/a/b/labels/import", True, MAX_JSON_BYTES),
        ("POST", "/v1/labels/import", False, MAX_JSON_BYTES),
        ("PUT", "/v1/classifiers/birds", True, MAX_HEAD_BYTES + ENVELOPE_BYTES),
        ("PUT", "/v1/classifiers/birds", False, MAX_JSON_BYTES),
        ("PUT", "/v1/classifiers/birds/queue", True, MAX_JSON_BYTES),
        ("PUT", "/v1/tracks/trk_1/labels", False, MAX_LABEL_SET_BYTES),
        ("POST", "/v1/tracks/trk_1/labels", False, MAX_JSON_BYTES),
        ("PUT", "/v1/tracks/trk_1/labels/undo", False, MAX_JSON_BYTES),
    ],
)
def test_few_bodies_may_be_large(method: str, path: str, form: bool, limit: int) -> None:
    """Those with files, and all labels of a track."""
    headers = Headers({"content-type": "multipart/form-data; boundary=x" if form else "application/json"})
    assert body_limit(method, path, headers, 7).max_bytes == limit
