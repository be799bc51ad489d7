"""Requests that a client may repeat under a key: done once, and answered as the first time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.db.schema.service import IdempotencyRow
from phonoscope.errors import IdempotencyKeyReused, NotFound, RequestInFlight

KEPT = timedelta(hours=24)
"""For how long a key belongs to its first request."""
IN_FLIGHT = timedelta(minutes=1)
"""After this long without an answer, the first request counts as lost and the key is free again."""
_ERASED = 404


@dataclass(frozen=True)
class Answer:
    """What a request was answered with."""

    status: int
    location: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Reservation:
    """A key that is taken for a request which is being answered."""

    owner_id: str
    key: str
    request_sha256: str
    since: datetime


def reserve(session: Session, owner_id: str, key: str, request_sha256: str) -> Reservation | Answer:
    """Takes the key for this request, or returns the first answer to the same request.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
        RequestInFlight: the same request is being answered.
        NotFound: what the request made has been erased since.
    """
    new = {"owner_id": owner_id, "key": key, "request_sha256": request_sha256}
    renewed = {"request_sha256": request_sha256, "status": None, "location": None, "body": None}
    statement = insert(IdempotencyRow).values(new)
    since = session.connection().scalar(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyRow.owner_id, IdempotencyRow.key],
            set_=renewed | {"created_at": func.now()},
            where=_is_free(),
        ).returning(IdempotencyRow.created_at)
    )
    if since is not None:
        return Reservation(owner_id, key, request_sha256, since)
    return _first_answer(session, owner_id, key, request_sha256)


def keep_answer(session: Session, reservation: Reservation, answer: Answer) -> None:
    """Writes the answer in the caller's transaction, so that both are committed or neither is.

    Raises ``RequestInFlight`` when a repetition was answered meanwhile; the caller must not commit.
    """
    outcome = {"status": answer.status, "location": answer.location, "body": answer.body}
    asked = {"owner_id": reservation.owner_id, "key": reservation.key, "request_sha256": reservation.request_sha256}
    statement = insert(IdempotencyRow).values(asked | outcome)
    unanswered = and_(
        IdempotencyRow.status.is_(None), IdempotencyRow.request_sha256 == statement.excluded.request_sha256
    )
    written = session.connection().scalar(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyRow.owner_id, IdempotencyRow.key], set_=outcome, where=unanswered
        ).returning(IdempotencyRow.key)
    )
    if written is None:
        raise RequestInFlight("this request took so long that its repetition was answered first; send it again")


def release(session: Session, reservation: Reservation) -> None:
    """Frees the key after its request failed. Leaves an answer, and the reservation of another request."""
    session.connection().execute(
        delete(IdempotencyRow).where(
            _is_key(reservation.owner_id, reservation.key),
            IdempotencyRow.status.is_(None),
            IdempotencyRow.created_at == reservation.since,
        )
    )


def erase_answers(session: Session, owner_id: str, track_id: str) -> None:
    """Erases a track from kept answers; their keys stay taken, so that no repetition creates the track again."""
    names_track = or_(IdempotencyRow.body["id"].astext == track_id, IdempotencyRow.body["track_id"].astext == track_id)
    session.connection().execute(
        update(IdempotencyRow)
        .where(IdempotencyRow.owner_id == owner_id, names_track)
        .values(status=_ERASED, location=None, body=None)
    )


def forget_old_keys(session: Session) -> int:
    """Erases keys older than ``KEPT``; returns how many."""
    old = delete(IdempotencyRow).where(IdempotencyRow.created_at < func.now() - KEPT)
    return len(session.connection().execute(old.returning(IdempotencyRow.key)).all())


def _first_answer(session: Session, owner_id: str, key: str, request_sha256: str) -> Answer:
    row = session.scalar(select(IdempotencyRow).where(_is_key(owner_id, key)))
    if row is not None and row.request_sha256 != request_sha256:
        raise IdempotencyKeyReused.field("Idempotency-Key", "was sent with another request before")
    if row is None or row.status is None:
        raise RequestInFlight("the first request with this key is still being answered")
    if row.body is None or row.location is None:
        raise NotFound("what this request made has been erased")
    return Answer(row.status, row.location, row.body)


def _is_key(owner_id: str, key: str) -> ColumnElement[bool]:
    return and_(IdempotencyRow.owner_id == owner_id, IdempotencyRow.key == key)


def _is_free() -> ColumnElement[bool]:
    abandoned = and_(IdempotencyRow.status.is_(None), IdempotencyRow.created_at < func.now() - IN_FLIGHT)
    return or_(abandoned, IdempotencyRow.created_at < func.now() - KEPT)
