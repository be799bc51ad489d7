"""Ports on the loopback address."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

from phonoscope.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the ranges of ephemeral ports on Linux and macOS, so that no client's connection occupies one.
_RANGE = range(15000, 30000)
_ATTEMPTS = 200


def choose_port(wanted: int, taken: Collection[int] = ()) -> int:
    """``wanted`` when it is free, otherwise another. Raises ``StackError`` when none can be found."""
    for port in [wanted, *random.sample(_RANGE, _ATTEMPTS)]:
        if port and port not in taken and why_unusable(port) is None:
            return port
    raise StackError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {LOOPBACK}")


def require_port(port: int) -> None:
    """Raises ``StackError`` when nothing can listen on the port."""
    if reason := why_unusable(port):
        raise StackError(f"port {port} on {LOOPBACK} cannot be used: {reason}; name another with --port")


def why_unusable(port: int) -> str | None:
    """Why nothing can listen on the port; ``None`` when it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
