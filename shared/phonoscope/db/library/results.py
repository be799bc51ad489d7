"""A track's state: the newest result of each task, model and variant. Every reader of results asks here."""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from phonoscope.db.schema.tables import ArtifactRow, TaskRow, TrackResultRow
from phonoscope.states import TaskName


def track_state(session: Session, track_id: str) -> list[TrackResultRow]:
    """All that is known of a track, newest first, without the results' bodies. The caller has checked the owner."""
    return list(session.scalars(_of(track_id)))


def track_results(session: Session, track_id: str) -> list[TrackResultRow]:
    """The same rows with the tasks that asked for them and the results' bodies. The caller has checked the owner."""
    return list(session.scalars(_with_bodies(_of(track_id))))


def newest_result(
    session: Session, track_id: str, task: TaskName, audio_track: int | None = None
) -> TrackResultRow | None:
    """The newest result of a task, of whichever model and variant. The caller has checked the owner.

    Args:
        audio_track: the audio track, where it is another one than is read when nobody chooses.
    """
    return session.scalar(_with_bodies(_of_task(track_id, task, audio_track)).limit(1))


def newest_artifact(
    session: Session, track_id: str, task: TaskName, kind: str, audio_track: int | None = None
) -> ArtifactRow | None:
    """The artifact of a kind that belongs to the newest result of a task. The caller has checked the owner.

    Args:
        audio_track: as of ``newest_result``.
    """
    found = session.scalar(_of_task(track_id, task, audio_track).limit(1))
    if found is None:
        return None
    return session.scalar(
        select(ArtifactRow).where(ArtifactRow.task_id == found.produced_by, ArtifactRow.kind == kind).limit(1)
    )


def _of(track_id: str) -> Select[TrackResultRow]:
    statement = select(TrackResultRow).where(TrackResultRow.track_id == track_id)
    key = (TrackResultRow.task, TrackResultRow.model, TrackResultRow.variant)
    return statement.order_by(TrackResultRow.finished_at.desc(), *key)


def _of_task(track_id: str, task: TaskName, audio_track: int | None) -> Select[TrackResultRow]:
    same = TrackResultRow.audio_track.is_not_distinct_from(audio_track)
    return _of(track_id).where(TrackResultRow.task == task, same)


def _with_bodies(statement: Select[TrackResultRow]) -> Select[TrackResultRow]:
    task = joinedload(TrackResultRow.asked_by, innerjoin=True)
    return statement.options(task.joinedload(TaskRow.result, innerjoin=True))
