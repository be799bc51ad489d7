"""A webhook receiver on this machine that verifies events: to try webhooks, and as an example."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from phonoscope_local.ports import LOOPBACK

_MAX_BYTES = 1 << 20


class Receiver(ThreadingHTTPServer):
    """Listens on loopback and passes each event with a valid signature on.

    Args:
        port: 0 for any free one.
        secrets: an event is valid when one of them signed it; may be filled later.
        on_event: called with the event's ``webhook-id`` and body.
    """

    daemon_threads = True

    def __init__(self, port: int, secrets: list[str], on_event: Callable[[str, dict[str, Any]], None]) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.secrets = secrets
        self.on_event = on_event

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/"

    def verified(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        """The event, or ``None`` when none of the secrets signed it."""
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
        body = self.rfile.read(length) if length <= _MAX_BYTES else b""
        event = self.server.verified(body, dict(self.headers))
        self.send_response(HTTPStatus.BAD_REQUEST if event is None else HTTPStatus.NO_CONTENT)
        self.end_headers()
        if event is not None:
            self.server.on_event(self.headers["webhook-id"], event)

    def log_message(self, *_: object) -> None:
        """Logs nothing: ``on_event`` reports what was received."""
