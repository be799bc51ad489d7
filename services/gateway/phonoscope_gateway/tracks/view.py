"""Tracks as clients see them: rows with their labels."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from phonoscope.contract import Track
from phonoscope.db.library.results import NO_LABELS, labels_of
from phonoscope.db.schema.tables import TrackRow

_DERIVED = {"label", "labels"}
_COLUMNS = [name for name in Track.model_fields if name not in _DERIVED]


def describe_tracks(session: Session, rows: Sequence[TrackRow]) -> list[Track]:
    """Tracks with the labels that models gave them."""
    known = labels_of(session, {row.id for row in rows})
    return [_describe(row, *known.get(row.id, NO_LABELS)) for row in rows]


def describe_track(session: Session, row: TrackRow) -> Track:
    """One track, as ``describe_tracks`` describes several."""
    return describe_tracks(session, [row])[0]


def _describe(row: TrackRow, label: str | None, labels: dict[str, str]) -> Track:
    columns = {name: getattr(row, name) for name in _COLUMNS}
    return Track(**columns, label=label, labels=labels)
