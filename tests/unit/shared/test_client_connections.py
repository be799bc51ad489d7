"""Connections that the client keeps between requests."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from phonoscope.client import Client
from phonoscope.client import connection as client_connection


class Answering(BaseHTTPRequestHandler):
    """Answers every request with an empty page of tracks, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    opened: list[object]

    def setup(self) -> None:
        super().setup()
        self.opened.append(self.client_address)

    def do_GET(self) -> None:
        body = b'{"items": [], "next_cursor": null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Answering.opened = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as found:
        found.daemon_threads = True
        Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.mark.parametrize(("idle_s", "connections"), [(60.0, 1), (0.0, 2)], ids=["in time", "too late"])
def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, idle_s: float, connections: int
) -> None:
    """The gateway may close it at the very moment at which a request is sent."""
    monkeypatch.setattr(client_connection, "_IDLE_S", idle_s)
    with Client(f"http://127.0.0.1:{server.server_port}", "psk_a_b") as client:
        assert [client.tracks().items for _ in range(2)] == [[], []]
    assert len(Answering.opened) == connections


def test_the_client_is_done_with_a_connection_before_the_gateway() -> None:
    """The gateway closes idle connections after uvicorn's five seconds."""
    assert client_connection._IDLE_S < 5.0
