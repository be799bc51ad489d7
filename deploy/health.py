#!/usr/bin/env python3
"""Exits with status 0 when this container's process is healthy: ``phonoscope-health gateway|gpu|cpu|courier``."""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_READY = "http://127.0.0.1:8000/health/ready"
_TIMEOUT_S = 5
_SWEPT_RECENTLY = (
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_addr = inet_client_addr()"
    " AND application_name = 'phonoscope' AND state_change > now() - interval '20 seconds'"
)


def gateway_is_ready() -> bool:
    """Checks that PostgreSQL, the broker and the store answer the gateway. Raises ``URLError`` when one does not."""
    with urllib.request.urlopen(_READY, timeout=_TIMEOUT_S):
        return True


def worker_beats(pool: str) -> bool:
    """Whether a worker on this host has written a heartbeat recently."""
    from phonoscope.db.service.workers import live_workers

    with _session() as session:
        return any(worker.pool == pool for worker in live_workers(session, host=socket.gethostname()))


def courier_sweeps() -> bool:
    """Whether the sweeper's connection was used recently; it has no other trace while nothing is overdue."""
    from sqlalchemy import text

    with _session() as session:
        return bool(session.scalar(text(_SWEPT_RECENTLY)))


def main() -> None:
    match sys.argv[1:]:
        case ["gateway"]:
            healthy = gateway_is_ready()
        case ["gpu" | "cpu" as pool]:
            healthy = worker_beats(pool)
        case ["courier"]:
            healthy = courier_sweeps()
        case _:
            sys.exit(__doc__)
    sys.exit(0 if healthy else 1)


@contextmanager
def _session() -> Iterator[Session]:
    from phonoscope.db.access.engine import Database
    from phonoscope.settings import get_settings

    with Database(get_settings().database_url.get_secret_value(), pool_size=1).transaction() as session:
        yield session


if __name__ == "__main__":
    main()
