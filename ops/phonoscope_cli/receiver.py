"""A receiver on this machine that verifies what comes: for trying webhooks out, and as an example of how it is done."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from phonoscope_local.ports import LOOPBACK

_MOST_BYTES = 1 << 20


class Receiver(ThreadingHTTPServer):
    """Listens on loopback. Tells of each event whose signature is right: its ``webhook-id`` and its body.

    Args:
        port: 0 for any that is free.
        secrets: any of which may have signed; may be filled later.
    """

    daemon_threads = True

    def __init__(self, port: int, secrets: list[str], tell: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.secrets = secrets
        self.tell = tell

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/"

    def verified(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        """The event, or ``None`` when no secret has signed it."""
        for secret in self.secrets:
            try:
                event = Webhook(secret).verify(body, headers)
            except (WebhookVerificationError, ValueError):
                continue
            return event if isinstance(event, dict) else None
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length) if length <= _MOST_BYTES else b""
        event = self.server.verified(body, dict(self.headers))
        self.send_response(HTTPStatus.BAD_REQUEST if event is None else HTTPStatus.NO_CONTENT)
        self.end_headers()
        if event is not None:
            self.server.tell(self.headers["webhook-id"], event)

    def log_message(self, *_: object) -> None:
        """Says nothing: what was received is told by the server's owner."""
