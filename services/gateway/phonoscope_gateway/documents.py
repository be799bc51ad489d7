"""HTML documents under a strict Content-Security-Policy."""

from __future__ import annotations

import secrets

from fastapi.responses import HTMLResponse

NONCE = "__CSP_NONCE__"
"""Is replaced by a new nonce in each answer, in the document and in its policy."""

_HERE = "'self'"
_ALLOWED = {
    "default-src": "'none'",
    "script-src": _HERE,
    "style-src": _HERE,
    "img-src": _HERE,
    "media-src": _HERE,
    "connect-src": _HERE,
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Nothing is loaded from other hosts, no inline script runs, and no other page can frame the document."""
_HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
}


def document(text: str, also: dict[str, str], code: int = 200) -> HTMLResponse:
    """A document that may load only what this server serves.

    Args:
        text: HTML, with ``NONCE`` in its inline scripts and styles.
        also: further sources by directive, such as ``{"img-src": "https://objects.example.org"}``.
        code: the status of the answer.
    """
    allowed = _ALLOWED | {name: f"{_HERE} {source}" for name, source in also.items()}
    policy = "; ".join(f"{name} {sources}" for name, sources in allowed.items())
    nonce = secrets.token_urlsafe(16)
    headers = _HEADERS | {"Content-Security-Policy": policy.replace(NONCE, nonce)}
    return HTMLResponse(text.replace(NONCE, nonce), code, headers=headers)
