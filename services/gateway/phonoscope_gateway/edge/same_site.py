"""Requests with a session's cookie, which a browser adds by itself: they must be of this service's own page."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.types import Scope

from phonoscope.errors import CrossSiteRequest
from phonoscope_gateway.edge.access import READING
from phonoscope_gateway.state import State

CSRF = "X-CSRF-Token"
_OWN = frozenset({"same-origin", "none"})
"""Values of ``Sec-Fetch-Site``: of the page itself, and of a person who typed the address."""


def check_same_site(scope: Scope, session_id: str) -> None:
    """Checks where a session's request comes from, and that one which changes something brings the session's token.

    Raises ``CrossSiteRequest``.
    """
    state: State = scope["app"].state.phonoscope
    assert state.sign_in is not None
    headers = Headers(scope=scope)
    reads = scope["method"] in READING
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in _OWN:
        raise CrossSiteRequest("another site's page asked for this; open this service's own page")
    if origin is not None and origin != state.sign_in.origin:
        raise CrossSiteRequest("Origin is not that of this service's own page, which public_url names")
    if reads:
        return
    if site is None and origin is None:
        raise CrossSiteRequest("Origin is missing; send an API key from anything but a browser")
    given = headers.get(CSRF, "")
    if not hmac.compare_digest(given.encode(), state.sign_in.csrf_token(session_id).encode()):
        raise CrossSiteRequest(f"{CSRF} is missing or wrong; GET /v1/session answers with the session's own")
