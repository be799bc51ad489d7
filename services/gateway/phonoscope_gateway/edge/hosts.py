"""The names that the gateway answers to."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeAlias

from starlette.datastructures import Headers

from phonoscope.addresses import comma_separated, is_loopback, parse_address
from phonoscope.errors import MalformedRequest, MisdirectedRequest

HostCheck: TypeAlias = Callable[[Headers], None]
"""Raises ``MalformedRequest`` without one valid ``Host``, and ``MisdirectedRequest`` for another's."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", re.IGNORECASE | re.ASCII)


def host_check(allowed: str, listening: str | None = None) -> HostCheck:
    """The check of ``Host`` for a gateway.

    Args:
        allowed: names and patterns such as ``*.example.org``, comma-separated. When empty, a gateway that listens on
            loopback answers to addresses and to ``localhost`` alone, so that no page of another site can reach it by
            giving its own name this machine's address (DNS rebinding); any other gateway answers to every name.
        listening: the address that the gateway listens on.
    """
    patterns = comma_separated(allowed)
    if patterns:
        return lambda headers: _check(headers, lambda host: _matches(host, patterns))
    if listening is not None and is_loopback(listening):
        return lambda headers: _check(headers, lambda host: parse_address(host) is not None or is_loopback(host))
    return lambda headers: _check(headers, lambda _: True)


def _check(headers: Headers, known: Callable[[str], bool]) -> None:
    values = headers.getlist("host")
    found = _HOST.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        raise MalformedRequest("a request has one Host, a name or an address")
    host = found[1].strip("[]").rstrip(".").lower()
    if not known(host):
        raise MisdirectedRequest(f"nothing is served as {host}; the setting allowed_hosts names what is")


def _matches(host: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(host, pattern.strip("[]")) for pattern in patterns)
