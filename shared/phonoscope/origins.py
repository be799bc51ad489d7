"""Web origins and path prefixes, as settings name them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from phonoscope.addresses import comma_separated, is_loopback

ANY = "*"
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?", re.ASCII)
_USUAL_PORTS = {"http": "80", "https": "443"}
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)
_OWN = frozenset(
    ("assets", "docs", "favicon.svg", "health", "jobs", "models", "openapi.json", "tracks", "v1", "webhooks")
)
"""First segments of the gateway's own paths."""


def parse_origins(text: str) -> tuple[str, ...]:
    """Comma-separated origins, as browsers write them in ``Origin``; ``*`` alone is any.

    Raises ``ValueError`` for what is no origin.

    >>> parse_origins("https://Studio.example:443, http://127.0.0.1:5173")
    ('https://studio.example', 'http://127.0.0.1:5173')
    """
    words = comma_separated(text)
    if ANY in words and len(words) > 1:
        raise ValueError("`*` is every origin and stands alone")
    return tuple(word if word == ANY else _origin(word) for word in words)


def parse_root_path(text: str) -> str:
    """A path prefix without a slash at its end; empty for none.

    Raises ``ValueError`` for what is none, and for one that could be mistaken for a path of the gateway's own.

    >>> parse_root_path("/apps/phonoscope/"), parse_root_path("/")
    ('/apps/phonoscope', '')
    """
    path = text.strip().rstrip("/")
    if path and not _ROOT_PATH.fullmatch(path):
        raise ValueError("must be a path such as /phonoscope, of letters, digits and . _ ~ -")
    if path[1:].partition("/")[0] in _OWN:
        raise ValueError(f"must not begin as the gateway's own paths do: {', '.join(sorted(_OWN))}")
    return path


def is_safe_url(url: str) -> bool:
    """Whether what is sent to a URL is encrypted on its way, or stays on this machine.

    >>> is_safe_url("https://id.example"), is_safe_url("http://id.example"), is_safe_url("http://127.0.0.1:8080/r")
    (True, False, True)
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = parts.username is None and not parts.fragment and url.isascii() and url.isprintable() and " " not in url
    return plain and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _origin(word: str) -> str:
    found = _ORIGIN.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no origin; one is https://host or https://host:port, without a path")
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" if port in (None, _USUAL_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"
