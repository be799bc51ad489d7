"""A track's state: the newest result of each task, model and variant. Every reader of results asks here."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from phonoscope.db.schema.tables import ArtifactRow, TaskRow, TrackResultRow
from phonoscope.states import TaskName


class TrackLabels(NamedTuple):
    """What models recognised in a track.

    ``newest`` is the label of the newest classification: ``None`` before the first, and when it is unknown.
    ``by_model`` has the models that recognised something, the newest first.
    """

    newest: str | None
    by_model: dict[str, str]

    def of(self, model: str | None) -> str | None:
        """The label by a model; without one the newest."""
        return self.newest if model is None else self.by_model.get(model)


NO_LABELS = TrackLabels(None, {})


def track_state(session: Session, track_id: str) -> list[TrackResultRow]:
    """All that is known of a track, newest first, without the results' bodies. The caller has checked the owner."""
    return list(session.scalars(_of(track_id)))


def track_results(session: Session, track_id: str) -> list[TrackResultRow]:
    """The same rows with the tasks that asked for them and the results' bodies. The caller has checked the owner."""
    return list(session.scalars(_with_bodies(_of(track_id))))


def newest_result(session: Session, track_id: str, task: TaskName) -> TrackResultRow | None:
    """The newest result of a task, of whichever model and variant. The caller has checked the owner."""
    return session.scalar(_with_bodies(_of(track_id).where(TrackResultRow.task == task)).limit(1))


def newest_artifact(session: Session, track_id: str, task: TaskName, kind: str) -> ArtifactRow | None:
    """The artifact of a kind that belongs to the newest result of a task. The caller has checked the owner."""
    found = session.scalar(_of(track_id).where(TrackResultRow.task == task).limit(1))
    if found is None:
        return None
    return session.scalar(
        select(ArtifactRow).where(ArtifactRow.task_id == found.produced_by, ArtifactRow.kind == kind).limit(1)
    )


def labels_of(session: Session, tracks: Collection[str]) -> dict[str, TrackLabels]:
    """The labels of tracks by their ids, for those that were classified. The caller has checked the owners."""
    if not tracks:
        return {}
    rows = session.execute(
        select(TrackResultRow.track_id, TrackResultRow.model, TrackResultRow.label)
        .where(TrackResultRow.track_id.in_(tracks), TrackResultRow.task == TaskName.CLASSIFY)
        .order_by(TrackResultRow.finished_at.desc(), TrackResultRow.model)
    )
    found: dict[str, TrackLabels] = {}
    for track_id, model, label in rows:
        labels = found.setdefault(track_id, TrackLabels(label, {}))
        if label is not None:
            labels.by_model[model] = label
    return found


def _of(track_id: str) -> Select[TrackResultRow]:
    statement = select(TrackResultRow).where(TrackResultRow.track_id == track_id)
    key = (TrackResultRow.task, TrackResultRow.model, TrackResultRow.variant)
    return statement.order_by(TrackResultRow.finished_at.desc(), *key)


def _with_bodies(statement: Select[TrackResultRow]) -> Select[TrackResultRow]:
    task = joinedload(TrackResultRow.asked_by, innerjoin=True)
    return statement.options(task.joinedload(TaskRow.result, innerjoin=True))
