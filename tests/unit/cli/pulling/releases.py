"""Servers of files: one that answers as GitHub does for a release's asset, and a package index."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ASSET = "/fschmid56/EfficientAT/releases/download/v0.0.1/mn04_as_mAP_432.pt"
STORED = "/github-production-release-asset/1"


@dataclass
class Releases:
    """An asset at ``ASSET``, which redirects to another host's ``STORED``, as GitHub does.

    Args:
        address: of the asset.
        host: the other host's origin.
        cut_after: a connection breaks after so many bytes of the body, ``cuts`` times.
        ranges: whether ranges are answered; else always the whole file.
        status: answered instead of the file.
        media_type: of the answer.
    """

    content: bytes
    address: str = ""
    host: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    cut_after: int = 0
    cuts: int = 0
    ranges: bool = True
    status: int = 200
    media_type: str = "application/octet-stream"

    def redirect(self, request: BaseHTTPRequestHandler) -> None:
        """Answers the asset's address with a redirect to the other host."""
        request.send_response(302)
        request.send_header("Location", f"{self.host}{STORED}")
        request.send_header("Content-Length", "0")
        request.end_headers()

    def send(self, request: BaseHTTPRequestHandler) -> None:
        """Answers with the file or the rest of it."""
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        part = self.content[start:]
        request.send_response(self.status if self.status != 200 else 206 if start else 200)
        request.send_header("Content-Type", self.media_type)
        request.send_header("ETag", f'"{hashlib.md5(self.content).hexdigest()}"')
        request.send_header("Content-Length", str(len(part)))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.end_headers()
        if self.cuts and len(part) > self.cut_after:
            self.cuts -= 1
            request.wfile.write(part[: self.cut_after])
            request.close_connection = True
            return
        request.wfile.write(part)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers a request."""
        self.asked.append((request.path, request.headers.get("Range")))
        if request.path == ASSET:
            self.redirect(request)
        else:
            self.send(request)


@dataclass
class PackageIndex:
    """A simple package index with one project and its files."""

    project: str
    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers the project's page or a file."""
        self.asked.append(request.path)
        name = request.path.rpartition("/")[2]
        if request.path == f"/simple/{self.project}/":
            links = "".join(f'<a href="/files/{name}">{name}</a>' for name in self.files)
            content, media_type = f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html"
        elif name in self.files:
            content, media_type = self.files[name], "application/octet-stream"
        else:
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The origin of a server on loopback that answers GET requests so while inside."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing: the test looks at what was asked."""

        def handle(self) -> None:
            # A client closes its connection before it has read what it refuses.
            with suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            answer(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
