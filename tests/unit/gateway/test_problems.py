"""Every error is a problem (RFC 9457), rendered in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from phonoscope import errors
from phonoscope.contract import Neighbour, Problem
from phonoscope.errors import PhonoscopeError
from phonoscope_gateway.problems import add_problem_handlers, invalid_request, kept_problem, problem
from tests.unit.gateway.requests import Ask

EVERY = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, PhonoscopeError) and error is not errors.RangeNotSatisfiable
]


class _Body(BaseModel):
    count: int


@pytest.fixture
def raising() -> Callable[[Exception], FastAPI]:
    """An application whose one route raises this."""

    def make(error: Exception) -> FastAPI:
        app = FastAPI()
        add_problem_handlers(app)

        @app.get("/v1/things/{name}")
        def read(name: str) -> None:
            raise error

        @app.post("/v1/things")
        def write(body: _Body, limit: Annotated[int, Query(le=10)] = 1) -> None:
            raise error

        return app

    return make


def checked(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, after a look at what all problems have in common."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert Problem.model_validate(body).status == status
    assert body["code"] == code
    return body


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_every_known_error_becomes_a_problem(
    ask: Ask, raising: Callable[[Exception], FastAPI], error: type[PhonoscopeError]
) -> None:
    """With its own status, code, title and detail, and the path it happened on."""
    raised = error("what was found")
    body = checked(ask(raising(raised), "GET", "/v1/things/a%20b?x=1"), error.status, raised.code)
    assert body == raised.as_problem() | {"instance": "/v1/things/a b"}


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (errors.Unauthorized("no key"), "WWW-Authenticate", "Bearer"),
        (errors.DatabaseUnavailable("down"), "Retry-After", "2"),
        (errors.SpoolFull("full"), "Retry-After", "60"),
        (errors.RangeNotSatisfiable("behind", 77), "Content-Range", "bytes */77"),
    ],
)
def test_a_status_brings_its_headers(error: PhonoscopeError, name: str, value: str) -> None:
    """Those that the status calls for, and none of the others."""
    headers = problem(error, "/").headers
    special = {"WWW-Authenticate", "Retry-After", "Content-Range"}
    assert headers[name] == value
    assert not any(other in headers for other in special - {name})


def test_an_invalid_request_names_every_field(ask: Ask, raising: Callable[[Exception], FastAPI]) -> None:
    """Body and query alike, without the framework's own words for where they came from."""
    app = raising(RuntimeError())
    body = checked(ask(app, "POST", "/v1/things?limit=99", json={"count": "x"}), 422, "invalid_request")
    assert {found["field"] for found in body["errors"]} == {"limit", "count"}
    missing = checked(ask(app, "POST", "/v1/things"), 422, "invalid_request")
    assert missing["errors"][0]["field"] == "body"


@pytest.mark.parametrize("content", [b"{", b'{"count": ', b"\xff", b"[" * 10_000])
def test_a_body_that_is_no_json_is_an_invalid_request(
    ask: Ask, raising: Callable[[Exception], FastAPI], content: bytes
) -> None:
    """The client's error, not the service's."""
    response = ask(
        raising(RuntimeError()), "POST", "/v1/things", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert response.headers["Content-Type"] == "application/problem+json"


def test_of_many_findings_the_first_are_named() -> None:
    """What a client made up is not sent back at length."""
    found = invalid_request([{"loc": ("x" * 10_000,), "msg": "no"} for _ in range(5_000)])
    assert len(found.errors) == 20
    assert len(found.detail) < 10_000


@pytest.mark.parametrize(("status", "answered"), [(500, 424), (415, 415), (410, 410)])
def test_a_task_s_failure_is_not_the_gateway_s(status: int, answered: int) -> None:
    """A call that needs a failed task's result is answered with 424 where the task failed by itself."""
    response = kept_problem({"status": status, "code": "timed_out"}, "/v1/tracks/trk_1/waveform")
    assert response.status_code == answered
    assert json.loads(bytes(response.body))["status"] == answered


def test_an_unknown_path_is_a_problem(ask: Ask, raising: Callable[[Exception], FastAPI]) -> None:
    """So is a method that a path does not have, with those it has."""
    app = raising(RuntimeError())
    checked(ask(app, "GET", "/v2/things"), 404, "not_found")
    response = ask(app, "DELETE", "/v1/things")
    checked(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST"


def test_the_framework_s_own_errors_are_problems(ask: Ask, raising: Callable[[Exception], FastAPI]) -> None:
    """With their detail and their headers."""
    response = ask(raising(HTTPException(418, "short and stout", {"X-Pot": "tea"})), "GET", "/v1/things/a")
    assert checked(response, 418, "im_a_teapot")["detail"] == "short and stout"
    assert response.headers["X-Pot"] == "tea"


def test_an_unknown_error_tells_nothing_of_the_inside(ask: Ask, raising: Callable[[Exception], FastAPI]) -> None:
    """500, with no word of what was raised."""
    response = ask(raising(RuntimeError("password hunter2")), "GET", "/v1/things/a")
    body = checked(response, 500, "phonoscope_error")
    assert "hunter2" not in response.text
    assert not body["retryable"]


def test_the_service_s_own_mistakes_are_not_blamed_on_the_client(
    ask: Ask, raising: Callable[[Exception], FastAPI]
) -> None:
    """A value of ours that does not fit the contract is a 500 and not an invalid request."""
    with pytest.raises(ValidationError) as caught:
        Neighbour.model_validate({"similarity": 7, "track": {"secret": "hunter2"}})
    response = ask(raising(caught.value), "GET", "/v1/things/a")
    checked(response, 500, "phonoscope_error")
    assert "hunter2" not in response.text


def test_findings_are_named_by_their_place() -> None:
    """The place in the body, parted by dots; without one, the body."""
    found = invalid_request(
        [
            {"loc": ("body", "options", "classify", 0), "msg": "one"},
            {"loc": ("query", "limit"), "msg": "two"},
            {"loc": ("tasks", 1), "msg": "three"},
            {"loc": ("body",), "msg": "four"},
            {"loc": (), "msg": "five"},
        ]
    )
    assert [error["field"] for error in found.errors] == ["options.classify.0", "limit", "tasks.1", "body", "body"]
    assert found.detail.startswith("options.classify.0: one; limit: two; ")
    json.dumps(found.as_problem())
