"""Objects of ended jobs, and a store that is away."""

from __future__ import annotations

import io
from collections.abc import Iterable

from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow
from phonoscope.errors import StoreUnavailable
from phonoscope.storage import ObjectStore


class AwayStore(ObjectStore):
    """Cannot be reached, and counts how often it is asked."""

    asked = 0

    def delete(self, keys: Iterable[str]) -> None:
        self.asked += 1
        raise StoreUnavailable(f"away: {len([*keys])} objects are left")


def artifact_of(database: Database, store: ObjectStore, job: JobRow) -> str:
    """The key of an object that the job's task made."""
    key = f"tracks/{job.track_id}/classify/{job.id}/a.png"
    store.put(key, io.BytesIO(b"bytes"), "image/png")
    statement = text(
        "INSERT INTO artifacts (id, track_id, task_id, kind, object_key, media_type, size_bytes) "
        "VALUES (:id, :track, :task, 'image', :key, 'image/png', 5)"
    )
    values = {"id": f"art_{job.id}", "track": job.track_id, "task": job.tasks[0].id, "key": key}
    with database.transaction() as session:
        session.execute(statement, values)
    return key
