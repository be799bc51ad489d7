"""Artifacts: objects that tasks made. Their rows are committed with the task's end."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.errors import NotFound


def get_artifact(session: Session, artifact_id: str) -> ArtifactRow:
    """The artifact of any owner: the caller has checked a signature. Raises ``NotFound``."""
    row = session.get(ArtifactRow, artifact_id)
    if row is None:
        raise NotFound(f"no artifact {artifact_id!r}")
    return row


def artifacts_of(session: Session, task_id: str) -> list[ArtifactRow]:
    """The artifacts of the task that made them, by their keys in the store. The caller has checked the owner."""
    of_task = select(ArtifactRow).where(ArtifactRow.task_id == task_id)
    return list(session.scalars(of_task.order_by(ArtifactRow.object_key)))
