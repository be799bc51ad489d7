"""Requests without a server: an application is asked directly, a body is handed over in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from tests.unit.gateway.requests import Ask, MakeRequest


@pytest.fixture
def ask() -> Ask:
    """Sends one request to an application and gives its answer, errors of the application's own too."""

    def send(app: Any, method: str, path: str, **request: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
                return await client.request(method, path, **request)

        return asyncio.run(go())

    return send


@pytest.fixture(scope="session")
def make_request() -> MakeRequest:
    """A request whose body arrives in these pieces; ``request.state.taken`` counts those that were asked for."""

    def make(pieces: Sequence[bytes], **headers: str) -> Request:
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        messages.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> Any:
            request.state.taken += 1
            return messages[request.state.taken - 1]

        sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        request = Request({"type": "http", "method": "POST", "path": "/", "headers": sent, "app": FastAPI()}, receive)
        request.state.taken = 0
        return request

    return make
