"""Jobs that ended long ago, and what refers to them."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.library.jobs import list_jobs
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.states import TaskName
from tests.integration.life import claimed, end, new_job, new_track

ANSWERED_ONCE = """
    INSERT INTO webhooks (id, owner_id, url) VALUES ('whk_' || :job, :owner, 'https://example.org');
    INSERT INTO deliveries (id, owner_id, webhook_id, event_id, job_id, position, status)
    SELECT 'dlv_' || :job, owner_id, 'whk_' || :job, id, job_id, position, {} FROM events WHERE job_id = :job
"""
_AGE = """
    UPDATE jobs SET created_at = created_at - interval '30 days', finished_at = finished_at - interval '30 days';
    UPDATE tasks SET finished_at = finished_at - interval '30 days';
    UPDATE track_results SET finished_at = finished_at - interval '30 days';
    UPDATE events SET sent_out_at = now()
"""


def do(database: Database, statements: str, **values: str) -> None:
    with database.transaction() as session:
        for statement in statements.split(";"):
            session.execute(text(statement), values)


def ended(database: Database, track: TrackRow) -> JobRow:
    job = new_job(database, track, [TaskName.CLASSIFY])
    end(database, claimed(database))
    return job


def replaced(database: Database, tracks: int = 1) -> list[tuple[JobRow, JobRow]]:
    """Of each track two jobs that ended a month ago, whose events were sent out: the second one's result is shown."""
    pairs = []
    for _ in range(tracks):
        track = new_track(database)
        pairs.append((ended(database, track), ended(database, track)))
    age(database)
    return pairs


def age(database: Database) -> None:
    """Makes everything older by a month, and notes that all events were sent out."""
    do(database, _AGE)


def begin_again(database: Database) -> None:
    do(database, "UPDATE walks SET went_on_at = now() - interval '2 hours'")


def jobs(database: Database) -> set[str]:
    with database.transaction() as session:
        return set(session.scalars(text("SELECT id FROM jobs")))


def values_of(old: JobRow, newer: JobRow) -> dict[str, str]:
    task = old.tasks[0].id
    return {"job": old.id, "task": task, "newer": newer.id, "track": old.track_id or "", "owner": old.owner_id}


def refer(database: Database, statements: str, values: dict[str, str]) -> None:
    """Executes what makes a reference, each statement with those of the values that it names."""
    for statement in statements.split(";"):
        named = {name: value for name, value in values.items() if f":{name}" in statement}
        do(database, statement, **named)


def jobs_of(session: Session, job: JobRow) -> list[str]:
    """The jobs of its track, as they are listed."""
    rows, _ = list_jobs(session, job.owner_id, cursor=None, limit=20, status=None, track_id=job.track_id)
    return [row.id for row in rows]
