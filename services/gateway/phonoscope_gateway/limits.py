"""Raises this process's limit of connections."""

from __future__ import annotations

import resource
from contextlib import suppress

_ENOUGH = 16_384


def allow_many_connections() -> int:
    """Raises the number of files and connections that this process may hold, by default often 1,024; returns it.

    Each waiting client has a connection. Where the limit cannot be raised, it stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _ENOUGH if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
