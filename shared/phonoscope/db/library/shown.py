"""What is shown of tracks beside their rows, read at once: labels, whether the newest were not found, covers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies
from phonoscope.db.library.artifacts import COVER
from phonoscope.db.library.labels import LABEL_COLUMNS, NO_LABELS, TrackLabels, labels_in, models_in, probabilities_in
from phonoscope.states import TaskName

_FAILED = """(
    SELECT tasks.status = 'failed' FROM jobs JOIN tasks ON tasks.job_id = jobs.id
    WHERE jobs.track_id = asked.id AND jobs.options ->> 'audio_track' IS NULL
      AND tasks.name = :task AND tasks.status IN ('succeeded', 'failed')
    ORDER BY tasks.finished_at DESC LIMIT 1
)"""
_FAILED_OF = text(f"SELECT id FROM unnest(CAST(:tracks AS text[])) AS asked (id) WHERE {_FAILED}")  # noqa: S608
_SHOWN = text(
    f"""
    SELECT asked.id, {LABEL_COLUMNS}, cover.id AS cover, object_key, media_type, size_bytes, {_FAILED} AS failed
    FROM unnest(CAST(:tracks AS text[])) AS asked (id)
    LEFT JOIN artifacts AS cover ON cover.track_id = asked.id AND cover.kind = '{COVER}'
    """  # noqa: S608 - of constants
)


class Cover(NamedTuple):
    """A recording's cover, an artifact."""

    id: str
    object_key: str
    media_type: str
    size_bytes: int


class Shown(NamedTuple):
    """What is shown of a track.

    Args:
        models: those that have labelled it, newest first, also where they recognised nothing.
        probabilities: by model, of the first of its labels.
        failed: whether the newest classification failed.
    """

    labels: TrackLabels = NO_LABELS
    models: tuple[str, ...] = ()
    cover: Cover | None = None
    probabilities: Mapping[str, float] = {}
    failed: bool = False


def shown_of(session: Session, tracks: Collection[str], vocabularies: Vocabularies) -> dict[str, Shown]:
    """What is shown of tracks, by their ids. The caller has checked the owners.

    Args:
        vocabularies: of the served models.
    """
    if not tracks:
        return {}
    rows = session.execute(_SHOWN, {"tracks": list(tracks), "task": TaskName.CLASSIFY})
    return {row.id: _shown(row, labels_in(row, vocabularies)) for row in rows}


def failed_of(session: Session, tracks: Collection[str], task: TaskName) -> set[str]:
    """Those of tracks whose newest task of a name failed, by their ids. The caller has checked the owners."""
    return set(session.scalars(_FAILED_OF, {"tracks": list(tracks), "task": task})) if tracks else set()


def _shown(row: Any, labels: TrackLabels) -> Shown:
    return Shown(labels, models_in(row), _cover(row), probabilities_in(row, labels), bool(row.failed))


def _cover(row: Any) -> Cover | None:
    return Cover(row.cover, row.object_key, row.media_type, row.size_bytes) if row.cover is not None else None
