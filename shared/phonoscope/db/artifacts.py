"""Artifacts: objects that tasks made, known to nobody before the task's end is committed."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.db.tables import ArtifactRow
from phonoscope.errors import NotFound
from phonoscope.ids import new_id

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Artifact:
    """An object that a task made, before it is stored.

    Args:
        name: unique within its task and the last part of its key, as ``layer4.png``.
        kind: what it is to the product, as ``waveform``.
        content: its bytes, or a file that can be rewound; the worker closes it once it is stored.

    Raises ``ValueError`` for a name with anything but small letters, digits, dots, dashes and underscores, and for
    content without a byte.
    """

    name: str
    kind: str
    media_type: str
    content: bytes | IO[bytes] = field(repr=False)
    id: str = field(default_factory=partial(new_id, "art"))
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for an artifact")
        size = len(self.content) if isinstance(self.content, bytes) else self.content.seek(0, os.SEEK_END)
        if not size:
            raise ValueError(f"the artifact {self.name!r} is empty")
        object.__setattr__(self, "size_bytes", size)

    @property
    def reference(self) -> dict[str, Any]:
        """What stands for it in a result's body; the gateway makes a link of it whenever the job is read."""
        return {
            "artifact": self.id,
            "name": self.name,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
        }

    def open(self) -> IO[bytes]:
        """Its content, to be closed by whoever reads it, once."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content

    def as_record(self, task_id: str, object_key: str) -> dict[str, Any]:
        """Its row, but for the track."""
        return {
            "id": self.id,
            "task_id": task_id,
            "kind": self.kind,
            "object_key": object_key,
            "media_type": self.media_type,
            "size_bytes": self.size_bytes,
        }


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


def newest_artifact(session: Session, track_id: str, kind: str) -> ArtifactRow | None:
    """The track's artifact of a kind that was made last. The caller has checked whose track it is."""
    of_kind = select(ArtifactRow).where(ArtifactRow.track_id == track_id, ArtifactRow.kind == kind)
    return session.scalar(of_kind.order_by(ArtifactRow.created_at.desc(), ArtifactRow.id).limit(1))
