"""Artifacts: objects that tasks made, whose rows are committed with the task's end, and covers."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import ArtifactRow, TrackRow, given
from phonoscope.errors import NotFound

COVER = "cover"
"""The kind of the artifact with a recording's cover."""


def get_artifact(session: Session, artifact_id: str) -> tuple[ArtifactRow, TrackRow]:
    """The artifact of any owner, with its track: the caller has checked a signature. Raises ``NotFound``."""
    of_id = select(ArtifactRow, TrackRow).join(TrackRow, TrackRow.id == ArtifactRow.track_id)
    found = session.execute(of_id.where(ArtifactRow.id == artifact_id)).one_or_none()
    if found is None:
        raise NotFound(f"no artifact {artifact_id!r}")
    return found[0], found[1]


def add_cover(session: Session, row: ArtifactRow) -> None:
    """Adds the cover of a track that was added in this transaction."""
    session.connection().execute(insert(ArtifactRow), given(row))


def artifact_beside(session: Session, row: ArtifactRow, kind: str) -> ArtifactRow | None:
    """The artifact of another kind that the same task has made. The caller has checked the owner."""
    return session.scalar(select(ArtifactRow).where(ArtifactRow.task_id == row.task_id, ArtifactRow.kind == kind))


def artifacts_of(session: Session, task_id: str) -> list[ArtifactRow]:
    """The artifacts of the task that made them, by their keys in the store. The caller has checked the owner."""
    of_task = select(ArtifactRow).where(ArtifactRow.task_id == task_id)
    return list(session.scalars(of_task.order_by(ArtifactRow.object_key)))
