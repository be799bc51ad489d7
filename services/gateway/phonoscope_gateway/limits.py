"""Room for many clients at once."""

from __future__ import annotations

import resource
from contextlib import suppress

_ENOUGH = 16_384


def allow_many_connections() -> None:
    """Lets this process hold as many connections as the system lets it, within reason: by default it may be just 1,024.

    Each client that waits is one. Where the limit cannot be raised it stays.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
