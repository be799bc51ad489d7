"""Ending tasks: result, state and event in one transaction, guarded by the lease."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.db.access.prepared import Prepared
from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.db.tasks.family import SUBJECT, family
from phonoscope.db.tasks.results import RECORD
from phonoscope.db.tasks.rollup import HAND_ON, RELEASE, SETTLE
from phonoscope.db.tasks.teachings import keep_teaching
from phonoscope.db.tasks.windows import keep_windows
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.tasks import TASKS, Writes
from phonoscope.work import Claim, Library, Outcome

# The order of these statements, and what each leaves for the next, is in LOCKS.md.
_LOCK = family("ARRAY(SELECT id FROM tasks WHERE lease_token = :token AND status = 'running')")

_END = """
    WITH outcomes AS (
        SELECT outcome.* FROM jsonb_to_recordset(:outcomes) AS outcome (
            task_id text, status text, problem jsonb, body jsonb, model_name text, model_digest text, spaces jsonb,
            acoustic jsonb
        ) JOIN tasks ON tasks.id = task_id WHERE lease_token = :token AND tasks.status = 'running'
    ), kept AS (
        INSERT INTO results (task_id, model_name, model_digest, body)
        SELECT task_id, model_name, model_digest, body FROM outcomes WHERE body IS NOT NULL
    ), listed AS (
        SELECT space.* FROM outcomes,
            jsonb_to_recordset(outcomes.spaces) AS space (model text, digest text, vectors jsonb)
    ), outdated AS (
        DELETE FROM embeddings USING listed
        WHERE embeddings.track_id = :track_id AND embeddings.model_name = listed.model
          AND embeddings.model_digest = listed.digest AND NOT vectors ? stem
          AND (SELECT count(*) FROM jsonb_object_keys(vectors)) > 1
    ), embedded AS (
        INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, stem, vector)
        SELECT :track_id, :owner_id, model, digest, each.key, CAST(each.value AS vector)
        FROM listed, jsonb_each_text(vectors) AS each
        ON CONFLICT (track_id, model_name, model_digest, stem) DO UPDATE
        SET owner_id = excluded.owner_id, vector = excluded.vector, created_at = now()
    ), known AS (
        INSERT INTO spaces (model, digest, kind)
        SELECT model, digest, 'audio' FROM listed
        WHERE (model, digest) NOT IN (SELECT model, digest FROM spaces WHERE kind = 'audio')
        ORDER BY digest, model ON CONFLICT DO NOTHING
    ), incomplete AS (
        UPDATE spaces SET complete_at = NULL FROM listed
        WHERE spaces.model = listed.model AND spaces.digest <> listed.digest AND complete_at IS NOT NULL
    ), recognised AS (
        INSERT INTO acoustic_fingerprints (track_id, owner_id, duration_s, words)
        SELECT :track_id, :owner_id, CAST(acoustic ->> 'duration_s' AS float), decode(acoustic ->> 'words', 'base64')
        FROM outcomes WHERE acoustic IS NOT NULL
        ON CONFLICT (track_id) DO UPDATE
        SET owner_id = excluded.owner_id, duration_s = excluded.duration_s, words = excluded.words, created_at = now()
    ), made AS (
        INSERT INTO artifacts (id, track_id, task_id, kind, object_key, media_type, size_bytes)
        SELECT id, :track_id, task_id, kind, object_key, media_type, size_bytes
        FROM jsonb_to_recordset(:artifacts) AS artifact (
            id text, task_id text, kind text, object_key text, media_type text, size_bytes bigint
        ) JOIN outcomes USING (task_id)
    )
    UPDATE tasks
    SET status = outcomes.status, stage = outcomes.status, error = problem, timings = :timings,
        progress = CASE outcomes.status WHEN 'succeeded' THEN 1.0 ELSE progress END,
        lease_token = NULL, lease_expires_at = NULL, finished_at = now()
    FROM outcomes WHERE id = task_id
"""

_MAP_POINTS = """
    WITH ended AS (SELECT id FROM tasks WHERE id = ANY(:leaders) AND finished_at = now() AND status = 'succeeded'),
    points AS (
        SELECT point.id AS track_id, model_name, x, y FROM ended JOIN results ON task_id = ended.id,
            jsonb_to_recordset(:points) AS point (id text, x float, y float)
            JOIN (SELECT id FROM tracks WHERE owner_id = :owner_id FOR KEY SHARE) AS kept USING (id)
    ), left_out AS (
        DELETE FROM map_points USING ended JOIN results ON task_id = ended.id
        WHERE map_points.owner_id = :owner_id AND map_points.model_name = results.model_name
          AND track_id NOT IN (SELECT track_id FROM points)
    )
    INSERT INTO map_points (track_id, model_name, owner_id, x, y)
    SELECT track_id, model_name, :owner_id, x, y FROM points
    ON CONFLICT (track_id, model_name) DO UPDATE SET x = excluded.x, y = excluded.y
"""

# The claim's tasks where they were ended, and the queues in which tasks can start now that could not before.
_REPORT = """
    SELECT pool, lane, finished_at = now() AS ended FROM tasks
    WHERE id = ANY(:leaders) AND finished_at = now()
       OR job_id = ANY(ARRAY(SELECT job_id FROM tasks WHERE finished_at = now()))
          AND status = 'queued' AND queued_at = now() AND waits_for IS NULL
"""


_TYPES = {
    **dict.fromkeys(("token", "subject_id", "track_id", "owner_id"), "text"),
    **dict.fromkeys(("jobs", "leaders"), "text[]"),
    **dict.fromkeys(("outcomes", "artifacts", "timings", "points"), "jsonb"),
}
_WHOLE = Prepared(SUBJECT, _LOCK, _END, HAND_ON, SETTLE, RECORD, _REPORT, types=_TYPES)
_WITH_STEMS = Prepared(SUBJECT, _LOCK, _END, HAND_ON, RELEASE, SETTLE, RECORD, _REPORT, types=_TYPES)
_OF_LIBRARY = Prepared(SUBJECT, _LOCK, _END, HAND_ON, SETTLE, _REPORT, types=_TYPES)
_WITH_MAP = Prepared(SUBJECT, _LOCK, _END, _MAP_POINTS, HAND_ON, SETTLE, _REPORT, types=_TYPES)

# The lock waits for an end whose commit is still under way after its worker lost the connection.
_HOLD = text("SELECT id FROM tasks WHERE id = ANY(:tasks) ORDER BY id FOR UPDATE")


def end_tasks(
    session: Session, claim: Claim, outcomes: dict[TaskName, Outcome], timings: dict[str, float]
) -> list[TaskQueue] | None:
    """Ends the claim's tasks, all at once, and those that follow them; in one round trip.

    It needs a transaction where that takes further statements (``needs_transaction``), and runs with autocommit else.

    Returns where tasks can start now that could not before; ``None``, and nothing changed, when the lease was lost.
    Raises ``OutdatedTeaching``; the caller must not commit, and holds the lease still.
    """
    facts = {
        "subject_id": claim.subject.id or claim.subject.owner_id,
        "jobs": [claim.job_id],
        "leaders": list(claim.tasks.values()),
        "token": claim.token,
        "track_id": claim.subject.id,
        "owner_id": claim.subject.owner_id,
        "outcomes": [outcome.as_record(claim.tasks[name]) for name, outcome in outcomes.items()],
        "artifacts": [
            artifact.as_record(claim.tasks[name], claim.object_key(name, artifact))
            for name, outcome in outcomes.items()
            for artifact in outcome.artifacts
        ],
        "points": [
            {"id": track_id, "x": x, "y": y} for each in outcomes.values() for track_id, (x, y) in each.points.items()
        ],
        "timings": timings,
    }
    rows = _statement(claim).execute(session, facts).all()
    if not any(row.ended for row in rows):
        return None
    for outcome in outcomes.values():
        keep_windows(session, claim, outcome.windows)
        if outcome.teaching is not None:
            keep_teaching(session, claim.subject.owner_id, outcome.teaching)
    return sorted({TaskQueue(Pool(row.pool), Lane(row.lane)) for row in rows if not row.ended})


def needs_transaction(outcomes: Mapping[TaskName, Outcome]) -> bool:
    """Whether windows or a classifier are to be kept, which takes statements of its own."""
    return any(outcome.windows or outcome.teaching for outcome in outcomes.values())


def _statement(claim: Claim) -> Prepared:
    writes = {kind for task in claim.tasks for kind in TASKS[task].writes}
    if Writes.MAP in writes:
        return _WITH_MAP
    if isinstance(claim.subject, Library):
        return _OF_LIBRARY
    return _WITH_STEMS if Writes.STEMS in writes else _WHOLE


def committed_keys(session: Session, claim: Claim) -> set[str]:
    """The object keys of the claim's artifacts, after any end of its tasks that is still under way."""
    tasks = list(claim.tasks.values())
    session.execute(_HOLD, {"tasks": tasks})
    return set(session.scalars(select(ArtifactRow.object_key).where(ArtifactRow.task_id.in_(tasks))))
