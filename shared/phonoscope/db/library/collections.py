"""Collections of tracks, always within one owner.

Whoever makes, renames or deletes one holds the owner's row. Whoever adds tracks holds these, by id, then the
collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from phonoscope.contract.collections import MOST_COLLECTIONS
from phonoscope.db.library.annotations import among
from phonoscope.db.schema.collections import CollectionRow, CollectionTrackRow
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.service.keys import lock_owner
from phonoscope.errors import CollectionQuotaExceeded, NameTaken, NotFound
from phonoscope.ids import new_id


class CountedCollection(NamedTuple):
    """A collection, and how many tracks are in it."""

    id: str
    name: str
    created_at: datetime
    tracks: int


def list_collections(session: Session, owner_id: str) -> list[CountedCollection]:
    """The owner's collections, by name."""
    ordered = _counted(owner_id).order_by(func.lower(CollectionRow.name).collate("C"), CollectionRow.name.collate("C"))
    return [CountedCollection(*row) for row in session.execute(ordered)]


def get_collection(session: Session, owner_id: str, collection_id: str) -> CountedCollection:
    """Raises ``NotFound``, also for another owner's."""
    row = session.execute(_counted(owner_id).where(CollectionRow.id == collection_id)).one_or_none()
    if row is None:
        raise _unknown(collection_id)
    return CountedCollection(*row)


def check_collection(session: Session, owner_id: str, collection_id: str | None) -> None:
    """Raises ``NotFound`` for a collection that the owner does not have; ``None`` asks for none."""
    if collection_id is not None:
        _find(session, owner_id, collection_id)


def create_collection(session: Session, actor: Actor, name: str) -> CountedCollection:
    """A collection without tracks.

    Raises:
        NameTaken: the owner has one of that name.
        CollectionQuotaExceeded: the owner has as many as may be.
    """
    lock_owner(session, actor.owner_id)
    _check_name(session, actor.owner_id, name)
    held = select(func.count()).select_from(CollectionRow).where(CollectionRow.owner_id == actor.owner_id)
    if (session.scalar(held) or 0) >= MOST_COLLECTIONS:
        raise CollectionQuotaExceeded(
            f"{MOST_COLLECTIONS} collections may be kept; delete one first", limit=MOST_COLLECTIONS
        )
    row = CollectionRow(id=new_id("col"), owner_id=actor.owner_id, name=name)
    session.add(row)
    session.flush()
    record(session, actor, "collection.created", row.id, name=name)
    return get_collection(session, actor.owner_id, row.id)


def rename_collection(session: Session, actor: Actor, collection_id: str, name: str) -> CountedCollection:
    """Raises ``NotFound`` or ``NameTaken``."""
    lock_owner(session, actor.owner_id)
    row = _find(session, actor.owner_id, collection_id)
    if row.name != name:
        _check_name(session, actor.owner_id, name)
        row.name = name
        session.flush()
        record(session, actor, "collection.renamed", collection_id, name=name)
    return get_collection(session, actor.owner_id, collection_id)


def delete_collection(session: Session, actor: Actor, collection_id: str) -> None:
    """Deletes a collection; its tracks stay. Raises ``NotFound``."""
    lock_owner(session, actor.owner_id)
    session.delete(_find(session, actor.owner_id, collection_id))
    session.flush()
    record(session, actor, "collection.deleted", collection_id)


def add_tracks(session: Session, actor: Actor, collection_id: str, track_ids: Sequence[str]) -> CountedCollection:
    """Puts tracks in a collection, all of them or none; those that are in it stay.

    Raises ``NotFound`` for a collection or a track that the owner does not have; it names the field ``track_ids``.
    """
    own = select(TrackRow.id).where(TrackRow.owner_id == actor.owner_id, among(TrackRow.id, set(track_ids)))
    held = set(session.scalars(own.order_by(TrackRow.id.collate("C")).with_for_update(read=True, key_share=True)))
    row = _find(session, actor.owner_id, collection_id, to_fill=True)
    for at, track_id in enumerate(track_ids):
        if track_id not in held:
            message = f"no track {track_id!r}"
            raise NotFound(message, errors=[{"field": f"track_ids.{at}", "message": message}])
    placed = [{"collection_id": row.id, "track_id": track_id} for track_id in sorted(held)]
    session.execute(postgresql.insert(CollectionTrackRow).on_conflict_do_nothing(), placed)
    return get_collection(session, actor.owner_id, collection_id)


def remove_tracks(session: Session, actor: Actor, collection_id: str, track_ids: Sequence[str]) -> CountedCollection:
    """Takes tracks out of a collection; ids of others change nothing. Raises ``NotFound``."""
    row = _find(session, actor.owner_id, collection_id)
    gone = CollectionTrackRow.collection_id == row.id, among(CollectionTrackRow.track_id, set(track_ids))
    session.execute(delete(CollectionTrackRow).where(*gone))
    return get_collection(session, actor.owner_id, collection_id)


def tracks_in(collection_id: str) -> Select[str]:
    """The ids of the tracks in a collection, to be compared with. The caller has checked the owner."""
    return select(CollectionTrackRow.track_id).where(CollectionTrackRow.collection_id == collection_id)


def _counted(owner_id: str) -> Select[str, str, datetime, int]:
    count = select(func.count()).where(CollectionTrackRow.collection_id == CollectionRow.id).scalar_subquery()
    columns = CollectionRow.id, CollectionRow.name, CollectionRow.created_at, count
    return select(*columns).where(CollectionRow.owner_id == owner_id)


def _find(session: Session, owner_id: str, collection_id: str, *, to_fill: bool = False) -> CollectionRow:
    statement = select(CollectionRow).where(CollectionRow.id == collection_id, CollectionRow.owner_id == owner_id)
    if to_fill:
        statement = statement.with_for_update(read=True, key_share=True)
    row = session.scalar(statement)
    if row is None:
        raise _unknown(collection_id)
    return row


def _check_name(session: Session, owner_id: str, name: str) -> None:
    there = select(CollectionRow.id).where(CollectionRow.owner_id == owner_id, CollectionRow.name == name)
    if session.scalar(there) is not None:
        message = f"you have a collection {name!r}"
        raise NameTaken(message, errors=[{"field": "name", "message": message}])


def _unknown(collection_id: str) -> NotFound:
    return NotFound(f"no collection {collection_id!r}")
