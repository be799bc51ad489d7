"""Bare requests of the tus protocol."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx

TUS = {"Tus-Resumable": "1.0.0"}
STREAM = {"Content-Type": "application/offset+octet-stream"}
PATH = "/v1/uploads/tus"


def metadata(**values: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items())


def begin(http: httpx.Client, size_bytes: int, **values: str) -> str:
    """The address of a new upload."""
    headers = TUS | {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata(**values)}
    answer = http.post(PATH, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def append(http: httpx.Client, url: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    return http.patch(url, content=content, headers=TUS | STREAM | {"Upload-Offset": str(offset)} | headers)


def offset_of(http: httpx.Client, url: str) -> int:
    answer = http.head(url, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def state_of(http: httpx.Client, url: str) -> dict[str, Any]:
    found: dict[str, Any] = http.get(url.replace("/tus", "")).json()
    return found
