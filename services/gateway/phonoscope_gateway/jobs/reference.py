"""Descriptions compared with their genre's reference profile, whenever a job is read.

The worker that describes cannot do that: what is heard becomes known in another pool, maybe later.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.audio.bands import BANDS
from phonoscope.audio.profiles import Level, compare, reference_profiles
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.states import TaskName
from phonoscope.tasks.describe import BandLevel, Reference

_NAMES = [band.name for band in BANDS]


def track_labels(session: Session, rows: Sequence[JobRow]) -> dict[str, str | None]:
    """What was heard last in the tracks whose jobs have a description, by the track's id."""
    described = {row.track_id for row in rows if row.track_id and _has_description(row)}
    if not described:
        return {}
    found = session.execute(select(TrackRow.id, TrackRow.label).where(TrackRow.id.in_(described)))
    return {row.id: row.label for row in found}


def reference(row: JobRow, levels: Sequence[BandLevel], heard: str | None, track_label: str | None) -> Reference | None:
    """A description's levels against the genre named, else the one that its job heard, else the track's label.

    ``None`` in silence, and when there is no profile for any of them.
    """
    named = row.options.get(TaskName.DESCRIBE, {}).get("genre")
    known = reference_profiles().genres
    genre = next((genre for genre in (named, heard, track_label) if genre in known), None)
    if genre is None or not _comparable(levels):
        return None
    told = [Level(name=level.name, level_db=level.level_db) for level in levels]
    return Reference.model_validate(compare(told, genre, named=genre == named))


def _has_description(row: JobRow) -> bool:
    return any(task.name is TaskName.DESCRIBE and task.result is not None for task in row.tasks)


def _comparable(levels: Sequence[BandLevel]) -> bool:
    """Whether they are of the profiles' bands, and not of silence."""
    return [level.name for level in levels] == _NAMES and any(level.level_db is not None for level in levels)
