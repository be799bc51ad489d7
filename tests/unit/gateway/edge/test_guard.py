"""What holds for every request."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.problems import add_problem_handlers
from tests.unit.gateway.requests import Ask


@pytest.fixture
def app() -> FastAPI:
    """An application that tells what reached it."""
    app = FastAPI()
    app.add_middleware(Guard, max_upload_bytes=1000, max_requests_per_owner=9, check_host=host_check(""))
    add_problem_handlers(app)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError

    @app.get("/echo/{rest:path}")
    def echo(rest: str, q: str = "") -> dict[str, str]:
        return {"rest": rest, "q": q}

    return app


@pytest.mark.parametrize("path", ["/echo/a%00b", "/echo/a?q=%00", "/echo/a?q=b%00c&r=1", "/%00"])
def test_a_nul_character_is_refused(ask: Ask, app: FastAPI, path: str) -> None:
    """In path or query: no identifier has one, and PostgreSQL could not take it."""
    response = ask(app, "GET", path)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["errors"] == [{"field": "url", "message": "holds a NUL character"}]
    assert "\x00" not in response.json()["instance"]
    assert "\\u0000" not in response.text


@pytest.mark.parametrize(
    ("path", "rest", "q"), [("/echo/a%2500b?q=%2500", "a%00b", "%00"), ("/echo/00?q=0%300", "00", "000")]
)
def test_what_only_looks_like_one_passes(ask: Ask, app: FastAPI, path: str, rest: str, q: str) -> None:
    """An escaped percent sign before zeros is none."""
    response = ask(app, "GET", path)
    assert (response.status_code, response.json()) == (200, {"rest": rest, "q": q})


@pytest.mark.parametrize("path", ["/echo/a", "/nothing", "/echo/%00", "/broken"])
def test_nobody_guesses_types(ask: Ask, app: FastAPI, path: str) -> None:
    """Every answer, a refusal and a failure too, forbids a browser to take it for something else."""
    assert ask(app, "GET", path).headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/echo/a", "/nothing", "/echo/%00", "/v1/tracks"])
def test_head_is_get_without_a_body(ask: Ask, app: FastAPI, path: str) -> None:
    """The same status and headers, the length too, and nothing else."""
    whole, head = ask(app, "GET", path), ask(app, "HEAD", path)
    assert (head.status_code, head.headers) == (whole.status_code, whole.headers)
    assert int(head.headers["Content-Length"]) == len(whole.content) > 0
    assert head.content == b""


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/echo/a/b", "/echo/{rest:path}", 200),
        ("HEAD", "/echo/a", "/echo/{rest:path}", 200),
        ("GET", "/nothing", None, 404),
        ("GET", "/echo/%00", None, 422),
        ("GET", "/broken", "/broken", 500),
        ("GET", "/left", "/left", 499),
    ],
)
def test_every_request_is_counted_once(
    app: FastAPI, ask: Ask, monkeypatch: pytest.MonkeyPatch, method: str, path: str, route: str | None, status: int
) -> None:
    """By its route's template and the status of its answer; a client that left is no failure of the service."""
    counted: list[tuple[Any, ...]] = []

    class Noting:
        def request_answered(self, *facts: Any) -> None:
            counted.append(facts)

    monkeypatch.setattr("phonoscope_gateway.edge.guard.recorder", Noting)

    @app.get("/left")
    async def leave() -> None:
        raise ClientDisconnect

    if status == 499:
        with pytest.raises(AssertionError):
            ask(app, method, path)
    else:
        ask(app, method, path)
    ((*found, seconds),) = counted
    assert found == [method, route, status]
    assert seconds >= 0


def test_what_is_not_http_passes() -> None:
    """The start and stop of the application are none of its business."""
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(
        Guard(inner, max_upload_bytes=1, max_requests_per_owner=1, check_host=host_check(""))(
            {"type": "lifespan"}, nothing, nothing
        )
    )
    assert seen == ["lifespan"]


def test_requests_that_anybody_can_make_take_turns() -> None:
    """A hundred at once are worked at a few at a time, of each address; health waits for none of them."""
    asyncio.run(_turns())


async def _turns() -> None:
    begun: asyncio.Queue[str] = asyncio.Queue()
    goes_on = asyncio.Event()

    async def page(scope: Scope, _: Receive, send: Send) -> None:
        if scope["path"] == "/page":
            await begun.put(scope["client"][0])
            await goes_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        # A client that reads nothing holds no turn.
        await (asyncio.sleep(3600) if scope["path"] == "/unread" else asyncio.sleep(0))
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(page, max_upload_bytes=1000, max_requests_per_owner=9, check_host=host_check(""))

    async def ask(path: str, address: str) -> int:
        transport = httpx.ASGITransport(guard, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
            return (await client.get(path)).status_code

    unread = [asyncio.create_task(ask("/unread", "192.0.2.1")) for _ in range(50)]
    pages = [asyncio.create_task(ask("/page", "192.0.2.1")) for _ in range(100)]
    async with asyncio.timeout(30):
        assert [await begun.get() for _ in range(4)] == ["192.0.2.1"] * 4
        assert await ask("/health/live", "192.0.2.1") == 200
        pages.append(asyncio.create_task(ask("/page", "192.0.2.2")))
        assert await begun.get() == "192.0.2.2"
        goes_on.set()
        assert set(await asyncio.gather(*pages)) == {200}
    for task in unread:
        task.cancel()


@pytest.mark.parametrize("path", ["/page", "/health/live", "/health/ready", "/v1/artifacts/a", "/v1/tracks"])
def test_a_crowd_that_is_answered_at_once_leaves_room(path: str) -> None:
    """Hundreds of requests whose answers wait for nothing are not all worked at before another client's one."""
    assert asyncio.run(_answered_before_another(path)) <= 2 * 16


async def _answered_before_another(path: str) -> int:
    answered: list[str] = []

    async def page(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(page, max_upload_bytes=1000, max_requests_per_owner=9, check_host=host_check(""))

    async def nothing() -> Message:
        return {"type": "http.request", "body": b""}

    def ask(address: str) -> asyncio.Task[None]:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(address)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"gateway")]}
        return asyncio.create_task(guard(scope | {"client": (address, 1)}, nothing, note))

    crowd = [ask("192.0.2.1") for _ in range(300)]
    await ask("192.0.2.2")
    before = answered.index("192.0.2.2")
    await asyncio.gather(*crowd)
    assert len(answered) == len(crowd) + 1
    return before
