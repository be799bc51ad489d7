"""Renders all errors, as RFC 9457 ``application/problem+json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from math import ceil
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from phonoscope.errors import (
    BodyTooLarge,
    HeadTooLarge,
    InvalidRequest,
    LimitReached,
    MalformedRequest,
    MisdirectedRequest,
    MissingScope,
    NotShared,
    PhonoscopeError,
    RangeNotSatisfiable,
    RequestTimeout,
    ShareEnded,
    TaskFailed,
    Unauthorized,
    Unavailable,
    UnsupportedTusVersion,
)
from phonoscope.logs import get_logger

_log = get_logger(__name__)
_MEDIA_TYPE = "application/problem+json"
NO_GUESSING = ("X-Content-Type-Options", "nosniff")
"""Forbids browsers to guess another media type."""
TUS_VERSION = "1.0.0"
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_MOST_NAMED = 20
LONGEST_FIELD = 200
"""Characters of a field's name in an error, which a client may have made up."""
_PARTS = frozenset({"body", "query", "path", "header"})

Responses: TypeAlias = dict[int | str, dict[str, Any]]
"""Documented responses by status, as FastAPI takes them."""


def problems(*errors: type[PhonoscopeError]) -> Responses:
    """The documented responses of a call that raises these errors.

    >>> problems(InvalidRequest)[422]["description"]
    'The request is not valid'
    """
    content = {_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    titles: dict[int | str, list[str]] = {}
    for error in errors:
        titles.setdefault(error.status, []).append(error.title_of())
    return {status: {"description": "; ".join(words), "content": content} for status, words in titles.items()}


def links(field: str, **operations: Sequence[str]) -> dict[str, dict[str, Any]]:
    """OpenAPI's links: the calls whose parameter a field of the answer is.

    >>> links("id", job_id=["read_one_job"])
    {'read_one_job': {'operationId': 'read_one_job', 'parameters': {'job_id': '$response.body#/id'}}}
    """
    return {
        operation: {"operationId": operation, "parameters": {parameter: f"$response.body#/{field}"}}
        for parameter, names in operations.items()
        for operation in names
    }


FAILED: Responses = {HTTPStatus.FAILED_DEPENDENCY: problems(TaskFailed)[TaskFailed.status]}
"""A call that needs a task's result can be answered with this."""
KEYED = problems(Unauthorized, MissingScope, NotShared, ShareEnded, LimitReached)
"""Calls that need a key, or take the token of a shared link in its place, can be answered with these."""
ALWAYS = problems(
    MalformedRequest, RequestTimeout, BodyTooLarge, MisdirectedRequest, InvalidRequest, HeadTooLarge, Unavailable
)
"""Every call can be answered with these."""


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(PhonoscopeError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(Exception, _unknown)


def problem(error: PhonoscopeError, instance: str) -> JSONResponse:
    """An error as a response, with the headers for its status."""
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, LimitReached):
        headers |= limit_headers(error.policy, error.limit, error.window_s, 0, error.retry_after_s or 0)
    if isinstance(error, UnsupportedTusVersion):
        headers["Tus-Version"] = TUS_VERSION
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size_bytes}"
    return _response(error.as_problem() | {"instance": instance}, headers)


def limit_headers(policy: str, limit: float, window_s: int | None, left: float, reset_s: float) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers (its revision 10) for one limit.

    Args:
        policy: the limit's name.
        limit: how much is allowed in ``window_s`` seconds, or at any time where that is ``None``.
        left: how much is left of it.
        reset_s: after how many seconds all of it is free again.
    """
    window = "" if window_s is None else f";w={window_s}"
    return {
        "RateLimit-Policy": f'"{policy}";q={int(limit)}{window}',
        "RateLimit": f'"{policy}";r={int(left)};t={ceil(reset_s)}',
    }


def kept_problem(kept: Mapping[str, Any], instance: str) -> JSONResponse:
    """The problem with which a task ended, as a response; 424 where the task failed by no fault of the request."""
    code = kept["status"] if kept["status"] < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.FAILED_DEPENDENCY
    return JSONResponse({**kept, "instance": instance, "status": code}, code, media_type=_MEDIA_TYPE)


def invalid_request(errors: Iterable[Mapping[str, Any]]) -> InvalidRequest:
    """Pydantic's errors as one ``InvalidRequest`` that names each field, of many the first ones."""
    found = [{"field": _field(error["loc"]), "message": str(error["msg"])} for error in islice(errors, _MOST_NAMED)]
    return InvalidRequest("; ".join(f"{item['field']}: {item['message']}" for item in found), errors=found)


def _field(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location and location[0] in _PARTS and len(location) > 1 else location
    return ".".join(str(part) for part in parts)[:LONGEST_FIELD] or "body"


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PhonoscopeError)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request.failed", path=request.url.path, code=error.code, detail=error.detail)
    return problem(error, request.url.path)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem(invalid_request(error.errors()), request.url.path)


async def http_problem(request: Request, error: Exception) -> JSONResponse:
    """An error of the framework's as a problem."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error.detail),
        "code": status.name.lower(),
        "retryable": False,
        "instance": request.url.path,
    }
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return _response(body, headers)


def _allowed(request: Request) -> list[str]:
    """The methods of the request's path; the router itself knows only those of the first route.

    ``HEAD`` is wherever ``GET`` is. A path that no route has is in a folder of files.
    """
    routes = [route for route in request.app.router.routes if not isinstance(route, Mount)]

    def has(method: str) -> bool:
        return any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)

    own = [method for method in _METHODS if has(method)] or ["GET"]
    return sorted(own + ["HEAD"] * ("GET" in own))


def _response(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, body["status"], headers, _MEDIA_TYPE)


async def _unknown(request: Request, _: Exception) -> JSONResponse:
    response = problem(PhonoscopeError("unexpected error; see the service's log"), request.url.path)
    # Starlette answers with this one outside of every middleware, the guard too.
    response.headers.append(*NO_GUESSING)
    response.headers.update(getattr(request.state, "answer_headers", {}))
    return response
