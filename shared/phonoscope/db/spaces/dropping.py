"""Dropping spaces: their vectors, of one owner or of all."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.windows import SpaceRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.spaces.listing import OF_OWNER, get_space
from phonoscope.db.spaces.reading import readers_elsewhere, reading_space
from phonoscope.errors import SpaceInUse
from phonoscope.work import Space

_AT_A_TIME = 5_000
# The windows first: where they are gone and the track's vectors are not, the space is still listed.
_SOME = "SELECT ctid FROM {table} WHERE {where} AND {of_owner} LIMIT :most"
_DROP_SOME = [
    text(f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({_SOME.format(table=table, where=where, of_owner=OF_OWNER)}))")  # noqa: S608
    for table, where in (
        ("label_peaks", "space_id = :space_id"),
        ("window_embeddings", "space_id = :space_id"),
        ("embeddings", "model_name = :model AND model_digest = :digest"),
        ("reembeddings", "space_id = :space_id"),
    )
]
# Waits for those that write into the space; the next statement sees what they have written.
_HOLD = text("SELECT FROM spaces WHERE id = :space_id FOR UPDATE")
_FORGET = text(
    """
    DELETE FROM spaces WHERE id = :space_id
      AND NOT EXISTS (SELECT FROM embeddings WHERE model_name = model AND model_digest = digest)
      AND NOT EXISTS (SELECT FROM window_embeddings WHERE space_id = :space_id)
    """
)


def drop_space(database: Database, space_id: int, served: Collection[Space], actor: Actor | None = None) -> int:
    """Erases a space's vectors, some thousands in each transaction, and the space once it is empty.

    Args:
        served: the spaces of the models that are served now.
        actor: whose vectors are erased, and by which key; without one it is the operator, and all owners'.

    Returns how many rows were erased; what a call that broke off has left, the next one erases.

    Raises:
        NotFound: there is no such space.
        SpaceInUse: it is served, or an owner's searches read it.
        DatabaseUnavailable: erase the rest later.
    """
    owner_id = None if actor is None else actor.owner_id
    with database.transaction() as session:
        row = get_space(session, space_id)
        _check_unused(session, row, served, owner_id)
        if actor is not None:
            record(session, actor, "space.dropped", str(space_id), model=row.model, digest=row.digest)
        facts = {"space_id": space_id, "model": row.model, "digest": row.digest, "owner_id": owner_id}
    dropped = sum(_drop_all(database, statement, facts) for statement in _DROP_SOME)
    with database.transaction() as session:
        session.execute(_HOLD, facts)
        session.execute(_FORGET, facts)
    return dropped


def _check_unused(session: Session, row: SpaceRow, served: Collection[Space], owner_id: str | None) -> None:
    name = f"space {row.id}, of {row.model!r},"
    if Space(row.model, row.digest) in served:
        raise SpaceInUse(f"{name} is that of the model that is served: new tracks get vectors in it")
    for space in served:
        if space.model != row.model:
            continue
        if owner_id is None and row.digest in (elsewhere := readers_elsewhere(session, space)).values():
            count = list(elsewhere.values()).count(row.digest)
            raise SpaceInUse(f"{name} is read by {count} owners until the new one is complete: reembed first")
        if owner_id is not None and reading_space(session, owner_id, space).digest == row.digest:
            raise SpaceInUse(f"{name} is read until the new one is complete: reembed first")


def _drop_all(database: Database, statement: object, facts: dict[str, object]) -> int:
    dropped, some = 0, _AT_A_TIME
    while some == _AT_A_TIME:
        with database.transaction() as session:
            some = session.connection().execute(statement, facts | {"most": _AT_A_TIME}).rowcount  # type: ignore[call-overload]
        dropped += some
    return dropped
