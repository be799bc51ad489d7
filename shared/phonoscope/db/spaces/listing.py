"""What spaces hold, for one owner or for all."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.contract import SpaceState
from phonoscope.db.schema.spaces import ReembeddingRow
from phonoscope.db.schema.windows import SpaceRow
from phonoscope.db.spaces.reading import readers_elsewhere, reading_space
from phonoscope.errors import NotFound
from phonoscope.work import Space

OF_OWNER = "(CAST(:owner_id AS text) IS NULL OR owner_id = :owner_id)"
"""What holds of one owner's rows; without an owner, of all rows."""
_HOLDS = text(
    f"""
    SELECT spaces.id,
           (SELECT count(*) FROM embeddings
            WHERE model_name = model AND model_digest = digest AND stem = '' AND {OF_OWNER}) AS tracks,
           (SELECT count(DISTINCT track_id) FROM embeddings WHERE model_name = model AND {OF_OWNER}) AS total,
           (SELECT count(*) FROM window_embeddings WHERE space_id = spaces.id AND {OF_OWNER}) AS windows
    FROM spaces
    """  # noqa: S608 - of constants
)
# Tracks of the model's other spaces without a vector in this one, and those that sound and have no windows in it.
TO_DO = """
    SELECT tracks.id, tracks.owner_id FROM tracks
    WHERE (CAST(:owner_id AS text) IS NULL OR tracks.owner_id = :owner_id) AND EXISTS (
        SELECT FROM embeddings AS known
        WHERE known.track_id = tracks.id AND known.model_name = :model AND (
            known.model_digest <> :digest AND NOT EXISTS (
                SELECT FROM embeddings AS new
                WHERE new.track_id = tracks.id AND new.model_name = :model AND new.model_digest = :digest
                  AND new.stem = '')
            OR known.model_digest = :digest AND known.stem = '' AND known.vector IS NOT NULL AND NOT EXISTS (
                SELECT FROM window_embeddings AS windows
                WHERE windows.track_id = tracks.id AND windows.space_id = :space_id)))
"""
"""The tracks that a reembedding embeds, as SQL: of a ``model``, into the space ``space_id`` of that ``digest``."""
_COUNT_TO_DO = text(f"SELECT count(*) FROM ({TO_DO}) AS missing")  # noqa: S608 - of constants


class Progress(NamedTuple):
    """How far a reembedding is: when it was asked for and ended, and how many tracks it could not embed."""

    asked_at: datetime
    finished_at: datetime | None
    failed: int


class Held(NamedTuple):
    """A space and what it holds.

    Args:
        served: whether new tracks get vectors in it.
        read: whether an owner's searches read it.
        total: how many tracks have a vector in some space of the model.
        missing: of a served space, how many of them a reembedding would embed.
    """

    row: SpaceRow
    served: bool
    read: bool
    tracks: int
    windows: int
    total: int
    missing: int
    reembedding: Progress | None

    @property
    def state(self) -> SpaceState:
        """Served and complete, served and incomplete, or not served."""
        if not self.served:
            return SpaceState.OLD
        return SpaceState.FILLING if self.missing else SpaceState.CURRENT


def get_space(session: Session, space_id: int) -> SpaceRow:
    """A space by its id. Raises ``NotFound``."""
    row = session.get(SpaceRow, space_id)
    if row is None:
        raise NotFound(f"no space {space_id}")
    return row


def list_spaces(session: Session, served: Collection[Space], owner_id: str | None = None) -> list[Held]:
    """All spaces that hold something or are served and known, by model, the newest first.

    Args:
        served: the spaces of the models that are served now.
        owner_id: whose vectors are counted; those of all owners without one.
    """
    holds = {row.id: row for row in session.execute(_HOLDS, {"owner_id": owner_id})}
    rows = session.scalars(select(SpaceRow).order_by(SpaceRow.model, SpaceRow.created_at.desc(), SpaceRow.id.desc()))
    read = {digest for space in served for digest in _read(session, space, owner_id)}
    found = []
    for row in rows:
        space, hold = Space(row.model, row.digest), holds[row.id]
        missing = count_to_do(session, row, owner_id) if space in served else 0
        if hold.tracks or hold.windows or missing:
            progress = progress_of(session, row.id, owner_id)
            counts = (hold.tracks, hold.windows, hold.total, missing)
            found.append(Held(row, space in served, row.digest in read, *counts, progress))
    return found


def count_to_do(session: Session, row: SpaceRow, owner_id: str | None = None) -> int:
    """How many tracks a reembedding into a served space would embed."""
    return session.scalar(_COUNT_TO_DO, asked_of(row, owner_id)) or 0


def asked_of(row: SpaceRow, owner_id: str | None) -> dict[str, str | int | None]:
    """The parameters of ``TO_DO``."""
    return {"model": row.model, "digest": row.digest, "space_id": row.id, "owner_id": owner_id}


def progress_of(session: Session, space_id: int, owner_id: str | None = None) -> Progress | None:
    """Of all owners' reembeddings together it is the first that was asked for, and ended when all have."""
    rows = select(ReembeddingRow).where(ReembeddingRow.space_id == space_id)
    found = list(session.scalars(rows if owner_id is None else rows.where(ReembeddingRow.owner_id == owner_id)))
    if not found:
        return None
    ended = [row.finished_at for row in found if row.finished_at is not None]
    finished_at = max(ended) if len(ended) == len(found) else None
    return Progress(min(row.asked_at for row in found), finished_at, sum(row.failed for row in found))


def _read(session: Session, served: Space, owner_id: str | None) -> set[str]:
    """The digests of the spaces that are read in place of a served one, itself included."""
    if owner_id is not None:
        return {reading_space(session, owner_id, served).digest}
    return {served.digest, *readers_elsewhere(session, served).values()}
