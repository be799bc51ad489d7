"""What searches are refused with, and what they leave."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.client import ApiError
from phonoscope.db.access.engine import Database
from tests.support import RunningStack


def refused(call: Any, *arguments: Any, **fields: Any) -> tuple[int, str, list[str]]:
    """The status, the code and the fields of the problem that a call is answered with."""
    with pytest.raises(ApiError) as error:
        call(*arguments, **fields)
    problem = error.value.problem
    return error.value.status_code, error.value.code, [found["field"] for found in problem.get("errors", [])]


def stored(stack: RunningStack, owner: str) -> tuple[Any, ...]:
    """How many tracks, jobs, windows and entries of the audit log there are of an owner, clips among them."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    tables = "tracks", "jobs", "window_embeddings", "audit_log"
    counts = (f"(SELECT count(*) FROM {table} WHERE owner_id IN (SELECT id FROM own))" for table in tables)
    named = "SELECT id FROM owners WHERE name = :owner"
    of_owner = f"WITH own AS (SELECT id FROM owners WHERE name = :owner OR clips_of IN ({named}))"
    try:
        with database.autocommit() as session:
            return tuple(session.execute(text(f"{of_owner} SELECT {', '.join(counts)}"), {"owner": owner}).one())
    finally:
        database.close()
