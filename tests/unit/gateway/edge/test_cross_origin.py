"""What pages of other origins may read."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from phonoscope_gateway.edge.cross_origin import CrossOrigin
from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.problems import add_problem_handlers
from tests.unit.gateway.requests import Ask

STUDIO, OTHER = "https://studio.example", "https://other.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
OWN = {"access-control-allow-origin", "access-control-expose-headers"}


def application(origins: str) -> FastAPI:
    """An application that answers, fails, and varies."""
    app = FastAPI()
    app.add_middleware(
        Guard,
        max_upload_bytes=1000,
        max_requests_per_owner=9,
        check_host=host_check("gateway.test"),
        cross_origin=CrossOrigin.parse(origins),
    )
    add_problem_handlers(app)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError

    @app.get("/answer")
    def answer() -> dict[str, str]:
        return {}

    return app


ADDRESSES = ["/answer", "/nothing", "/broken", "/v1/tracks", "/v1/artifacts/art_1", "/answer?q=%00"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_answer_can_be_read_from_a_listed_origin(ask: Ask, path: str) -> None:
    """A refusal by the edge and a failure too, with what they say in headers; never with the browser's credentials."""
    answer = ask(application(f"{STUDIO},http://localhost:1"), "GET", path, headers={"Origin": STUDIO})
    assert answer.headers["Access-Control-Allow-Origin"] == STUDIO
    for name in ("Location", "Retry-After", "ETag", "Content-Range", "RateLimit", "Idempotent-Replayed"):
        assert name in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    if path != "/broken":
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize(
    ("origins", "origin"),
    [("", STUDIO), (STUDIO, OTHER), (STUDIO, f"{STUDIO}:8443"), (STUDIO, "null"), (STUDIO, "http://studio.example")],
)
def test_no_answer_can_be_read_from_another(ask: Ask, path: str, origins: str, origin: str) -> None:
    """By default from none; else from none but those that are listed, port and scheme included."""
    answer = ask(application(origins), "GET", path, headers={"Origin": origin})
    assert not OWN & answer.headers.keys()


def test_a_wrong_host_is_told_to_the_page_that_asked(ask: Ask) -> None:
    """421 can be read like any problem."""
    answer = ask(application(STUDIO), "GET", "/answer", headers={"Origin": STUDIO, "Host": "evil.test"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (421, STUDIO)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/artifacts/art_1", "/answer", "/nothing"])
def test_a_preflight_needs_no_key(ask: Ask, path: str) -> None:
    """It is answered at the edge, with the methods and headers that clients use, for as long as browsers allow."""
    answer = ask(application(STUDIO), "OPTIONS", path, headers={"Origin": STUDIO, **PREFLIGHT})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == STUDIO
    assert {"DELETE", "PATCH", "POST", "PUT"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert {
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "Range",
        "Last-Event-ID",
        "If-Match",
        "If-None-Match",
    } <= allowed
    assert answer.headers["Access-Control-Max-Age"] == "7200"
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origins", ["", STUDIO])
def test_another_origin_gets_no_preflight(ask: Ask, origins: str) -> None:
    """It is asked for a key like every request that is no preflight."""
    answer = ask(application(origins), "OPTIONS", "/v1/jobs", headers={"Origin": OTHER, **PREFLIGHT})
    assert answer.status_code == 401
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_any_origin_can_be_allowed(ask: Ask) -> None:
    """``*`` is answered as such, so that caches need not tell origins apart; a local network is not opened by it."""
    asked = {"Origin": OTHER, "Access-Control-Request-Private-Network": "true", **PREFLIGHT}
    preflight = ask(application("*"), "OPTIONS", "/v1/jobs", headers=asked)
    answer = ask(application("*"), "GET", "/answer", headers={"Origin": OTHER})
    for each in (preflight, answer):
        assert each.headers["Access-Control-Allow-Origin"] == "*"
        assert "Vary" not in each.headers
    assert "Access-Control-Allow-Private-Network" not in preflight.headers


def test_a_listed_origin_may_ask_a_local_network(ask: Ask) -> None:
    """Browsers ask for it where a public page reaches a private address."""
    asked = {"Origin": STUDIO, "Access-Control-Request-Private-Network": "true", **PREFLIGHT}
    answer = ask(application(STUDIO), "OPTIONS", "/v1/jobs", headers=asked)
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"


def test_an_answer_without_origin_varies_too(ask: Ask) -> None:
    """Or a cache would give it to a page, which could not read it."""
    answer = ask(application(STUDIO), "GET", "/answer")
    assert answer.headers["Vary"] == "Origin"
    assert not OWN & answer.headers.keys()
