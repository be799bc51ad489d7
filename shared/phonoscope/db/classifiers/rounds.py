"""What the courier does for classifiers: embeds examples, teaches again, and notes teachings that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.catalogue import AUTO
from phonoscope.contract import JobOptions
from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.spec import Spec
from phonoscope.db.classifiers.teaching import (
    MISSING,
    ask_for_teaching,
    failure_of,
    lock_job,
    of_space,
    space_of,
    start_teaching,
)
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.schema.tables import TaskRow, TrackRow
from phonoscope.db.service.usage import Limits, check_held
from phonoscope.db.tasks.create import create_job, startable_queues
from phonoscope.db.tasks.family import lock_subject
from phonoscope.states import TaskName, TaskQueue

AT_ONCE = 16
"""Jobs that embed examples of one classifier and wait or run."""
QUIET_S = 10.0
"""Seconds without a change of labels after which a classifier is taught again."""
_DUE = text(
    """
    SELECT own.id, own.owner_id, own.asked_at FROM classifiers AS own
    LEFT JOIN tasks AS teaching ON teaching.job_id = own.job_id AND teaching.name = 'teach'
    WHERE (own.state = 'embedding' OR own.state = 'teaching' OR own.again)
      AND (own.state = 'embedding' OR coalesce(teaching.status, '') NOT IN ('queued', 'running'))
    UNION
    SELECT own.id, own.owner_id, own.asked_at
    FROM classifier_label_changes AS changes JOIN classifiers AS own ON own.id = classifier_id
    WHERE changed_at < now() - CAST(:quiet_s AS float) * interval '1 s' AND reteach AND state IN ('ready', 'failed')
    ORDER BY asked_at, id
    """
)
# Tracks with an open job that embeds are waited for, others are tried once by each model, in their order, for each time
# that it is asked for.
_NEXT = text(
    f"""
    SELECT missing.id, own.embedder, EXISTS (
        SELECT FROM jobs JOIN tasks ON tasks.job_id = jobs.id
        WHERE jobs.track_id = missing.id AND tasks.name = 'embed' AND tasks.status IN ('queued', 'running')
    ) AS waits
    FROM ({MISSING}) AS missing CROSS JOIN LATERAL (
        SELECT embedder FROM unnest(CAST(:embedders AS text[])) WITH ORDINALITY AS may (embedder, turn)
        WHERE NOT EXISTS (
            SELECT FROM jobs JOIN tasks ON tasks.job_id = jobs.id
            WHERE jobs.track_id = missing.id AND tasks.name = 'embed' AND jobs.created_at >= :asked_at
              AND jobs.options #>> '{{classify,model}}' = embedder AND tasks.status NOT IN ('queued', 'running'))
        ORDER BY turn LIMIT 1
    ) AS own
    ORDER BY waits DESC, missing.id LIMIT :most
    """  # noqa: S608 - of constants
)


@dataclass(frozen=True)
class Due:
    """A classifier that something is to be done for."""

    classifier_id: str
    owner_id: str


def due(session: Session) -> list[Due]:
    """The classifiers that something is to be done for, those first that were asked for longest ago."""
    rows = session.execute(_DUE, {"quiet_s": QUIET_S})
    return [Due(row.id, row.owner_id) for row in rows]


def go_on(database: Database, one: Due, limits: Limits, default_model: str = AUTO) -> list[TaskQueue]:
    """The next step of one classifier: makes its jobs, or notes why its teaching failed.

    Args:
        default_model: embeds the examples of a classifier that chooses its space, in all spaces in which they would be
            otherwise; the model of its own space those that are not in that then.

    Returns where tasks can start. Raises ``LimitReached`` when the owner has as many jobs as may be; nothing is lost.
    """
    queues, tracks = database.retrying(partial(_step, one=one, limits=limits, default_model=default_model))
    made = (
        database.retrying(partial(_embed, one=one, track_id=track, embedder=embedder, limits=limits))
        for track, embedder in tracks.items()
    )
    return [*queues, *(queue for found in made for queue in found)]


def _step(session: Session, one: Due, limits: Limits, default_model: str) -> tuple[list[TaskQueue], Mapping[str, str]]:
    """Where tasks can start now, and the tracks that are to be embedded, each with the model that does so."""
    lock_subject(session, one.owner_id)
    row = session.get(ClassifierRow, one.classifier_id)
    if row is None:
        return [], {}
    if row.state == ClassifierState.EMBEDDING:
        found = _next(session, row, default_model)
        if found:
            return [], {each.id: each.embedder for each in found if not each.waits}
        queues = start_teaching(session, row)
    elif (status := lock_job(session, row)) is not None and not status.ended:
        return [], {}
    elif row.again or row.state != ClassifierState.TEACHING:
        queues = ask_for_teaching(session, row)
    else:
        row.problem = failure_of(session.scalar(select(TaskRow).where(TaskRow.job_id == row.job_id)))
        row.state = ClassifierState.FAILED if row.problem else ClassifierState.READY
        queues = []
    session.flush()
    if queues:
        check_held(session, one.owner_id, limits, new_job=True)
    return queues, {}


def _next(session: Session, row: ClassifierRow, default_model: str) -> Sequence[Any]:
    """Tracks that are being embedded, and those that are to be; none when all have been tried."""
    spec = Spec.of(row.spec, row.created_at)
    embedders = list(dict.fromkeys([default_model, spec.embedder] if spec.chooses else [spec.embedder]))
    asked = {"asked_at": row.asked_at, "embedders": embedders, "most": AT_ONCE}
    return session.execute(_NEXT, {**of_space(session, row, spec, space_of(row)), **asked}).all()


def _embed(session: Session, one: Due, track_id: str, embedder: str, limits: Limits) -> list[TaskQueue]:
    """None where the track was erased, or the classifier changed, meanwhile."""
    lock_subject(session, track_id)
    track, row = session.get(TrackRow, track_id), session.get(ClassifierRow, one.classifier_id)
    if track is None or row is None or row.state != ClassifierState.EMBEDDING:
        return []
    options = JobOptions.model_validate({"classify": {"model": embedder}}).kept([TaskName.EMBED])
    job = create_job(session, track, [TaskName.EMBED], options, {"classifier": row.name}, key_id=row.key_id)
    check_held(session, one.owner_id, limits, new_job=True)
    return startable_queues(job)
