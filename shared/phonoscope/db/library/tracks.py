"""Tracks, always within one owner."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, delete, exists, insert, select, text
from sqlalchemy.orm import Session

from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.tables import ArtifactRow, TrackResultRow, TrackRow, given
from phonoscope.db.tasks.cancel import cancel_tasks
from phonoscope.db.tasks.family import lock_family, lock_subject
from phonoscope.errors import NotFound

_TASKS_OF = text("SELECT tasks.id, job_id FROM tasks JOIN jobs ON jobs.id = job_id WHERE jobs.track_id = :track_id")
_OF_OWNER = select(TrackRow).where(TrackRow.id == bindparam("of_id"), TrackRow.owner_id == bindparam("of_owner"))
_ADD = insert(TrackRow).returning(TrackRow.created_at)


def get_track(session: Session, owner_id: str, track_id: str) -> TrackRow:
    """Raises ``NotFound``, also for another owner's track."""
    row = session.scalar(_OF_OWNER, {"of_id": track_id, "of_owner": owner_id})
    if row is None:
        raise NotFound(f"no track {track_id!r}")
    return row


def get_track_of_any_owner(session: Session, track_id: str) -> TrackRow:
    """The track, whoever owns it: the caller has checked a signature. Raises ``NotFound``."""
    row = session.get(TrackRow, track_id)
    if row is None:
        raise NotFound(f"no track {track_id!r}")
    return row


def find_track(session: Session, owner_id: str, sha256: str) -> TrackRow | None:
    """The owner's track with these bytes."""
    return session.scalar(select(TrackRow).where(TrackRow.owner_id == owner_id, TrackRow.sha256 == sha256))


def add_track(session: Session, row: TrackRow) -> None:
    """Raises ``sqlalchemy.exc.IntegrityError`` when the owner has a track with these bytes."""
    row.created_at = session.connection().execute(_ADD, given(row)).scalar_one()


def list_tracks(
    session: Session,
    owner_id: str,
    *,
    cursor: str | None,
    limit: int,
    label: str | None = None,
    model: str | None = None,
    q: str | None = None,
) -> tuple[list[TrackRow], str | None]:
    """A page of the owner's tracks, newest first, and the cursor of the next page.

    Args:
        label: only tracks with this label.
        model: which model's label is meant; any model's counts without.
        q: text anywhere in the file name, case ignored.

    Raises ``InvalidCursor``.
    """
    statement = select(TrackRow).where(TrackRow.owner_id == owner_id)
    if label is not None:
        statement = statement.where(_labelled(label, model))
    if q is not None:
        statement = statement.where(TrackRow.filename.icontains(q, autoescape=True))
    rows = session.scalars(page(statement, TrackRow.created_at, TrackRow.id, cursor=cursor, limit=limit)).all()
    return cut(rows, limit)


def _labelled(label: str, model: str | None) -> ColumnElement[bool]:
    result = exists().where(TrackResultRow.track_id == TrackRow.id, TrackResultRow.label == label)
    return result if model is None else result.where(TrackResultRow.model == model)


def delete_track(session: Session, owner_id: str, track_id: str) -> list[str]:
    """Cancels the track's jobs, then erases it with them, their results and vectors.

    Returns the keys of the objects to erase. Raises ``NotFound``.
    """
    row = get_track(session, owner_id, track_id)
    lock_subject(session, track_id)
    tasks = session.connection().execute(_TASKS_OF, {"track_id": track_id}).all()
    lock_family(session, [task.id for task in tasks])
    cancel_tasks(session, [task.job_id for task in tasks])
    keys = list(session.scalars(select(ArtifactRow.object_key).where(ArtifactRow.track_id == track_id)))
    session.execute(delete(TrackRow).where(TrackRow.id == track_id))
    return [row.object_key, *keys]
