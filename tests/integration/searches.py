"""What searches are refused with, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.client import ApiError
from phonoscope.db.access.engine import Database
from phonoscope_local.processes import wait_until
from tests.support import RunningStack


def refused(call: Any, *arguments: Any, **fields: Any) -> tuple[int, str, list[str]]:
    """The status, the code and the fields of the problem that a call is answered with."""
    with pytest.raises(ApiError) as error:
        call(*arguments, **fields)
    problem = error.value.problem
    return error.value.status_code, error.value.code, [found["field"] for found in problem.get("errors", [])]


def stored(stack: RunningStack) -> tuple[Any, ...]:
    """How many tracks, jobs, windows and entries of the audit log there are, once nobody's task is under way."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    idle = text("SELECT NOT EXISTS (SELECT FROM tasks WHERE status IN ('queued', 'running'))")
    tables = "tracks", "jobs", "window_embeddings", "audit_log"
    counted = f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in tables)}"
    try:
        with database.autocommit() as session:
            assert wait_until(lambda: bool(session.scalar(idle)), 120.0)
            return tuple(session.execute(text(counted)).one())
    finally:
        database.close()
