"""The web page over HTTP: one document for every address of the page, and its files."""

from __future__ import annotations

import re
from http import HTTPStatus
from mimetypes import guess_type
from os.path import isfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.responses import FileResponse, HTMLResponse

from phonoscope.errors import NotFound
from phonoscope_gateway.accept import negotiate
from phonoscope_gateway.compression import takes
from phonoscope_gateway.documents import NONCE, document
from phonoscope_gateway.problems import http_problem

AcceptEncoding = Annotated[str | None, Header()]

ADDRESSES = (
    "/",
    "/search",
    "/tracks/{track_id}",
    "/compare",
    "/classifiers",
    "/classifiers/{name}",
    "/classifiers/{name}/review",
    "/jobs",
    "/models",
    "/webhooks",
)
"""The page's addresses. Everything else belongs to the API."""

_SHARED = "/shared"
"""The page of a shared link: no cache keeps it, and no search engine lists it."""
_UNLISTED = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_OF_PROGRAMS = re.compile(r"/(v1|docs|health|assets|openapi\.json|metrics)(/|$)")
_KINDS = ("application/problem+json", "text/html")
_STATIC = Path(__file__).with_name("static")
_BESIDE = '="./'
"""How the built document begins the addresses of files beside it, though it is served at many addresses."""
_ROOT_PATH = "__ROOT_PATH__"
_MADE_HERE = {"style-src": f"'nonce-{NONCE}'"}
"""Allows style sheets that the page's scripts make."""
_FROM_THE_STORE = ("connect-src", "img-src", "media-src")
_FOR_EVER = "public, max-age=31536000, immutable"
"""The ``Cache-Control`` of files whose names change with their content."""
_CODINGS = {"br": ".br", "gzip": ".gz"}
"""The content codings in which the build leaves files, the smallest first, and the endings of their names."""


def add_page(app: FastAPI, static: Path = _STATIC, objects_at: str = "", root_path: str = "") -> None:
    """Adds the page in a folder; when it was not built, its addresses answer with a problem that says so.

    Args:
        app: the application that the routes are added to.
        static: the folder with ``index.html`` and ``assets``.
        objects_at: the origin that requests for audio and artifacts are redirected to; empty without redirects.
        root_path: the prefix of paths, as browsers have them.
    """
    router = APIRouter(include_in_schema=False)
    for address in ADDRESSES:
        router.add_api_route(address, lambda: _document(static, objects_at, root_path), response_class=HTMLResponse)

    @router.get(_SHARED, response_class=HTMLResponse)
    def shared() -> HTMLResponse:
        answer = _document(static, objects_at, root_path)
        answer.headers.update(_UNLISTED)
        return answer

    @router.get("/favicon.svg")
    def icon(accept_encoding: AcceptEncoding = None) -> FileResponse:
        return _file(static / "favicon.svg", "no-cache", accept_encoding)

    @router.get("/licenses.txt")
    def licenses(accept_encoding: AcceptEncoding = None) -> FileResponse:
        return _file(static / "licenses.txt", "no-cache", accept_encoding)

    @router.get("/assets/{name}")
    def asset(name: str, accept_encoding: AcceptEncoding = None) -> FileResponse:
        return _file(static / "assets" / name, _FOR_EVER, accept_encoding)

    app.include_router(router)

    async def no_such_page(request: Request, error: Exception) -> Response:
        """The page says it to a person who follows a link in a browser; programs get a problem."""
        path = request.scope["path"].removeprefix(root_path)
        if _OF_PROGRAMS.match(path) or not _wants_a_page(request):
            return await http_problem(request, error)
        try:
            return _document(static, objects_at, root_path, HTTPStatus.NOT_FOUND)
        except NotFound:
            return await http_problem(request, error)

    app.add_exception_handler(HTTPStatus.NOT_FOUND, no_such_page)


def _wants_a_page(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accept and negotiate(accept, _KINDS) == "text/html"


def _document(static: Path, objects_at: str, root_path: str, code: int = HTTPStatus.OK) -> HTMLResponse:
    try:
        text = (static / "index.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _not_built() from None
    stored = dict.fromkeys(_FROM_THE_STORE, objects_at) if objects_at else {}
    text = text.replace(_BESIDE, f'="{root_path}/').replace(_ROOT_PATH, root_path)
    return document(text, _MADE_HERE | stored, code)


def _file(path: Path, cache_control: str, accept_encoding: str | None) -> FileResponse:
    """A file of the page, as the client can take it: the build has compressed what gains by it."""
    if not isfile(path) or path.suffix in _CODINGS.values():  # noqa: PTH113 - a name too long is no error here
        raise NotFound("the page has no such file") if path.parent.is_dir() else _not_built()
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    media_type = guess_type(path.name)[0]
    for coding, ending in _CODINGS.items():
        packed = path.with_name(path.name + ending)
        if takes(accept_encoding, coding) and packed.is_file():
            return FileResponse(packed, headers=headers | {"Content-Encoding": coding}, media_type=media_type)
    return FileResponse(path, headers=headers, media_type=media_type)


def _not_built() -> NotFound:
    return NotFound("the page was not built; `make page` builds it. The API does not need it: see /docs")
