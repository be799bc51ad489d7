"""Says to a person in a browser why a sign-in came to nothing; programs get a problem."""

from __future__ import annotations

from html import escape

from fastapi import Request, Response

from phonoscope.errors import PhonoscopeError
from phonoscope.logs import get_logger
from phonoscope_gateway.accept import negotiate
from phonoscope_gateway.documents import document
from phonoscope_gateway.problems import problem

_KINDS = ("application/problem+json", "text/html")
_TEXT = """<!doctype html>
<html lang="en">
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="dark light" />
<title>Not signed in – Phonoscope</title>
<h1>You are not signed in</h1>
<p>{title}: {detail}</p>
<p><a href="{home}/">Back to the page</a></p>
</html>
"""
_log = get_logger(__name__)


def refusal(request: Request, error: PhonoscopeError) -> Response:
    """The error as a document, or as a problem, with its status."""
    _log.info("sign_in.refused", code=error.code, detail=error.detail)
    if "text/html" not in request.headers.get("accept", "") or _accepted(request) != "text/html":
        return problem(error, request.url.path)
    home = request.scope.get("root_path", "")
    text = _TEXT.format(title=escape(error.title), detail=escape(error.detail), home=escape(home))
    answer = document(text, {}, error.status)
    answer.headers["Cache-Control"] = "no-store"
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _accepted(request: Request) -> str:
    return negotiate(request.headers.get("accept"), _KINDS)
