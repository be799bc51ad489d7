"""The map of an owner's library: what it is drawn from, what was drawn, and which job draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from phonoscope.db.library.collections import tracks_in
from phonoscope.db.library.tracks import is_named
from phonoscope.db.schema.maps import MapPointRow
from phonoscope.db.schema.tables import EmbeddingRow, JobRow, ResultRow, TaskRow, TrackRow
from phonoscope.states import Status, TaskName
from phonoscope.work import WHOLE_TRACK, Space


class Placed(NamedTuple):
    """A track and its point on the map."""

    track: TrackRow
    x: float
    y: float


def vectors_to_place(session: Session, owner_id: str, space: Space, most: int) -> dict[str, Any]:
    """The unit vectors of the newest tracks that are embedded in a space, by the tracks' ids."""
    rows = session.execute(
        select(EmbeddingRow.track_id, EmbeddingRow.vector)
        .where(_drawable(owner_id, space))
        .order_by(EmbeddingRow.created_at.desc(), EmbeddingRow.track_id)
        .limit(most)
    )
    return dict(iter(rows))


def library_stamp(session: Session, owner_id: str, space: Space) -> list[str]:
    """What a map would be drawn from, in a few words that change when it does."""
    stamp = select(func.count(), func.max(EmbeddingRow.created_at)).where(_drawable(owner_id, space))
    return [space.digest, *(str(value) for value in session.execute(stamp).one())]


def placed_tracks(session: Session, owner_id: str, space: Space, collection: str | None = None) -> list[Placed]:
    """All points of the map, the newest tracks first; without tracks that are known to be silent since it was drawn.

    Args:
        collection: only those in this collection, whose owner the caller has checked.
    """
    placed = _on_map(select(TrackRow, MapPointRow.x, MapPointRow.y), owner_id, space)
    if collection is not None:
        placed = placed.where(TrackRow.id.in_(tracks_in(collection)))
    return [Placed(*row) for row in session.execute(placed)]


def named_on_map(session: Session, owner_id: str, space: Space, q: str) -> list[str]:
    """The ids of those of ``placed_tracks`` that ``is_named`` finds, in the same order."""
    return list(session.scalars(_on_map(select(TrackRow.id), owner_id, space).where(is_named(q))))


def newest_map(session: Session, owner_id: str, model_name: str) -> TaskRow | None:
    """The task that drew the map last, with its result."""
    return session.scalar(
        select(TaskRow)
        .join(ResultRow, ResultRow.task_id == TaskRow.id)
        .where(*_of(owner_id), TaskRow.status == Status.SUCCEEDED, ResultRow.model_name == model_name)
        .options(joinedload(TaskRow.result))
        .order_by(TaskRow.finished_at.desc(), TaskRow.id.desc())
        .limit(1)
    )


def drawing_job(session: Session, owner_id: str, model_name: str) -> str | None:
    """The id of the job that is queued or running to draw the map."""
    return session.scalar(
        select(TaskRow.job_id)
        .join(JobRow, JobRow.id == TaskRow.job_id)
        .where(
            *_of(owner_id),
            TaskRow.status.in_([Status.QUEUED, Status.RUNNING]),
            JobRow.options["map"]["model"].as_string() == model_name,
        )
        .order_by(TaskRow.queued_at.desc())
        .limit(1)
    )


def count_missing(session: Session, owner_id: str, space: Space, drawn: TaskRow | None) -> int:
    """Embedded tracks that a map would not show as they are: not on it, embedded since, or not in its space.

    All are missing on a map that was drawn in another space. Silent ones do not count: no map shows them.
    """
    on_map = select(MapPointRow.track_id).where(MapPointRow.owner_id == owner_id, MapPointRow.model_name == space.model)
    here, tracks = _drawable(owner_id, space), func.count(EmbeddingRow.track_id.distinct())
    if drawn is not None and drawn.result is not None and drawn.result.model_digest == space.digest:
        here &= EmbeddingRow.track_id.not_in(on_map) | (EmbeddingRow.created_at > drawn.started_at)
    return sum(session.scalar(select(tracks).where(which)) or 0 for which in (here, _elsewhere(owner_id, space)))


def count_silent(session: Session, owner_id: str, space: Space) -> int:
    """Tracks that are embedded in a space and have no direction there, and so no place on the map."""
    silent = _embedded(owner_id, space.model), EmbeddingRow.model_digest == space.digest, EmbeddingRow.vector.is_(None)
    return session.scalar(select(func.count()).where(*silent)) or 0


def _on_map(columns: Select[*tuple[Any, ...]], owner_id: str, space: Space) -> Select[*tuple[Any, ...]]:
    silent = select(EmbeddingRow.track_id).where(
        _embedded(owner_id, space.model), EmbeddingRow.model_digest == space.digest, EmbeddingRow.vector.is_(None)
    )
    return (
        columns.select_from(TrackRow)
        .join(MapPointRow, MapPointRow.track_id == TrackRow.id)
        .where(MapPointRow.owner_id == owner_id, MapPointRow.model_name == space.model)
        .where(MapPointRow.track_id.not_in(silent))
        .order_by(TrackRow.created_at.desc(), TrackRow.id)
    )


def _drawable(owner_id: str, space: Space) -> Any:
    """Of tracks that have a direction in a space."""
    known = EmbeddingRow.model_digest == space.digest
    return _embedded(owner_id, space.model) & known & EmbeddingRow.vector.is_not(None)


def _elsewhere(owner_id: str, space: Space) -> Any:
    """Of tracks that have a direction in another space of the model, and no vector in this one."""
    here = aliased(EmbeddingRow)
    known = (
        select(here.track_id)
        .where(here.track_id == EmbeddingRow.track_id, here.stem == WHOLE_TRACK)
        .where(here.model_name == space.model, here.model_digest == space.digest)
        .exists()
    )
    return _embedded(owner_id, space.model) & EmbeddingRow.vector.is_not(None) & ~known


def _embedded(owner_id: str, model_name: str) -> Any:
    return (
        (EmbeddingRow.owner_id == owner_id)
        & (EmbeddingRow.model_name == model_name)
        & (EmbeddingRow.stem == WHOLE_TRACK)
    )


def _of(owner_id: str) -> Sequence[Any]:
    return TaskRow.owner_id == owner_id, TaskRow.name == TaskName.MAP
