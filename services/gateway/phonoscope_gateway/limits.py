"""Makes this process fit for thousands of connections, and for many small computations beside each other."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress

from threadpoolctl import threadpool_limits

_ENOUGH = 16_384
_COLLECT = (2_000, 10, 50)
"""Objects made before a pass over the youngest, and how many passes come before one over the older ones."""


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


def multiply_in_one_thread() -> None:
    """Has numpy multiply matrices in the thread that asks: its further threads would spin between small ones.

    A search then takes half of the processor time.
    """
    threadpool_limits(1, "blas")


def collect_all_rarely() -> None:
    """Makes full passes of the garbage collector rare: with 10,000 connections, each stops the process for 0.1 s."""
    gc.set_threshold(*_COLLECT)
