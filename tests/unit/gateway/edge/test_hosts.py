"""Which names the gateway answers to."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers

from phonoscope.errors import MalformedRequest, MisdirectedRequest
from phonoscope_gateway import create_app
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.openapi import nowhere
from tests.unit.gateway.requests import Ask


def asked(*hosts: str) -> Headers:
    return Headers(raw=[(b"host", host.encode("latin-1")) for host in hosts])


@pytest.mark.parametrize("listening", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_on_loopback_no_name_of_another_site_is_answered(listening: str) -> None:
    """A page whose name was given this machine's address reaches nothing; people's own addresses do."""
    check = host_check("", listening)
    for host in ("127.0.0.1:8000", "localhost", "LOCALHOST.:8000", "[::1]:8000", "[::1]", "10.1.2.3", "a.localhost"):
        check(asked(host))
    for host in (
        "evil.test",
        "evil.test:8000",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "xlocalhost",
        "0x7f000001",
    ):
        with pytest.raises(MisdirectedRequest):
            check(asked(host))


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "192.0.2.1", None])
def test_elsewhere_every_name_is_answered(listening: str | None) -> None:
    """The names of a machine that others reach are its operator's to know."""
    check = host_check("", listening)
    for host in ("phonoscope.example.org", "127.0.0.1:8000", "a_b", "x"):
        check(asked(host))


def test_names_that_are_set_are_the_only_ones() -> None:
    """Patterns too; addresses only where they are named."""
    check = host_check("phonoscope.example.org, *.corp,[::1],10.0.0.1", "127.0.0.1")
    for host in (
        "phonoscope.example.org:443",
        "PHONOSCOPE.example.ORG",
        "a.corp",
        "a.b.corp.",
        "[::1]:8000",
        "10.0.0.1",
    ):
        check(asked(host))
    for host in ("example.org", "phonoscope.example.org.evil.test", "corp", "localhost", "127.0.0.1"):
        with pytest.raises(MisdirectedRequest):
            check(asked(host))


@pytest.mark.parametrize(
    "hosts",
    [(), ("",), ("a", "a"), ("a b",), ("a@b",), ("a/b",), ("a:b",), ("a:999999",), ("[::1",), ("\xe9",), ("a,b",)],
)
def test_a_request_has_one_host(hosts: tuple[str, ...]) -> None:
    """None, two, or what is no name is malformed, wherever the gateway listens."""
    with pytest.raises(MalformedRequest):
        host_check("")(asked(*hosts))


def test_a_foreign_name_is_refused_before_anything_else(ask: Ask) -> None:
    """421 on the page and the API; monitoring may ask by any name."""
    app: FastAPI = create_app(nowhere().model_copy(update={"allowed_hosts": "phonoscope.example.org"}))
    for path in ("/", "/docs", "/v1/tracks", "/openapi.json"):
        answer = ask(app, "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (421, "misdirected_request")
    assert ask(app, "GET", "/health/nothing").status_code == 404
    assert ask(app, "GET", "/docs", headers={"Host": "phonoscope.example.org"}).status_code == 200
