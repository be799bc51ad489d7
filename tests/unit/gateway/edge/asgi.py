"""One request to an application without a server, message by message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

PIECE = b"x" * 65_536


@dataclass
class Exchange:
    """A request, how many messages of it were taken, and what was answered.

    Attributes:
        body: its pieces; after the last the client leaves.
        whole: whether the last piece says that it is the last.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Iterator[bytes] | None = None
    query: bytes = b""
    taken: int = 0
    sent: list[Message] = field(default_factory=list)
    left: bool = False

    def through(self, app: ASGIApp) -> Exchange:
        """Runs the application and returns itself."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "root_path": "",
            "scheme": "http",
            "headers": [(b"host", b"gateway.test"), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

        async def run() -> None:
            await app(scope, self._receive, self._send)

        asyncio.run(run())
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answered(self) -> dict[str, str]:
        """The headers of the answer."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in self.sent))
        return found

    async def _receive(self) -> Message:
        await asyncio.sleep(0)
        self.taken += 1
        piece = next(self.body, None) if self.body is not None else b""
        if piece is None and self.left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None and self.body is not None}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
