"""A small application behind the edge's protocol, on real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic, sleep
from typing import TypeAlias

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from phonoscope_gateway.edge.connections import ConnectionLimits, Connections, keep_place
from phonoscope_gateway.edge.cross_origin import CrossOrigin
from phonoscope_gateway.edge.guard import Guard
from phonoscope_gateway.edge.hosts import host_check
from phonoscope_gateway.edge.protocol import protocol_for
from phonoscope_gateway.problems import add_problem_handlers
from tests.unit.gateway.edge.raw import Door

Serve: TypeAlias = Callable[..., AbstractContextManager[Door]]

LIMITS = {"most": 200, "per_address": 100, "head_s": 1.0, "body_s": 1.0, "write_s": 1.0}
BIG = 64 << 20


def application(kept: list[str], go_on: threading.Event) -> FastAPI:
    """Answers at once, after a while, as if to a key, with much, with what it was sent."""
    app = FastAPI()
    app.add_middleware(Guard, max_upload_bytes=BIG, max_requests_per_owner=9, check_host=host_check(""))
    add_problem_handlers(app)

    @app.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/slow")
    async def slow() -> dict[str, str]:
        await asyncio.sleep(2.5)
        return {"status": "slow"}

    @app.get("/kept")
    async def keep(request: Request) -> dict[str, str]:
        keep_place(request.scope)
        kept.append(request.url.path)
        await asyncio.to_thread(go_on.wait, 60.0)
        return {"status": "kept"}

    @app.get("/big")
    async def big() -> StreamingResponse:
        async def pieces() -> object:
            for _ in range(BIG >> 16):
                yield bytes(1 << 16)

        return StreamingResponse(pieces())  # type: ignore[arg-type]

    @app.post("/echo")
    async def echo(request: Request) -> dict[str, object]:
        names = sorted(request.headers.keys())
        return {"bytes": len(await request.body()), "headers": names}

    @app.post("/v1/tracks")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(piece) async for piece in request.stream()])}

    return app


@pytest.fixture
def serve() -> Serve:
    """Starts a server with these limits in place of the usual ones; it is stopped at the end."""

    @contextmanager
    def started(origins: str = "", **changes: object) -> Iterator[Door]:
        kept, go_on = list[str](), threading.Event()
        edge = Connections(ConnectionLimits(**LIMITS | changes))  # type: ignore[arg-type]
        config = uvicorn.Config(
            application(kept, go_on),
            port=0,
            http=protocol_for(edge, CrossOrigin.parse(origins)),
            ws="none",
            log_config=None,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield Door(_port(server), edge, kept, go_on)
        finally:
            go_on.set()
            server.should_exit = True
            thread.join(20)

    return started


def _port(server: uvicorn.Server) -> int:
    deadline = monotonic() + 30.0
    while not server.started and monotonic() < deadline:
        sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
