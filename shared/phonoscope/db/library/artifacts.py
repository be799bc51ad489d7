"""Artifacts: objects that tasks made, known to nobody before the task's end is committed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import ArtifactRow
from phonoscope.errors import NotFound


def get_artifact(session: Session, artifact_id: str) -> ArtifactRow:
    """Whoever's it is: the caller has checked a signature. Raises ``NotFound``."""
    row = session.get(ArtifactRow, artifact_id)
    if row is None:
        raise NotFound(f"no artifact {artifact_id!r}")
    return row


def artifacts_of(session: Session, task_id: str) -> list[ArtifactRow]:
    """What a task made, by its place in the store. The caller has checked whose it is."""
    of_task = select(ArtifactRow).where(ArtifactRow.task_id == task_id)
    return list(session.scalars(of_task.order_by(ArtifactRow.object_key)))
