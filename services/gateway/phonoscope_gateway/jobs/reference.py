"""Descriptions held against their genre's reference profile, whenever a job is read.

That is not done by the worker that describes: what is heard becomes known in another pool, maybe later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.audio.profiles import compare, reference_profiles
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.states import TaskName


def track_labels(session: Session, rows: Sequence[JobRow]) -> dict[str, str | None]:
    """What was heard last in the tracks whose jobs have a description, by the track's id."""
    described = {row.track_id for row in rows if row.track_id and _body(row, TaskName.DESCRIBE) is not None}
    if not described:
        return {}
    found = session.execute(select(TrackRow.id, TrackRow.label).where(TrackRow.id.in_(described)))
    return {row.id: row.label for row in found}


def reference(row: JobRow, body: Mapping[str, Any], track_label: str | None) -> dict[str, Any] | None:
    """A description's levels against the genre named, else the one that its job heard, else the track's label.

    Args:
        body: of the description.

    ``None`` in silence, and when there is no profile for any of them.
    """
    named = row.options.get(TaskName.DESCRIBE, {}).get("genre")
    known = reference_profiles().genres
    for genre in (named, _heard(row), track_label):
        if genre is not None and genre in known:
            return compare(body.get("levels", []), genre, named=genre == named)
    return None


def _heard(row: JobRow) -> str | None:
    body = _body(row, TaskName.CLASSIFY)
    return None if body is None or body["unknown"] else body["top"][0]["label"]


def _body(row: JobRow, name: TaskName) -> dict[str, Any] | None:
    return next((task.result.body for task in row.tasks if task.name is name and task.result), None)
