"""Tracks, always within one owner."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any
from unicodedata import normalize

from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from phonoscope.catalogue import Vocabularies
from phonoscope.db.access.paging import NUMBER_ORDER, TEXT_ORDER, Order, cut, cut_by, page, page_by
from phonoscope.db.library.collections import tracks_in
from phonoscope.db.library.labels import is_labelled
from phonoscope.db.schema.tables import TrackRow, given
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.service.shares import revoke_shares
from phonoscope.errors import NotFound
from phonoscope.states import TrackSort

_ORDERS = {
    TrackSort.NAME: Order(func.lower(func.coalesce(TrackRow.name, TrackRow.filename)).collate("C"), TEXT_ORDER),
    TrackSort.LONGEST: Order(TrackRow.duration_s.expression, NUMBER_ORDER, descending=True),
    TrackSort.SHORTEST: Order(TrackRow.duration_s.expression, NUMBER_ORDER),
}

_OF_OWNER = select(TrackRow).where(TrackRow.id == bindparam("of_id"), TrackRow.owner_id == bindparam("of_owner"))
_FIVE_SECONDS = text("SET LOCAL lock_timeout = '5s'")
_ADD = insert(TrackRow).returning(TrackRow.created_at)


def get_track(session: Session, owner_id: str, track_id: str, *, to_change: bool = False) -> TrackRow:
    """Raises ``NotFound``, also for another owner's track.

    Args:
        to_change: locks the row until the transaction ends.
    """
    statement = _OF_OWNER.with_for_update(key_share=True) if to_change else _OF_OWNER
    row = session.scalar(statement, {"of_id": track_id, "of_owner": owner_id})
    if row is None:
        raise NotFound(f"no track {track_id!r}")
    return row


def change_track(session: Session, actor: Actor, row: TrackRow, changes: dict[str, Any]) -> None:
    """Changes ``name`` or ``notes`` of a track that is locked; the audit log keeps which, and not to what."""
    changed = sorted(name for name, value in changes.items() if getattr(row, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(row, name, changes[name])
    row.revision += 1
    session.flush()
    record(session, actor, "track.changed", row.id, changed=changed)


def get_track_of_any_owner(session: Session, track_id: str) -> TrackRow:
    """The track of any owner: the caller has checked a signature. Raises ``NotFound``."""
    row = session.get(TrackRow, track_id)
    if row is None:
        raise NotFound(f"no track {track_id!r}")
    return row


def link_keys_of(session: Session, tracks: Collection[str]) -> dict[str, str]:
    """The link keys of tracks by their ids. The caller has checked the owners."""
    if not tracks:
        return {}
    rows = session.execute(select(TrackRow.id, TrackRow.link_key).where(TrackRow.id.in_(tracks)))
    return {row.id: row.link_key for row in rows}


def revoke_links(session: Session, owner_id: str, track_id: str) -> None:
    """Gives the track a new link key and ends its shares: no link of before opens it. Raises ``NotFound``."""
    get_track(session, owner_id, track_id).link_key = secrets.token_hex(8)
    session.flush()
    revoke_shares(session, track_id)


def find_track(session: Session, owner_id: str, sha256: str) -> TrackRow | None:
    """The owner's track with these bytes."""
    return session.scalar(select(TrackRow).where(TrackRow.owner_id == owner_id, TrackRow.sha256 == sha256))


def add_track(session: Session, row: TrackRow) -> None:
    """Raises ``sqlalchemy.exc.IntegrityError`` when the owner has a track with these bytes."""
    row.created_at = session.connection().execute(_ADD, given(row)).scalar_one()


def was_added(session: Session, row: TrackRow) -> bool:
    """Whether the row that ``add_track`` was given is committed. Waits for a commit of it that is still under way.

    Raises ``LockTimeout`` when that takes more than five seconds.
    """
    session.execute(_FIVE_SECONDS)
    # Adding it once more waits for the other transaction, as no SELECT does; it is not to stay.
    with session.begin_nested() as attempt:
        session.connection().execute(postgresql.insert(TrackRow).on_conflict_do_nothing(), given(row))
        attempt.rollback()
    return session.scalar(_OF_OWNER, {"of_id": row.id, "of_owner": row.owner_id}) is not None


def list_tracks(
    session: Session,
    owner_id: str,
    *,
    cursor: str | None,
    limit: int,
    label: str | None = None,
    model: str | None = None,
    q: str | None = None,
    vocabularies: Vocabularies | None = None,
    collection: str | None = None,
    sort: TrackSort = TrackSort.NEWEST,
) -> tuple[list[TrackRow], str | None]:
    """A page of the owner's tracks, and the cursor of the next page, which is of the same order.

    Args:
        label: only tracks with this label, as ``labels_of`` has it.
        model: whose label is meant; any model's counts without.
        q: as ``is_named`` finds it.
        collection: only tracks in this collection, whose owner the caller has checked.
        vocabularies: of the served models, in which confirmed labels take the place of predicted ones.

    Raises ``InvalidCursor``.
    """
    statement = select(TrackRow).where(TrackRow.owner_id == owner_id)
    if label is not None:
        statement = statement.where(is_labelled(normalize("NFC", label), model, vocabularies or {}))
    if q is not None:
        statement = statement.where(is_named(q))
    if collection is not None:
        statement = statement.where(TrackRow.id.in_(tracks_in(collection)))
    if sort in _ORDERS:
        ordered = page_by(statement, _ORDERS[sort], TrackRow.id, cursor=cursor, limit=limit)
        return cut_by(session.execute(ordered).all(), limit)
    newest_first = sort is TrackSort.NEWEST
    by_time = page(statement, TrackRow.created_at, TrackRow.id, cursor=cursor, limit=limit, newest_first=newest_first)
    return cut(session.scalars(by_time).all(), limit)


def is_named(q: str) -> ColumnElement[bool]:
    """Whether a row of ``tracks`` has a text anywhere in its name, in the file's or in a tag.

    The tags are title, artist, album and genre. Case and Unicode's form do not count.
    """
    said = normalize("NFC", q)
    return or_(*(column.icontains(said, autoescape=True) for column in (TrackRow.words, TrackRow.name)))


def tracks_by_id(session: Session, tracks: Collection[str]) -> list[TrackRow]:
    """Tracks by their ids, of those that are there. The caller has checked the owners."""
    return list(session.scalars(select(TrackRow).where(TrackRow.id.in_(tracks)))) if tracks else []
