"""What the Python client says of problems, outages and answers from something else."""

from __future__ import annotations

import httpx
import pytest

from phonoscope.client import ApiError, Unreachable
from phonoscope.errors import NotFound, PhonoscopeError
from tests.unit.shared.answers import URL, Service


def test_a_problem_becomes_an_error() -> None:
    """It carries the status, the stable code, the title, the detail and everything else the service said."""
    problem = NotFound("no track 'trk_9'").as_problem() | {"instance": "/v1/tracks/trk_9"}
    service = Service(httpx.Response(404, json=problem))
    with pytest.raises(ApiError, match="no track 'trk_9'") as caught:
        service.client().track("trk_9")
    error = caught.value
    assert (error.status_code, error.code, error.title) == (404, "not_found", "Not found")
    assert error.problem == problem
    assert isinstance(error, PhonoscopeError)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        ("", ""),
        ("x" * 1_000, "x" * 200),
        ('"Bad gateway"', '"Bad gateway"'),
        ("[1, 2]", "[1, 2]"),
        ("null", "null"),
        ("\xff\xfe", "\xff\xfe"),
    ],
)
def test_an_error_that_is_no_problem_is_still_an_error(body: str, detail: str) -> None:
    """A proxy on the way answers in its own words; they are shown, in part, and there is still a code."""
    service = Service(httpx.Response(502, text=body))
    with pytest.raises(ApiError) as caught:
        service.client().models()
    assert (caught.value.status_code, caught.value.code, caught.value.detail) == (502, "not_a_problem", detail)
    assert caught.value.title == "The service answered with a problem"


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("too slow"),
        httpx.ReadTimeout("too slow"),
        httpx.RemoteProtocolError("hung up"),
    ],
)
def test_no_answer_is_told_as_such(error: Exception) -> None:
    """The address that does not answer is named; the key is not."""
    client = Service(error).client()
    for ask in (client.models, client.ready):
        with pytest.raises(Unreachable, match=URL) as caught:
            ask()
        assert "psk_secret" not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "{}", "[]", '{"status": "fine"}'])
def test_an_answer_from_something_else_is_told_as_such(body: str) -> None:
    """Another server at that address, which says 200 to everything, is not mistaken for the gateway."""
    client = Service(httpx.Response(200, text=body)).client()
    for ask in (client.models, client.ready, lambda: client.track("trk_1")):
        with pytest.raises(Unreachable, match=URL):
            ask()
