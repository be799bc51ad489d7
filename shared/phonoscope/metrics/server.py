"""Serves ``/metrics`` of a folder on a port of its own, from a thread of one of the processes that share it."""

from __future__ import annotations

import errno
import os
import socket
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST

from phonoscope.addresses import is_loopback, parse_address
from phonoscope.logs import get_logger
from phonoscope.metrics.folder import MetricsFolder

_AT_ONCE = 8
_PATIENCE_S = 5.0
"""For a client to send its request, and to read on."""
_TRY_AGAIN_S = 2.0
_log = get_logger(__name__)


class MetricsServer:
    """Listens while no other process does: whichever of the folder's processes has the port serves for all.

    When that process ends, another takes the port within seconds. Processes that fork may start it before they do: no
    child is forked while its thread holds a lock, and none keeps the port.
    """

    def __init__(self, host: str, port: int, folder: MetricsFolder) -> None:
        self._address = (host, port)
        self._folder = folder
        self._at_work = threading.Lock()
        self._server: _Server | None = None
        self._serving: BinaryIO | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Starts the thread. Called once in a process."""
        _rehearse(self._render)
        at_work = self._at_work
        os.register_at_fork(
            before=at_work.acquire, after_in_parent=at_work.release, after_in_child=partial(_leave, self)
        )
        self._thread.start()

    def _run(self) -> None:
        said: str | None = None
        while (reason := self._listen()) is not None:
            if reason != said:
                _log.log(*_severity(reason), host=self._address[0], port=self._address[1], reason=reason)
                said = reason
            sleep(_TRY_AGAIN_S)
        assert self._server is not None
        self._server.serve_forever()

    def _listen(self) -> str | None:
        """Takes the port; returns why it cannot."""
        serving = None
        try:
            with self._at_work:
                serving = self._folder.sign_as_serving()
                self._server = _Server(self._address, self._render)
        except OSError as error:
            taken = serving is None and error.errno == errno.EADDRINUSE
            if serving is not None:
                serving.close()
            return _TAKEN if taken else str(error)
        self._serving = serving
        return None

    def _render(self) -> bytes:
        with self._at_work:
            return self._folder.render()


_TAKEN = "a process of the same folder has the port and serves these metrics too"


def _severity(reason: str) -> tuple[int, str]:
    return (20, "metrics.served_by_another") if reason == _TAKEN else (40, "metrics.not_served")


def _leave(server: MetricsServer) -> None:
    """In a forked child: the port is its parent's."""
    if server._server is not None:  # noqa: SLF001 - a hook of the class itself
        server._server.socket.close()  # noqa: SLF001
    server._at_work.release()  # noqa: SLF001


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], render: Any) -> None:
        self.render = render
        self.host = address[0]
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's names
        _log.debug("metrics.client_left", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    server: _Server

    def do_GET(self) -> None:
        if not answers_to(self.headers.get("Host", ""), self.server.host):
            said = b"This address answers to IP addresses and localhost alone.\n"
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", said)
            return
        if self.path.partition("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"The metrics are at /metrics.\n")
            return
        try:
            body = self.server.render()
        except OSError as error:
            _log.warning("metrics.unreadable", reason=str(error))
            text = f"the folder of metrics cannot be read: {error.strerror}\n"
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", text.encode())
            return
        self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, body)

    do_HEAD = do_GET  # noqa: N815 - http.server's names

    def version_string(self) -> str:
        return "phonoscope"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's names
        pass

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def answers_to(host: str, listening: str) -> bool:
    """Whether a request may have this ``Host``: on loopback no name but ``localhost``, as a page may give it its own.

    >>> answers_to("127.0.0.1:9464", "127.0.0.1"), answers_to("rebound.example:9464", "127.0.0.1")
    (True, False)
    """
    if not host or not is_loopback(listening):
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return parse_address(name) is not None or is_loopback(name)


class _Rehearsed:
    host = "127.0.0.1"

    def __init__(self, render: Any) -> None:
        self.render = render


def _rehearse(render: Any) -> None:
    """Answers one request over a pair of sockets, so that no later one imports anything while a child is forked."""
    client, served = socket.socketpair()
    with client, served:
        client.sendall(b"HEAD /metrics HTTP/1.0\r\nAccept: */*\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        _Handler(served, ("", 0), _Rehearsed(render))  # type: ignore[arg-type]
