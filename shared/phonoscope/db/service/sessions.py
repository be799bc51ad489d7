"""Users who signed in, and their sessions: ``<id>_<secret>`` in a cookie, checked by the secret's hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.contract.keys import Scope
from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.sessions import UserRow, UserSessionRow
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.service.keys import USED_EVERY, Caller, ensure_owner, is_valid, note_use
from phonoscope.errors import NotFound, SessionEnded
from phonoscope.ids import new_id

MOST_SESSIONS = 50
"""Of one user; a further sign-in ends the oldest."""
ID_KIND = "ses"
USER_KIND = "usr"
_LONGEST_TOKEN = 128
_BY_ID = text(
    """
    SELECT user_id, owner_id, secret_sha256, scopes,
           coalesce(last_used_at < now() - CAST(:used_every AS interval), true) AS use_is_old
    FROM user_sessions JOIN users ON users.id = user_id
    WHERE user_sessions.id = :session_id AND expires_at > now()
    """
)


@dataclass(frozen=True)
class Person:
    """Somebody whom an identity provider vouched for, and what the service's rules make of them.

    Attributes:
        owner: the name of the owner whose library it is.
        name: as people call them.
    """

    issuer: str
    subject: str
    owner: str
    name: str
    email: str | None
    scopes: frozenset[Scope]


def open_session(session: Session, person: Person, lasts: timedelta) -> str:
    """Signs a person in: makes or renews the user, adds a session; returns what its cookie holds, this once.

    All sessions of the user have from now on what the person may do now.
    """
    owner_id = ensure_owner(session, person.owner)
    values = {
        "owner_id": owner_id,
        "name": person.name,
        "email": person.email,
        "scopes": sorted(person.scopes),
    }
    known = {"issuer": person.issuer, "subject": person.subject}
    statement = insert(UserRow).values(id=new_id(USER_KIND), **known, **values)
    renewed = statement.on_conflict_do_update(index_elements=list(known), set_=values | {"signed_in_at": func.now()})
    user_id = session.scalars(renewed.returning(UserRow.id)).one()
    _make_room(session, Actor(owner_id, user_id), user_id)
    secret = secrets.token_urlsafe(32)
    row = UserSessionRow(
        id=new_id(ID_KIND),
        user_id=user_id,
        secret_sha256=_hash(secret),
        expires_at=session.scalar(select(func.now() + lasts)),
    )
    session.add(row)
    session.flush()
    record(session, Actor(owner_id, user_id), "session.created", row.id, user=person.name, scopes=values["scopes"])
    return f"{row.id.removeprefix(ID_KIND + '_')}_{secret}"


def find_session(session: Session, token: str) -> Caller:
    """The user whose session a cookie opens. Raises ``SessionEnded`` without saying why."""
    own_id, _, secret = token.partition("_")
    row = None
    if len(token) <= _LONGEST_TOKEN and "\x00" not in own_id:
        asked = {"session_id": f"{ID_KIND}_{own_id}", "used_every": USED_EVERY}
        row = session.connection().execute(_BY_ID, asked).one_or_none()
    if not hmac.compare_digest(_hash(secret), row.secret_sha256 if row else _hash("")) or row is None:
        raise SessionEnded("the session was ended, has expired, or never was one: sign in again")
    scopes = frozenset(Scope(scope) for scope in row.scopes if scope in set(Scope))
    return Caller(
        row.owner_id, row.user_id, scopes, use_is_old=row.use_is_old, session_id=f"{ID_KIND}_{own_id}"
    )  # fmt: skip


def still_good(session: Session, credential_id: str) -> bool:
    """Whether a session is open, or an API key neither revoked nor expired."""
    if not credential_id.startswith(f"{ID_KIND}_"):
        return is_valid(session, credential_id)
    return bool(session.scalar(select(exists().where(UserSessionRow.id == credential_id, _is_open()))))


def is_signed_in(user_id: ColumnElement[str] | object) -> ColumnElement[bool]:
    """Whether a user has an open session, as SQL."""
    return exists().where(UserSessionRow.user_id == user_id, _is_open())


def note_credential_use(session: Session, credential_id: str) -> None:
    """Notes that a session or an API key was used now; at most once in ``USED_EVERY``."""
    if not credential_id.startswith(f"{ID_KIND}_"):
        note_use(session, credential_id)
        return
    old = or_(UserSessionRow.last_used_at.is_(None), UserSessionRow.last_used_at < func.now() - USED_EVERY)
    wanted = update(UserSessionRow).where(UserSessionRow.id == credential_id, old)
    session.execute(wanted.values(last_used_at=func.now()))


def get_session(session: Session, session_id: str) -> tuple[UserSessionRow, UserRow]:
    """An open session and its user. Raises ``NotFound``."""
    wanted = select(UserSessionRow, UserRow).join(UserRow).where(UserSessionRow.id == session_id, _is_open())
    found = session.execute(wanted).one_or_none()
    if found is None:
        raise NotFound(f"no session {session_id!r}")
    return found[0], found[1]


def owner_sessions(
    session: Session, owner_id: str, *, cursor: str | None, limit: int
) -> tuple[Sequence[tuple[UserSessionRow, UserRow]], str | None]:
    """A page of the open sessions of an owner's users, newest first. Raises ``InvalidCursor``."""
    own = select(UserSessionRow).join(UserRow).where(UserRow.owner_id == owner_id, _is_open())
    statement = page(own, UserSessionRow.created_at, UserSessionRow.id, cursor=cursor, limit=limit)
    rows, next_cursor = cut(session.scalars(statement).all(), limit)
    users = session.scalars(select(UserRow).where(UserRow.id.in_({row.user_id for row in rows})))
    by_id = {user.id: user for user in users}
    return [(row, by_id[row.user_id]) for row in rows], next_cursor


def list_sessions(session: Session, owner_id: str | None) -> list[tuple[UserSessionRow, UserRow, OwnerRow]]:
    """The open sessions of one owner's users, or of all, newest first, for the operator."""
    found = select(UserSessionRow, UserRow, OwnerRow).join(UserRow, UserSessionRow.user_id == UserRow.id)
    found = found.join(OwnerRow, UserRow.owner_id == OwnerRow.id).where(_is_open())
    if owner_id is not None:
        found = found.where(UserRow.owner_id == owner_id)
    rows = session.execute(found.order_by(UserSessionRow.created_at.desc(), UserSessionRow.id)).all()
    return [(row, user, owner) for row, user, owner in rows]


def get_user(session: Session, user_id: str) -> UserRow:
    """A user of any owner, for the operator. Raises ``NotFound``."""
    user = session.get(UserRow, user_id)
    if user is None:
        raise NotFound(f"no user {user_id!r}")
    return user


def end_session(session: Session, actor: Actor, session_id: str) -> None:
    """Ends a session of one of the owner's users. Raises ``NotFound``, also for another owner's."""
    own = select(UserRow.id).where(UserRow.owner_id == actor.owner_id)
    gone = delete(UserSessionRow).where(UserSessionRow.id == session_id, UserSessionRow.user_id.in_(own))
    if session.scalar(gone.returning(UserSessionRow.id)) is None:
        raise NotFound(f"no session {session_id!r}")
    record(session, actor, "session.ended", session_id)


def end_sessions(session: Session, actor: Actor, user_id: str) -> int:
    """Ends all sessions of a user; returns how many."""
    gone = session.scalars(
        delete(UserSessionRow).where(UserSessionRow.user_id == user_id).returning(UserSessionRow.id)
    ).all()
    for session_id in gone:
        record(session, actor, "session.ended", session_id)
    return len(gone)


def end_sessions_of(session: Session, issuer: str, subject: str) -> int:
    """Ends all sessions of a user whom the rules do not let in any more; returns how many."""
    user = session.scalar(select(UserRow).where(UserRow.issuer == issuer, UserRow.subject == subject))
    return end_sessions(session, Actor(user.owner_id, user.id), user.id) if user else 0


def forget_ended_sessions(session: Session) -> None:
    """Erases sessions that have expired."""
    session.execute(delete(UserSessionRow).where(UserSessionRow.expires_at <= func.now()))


def _make_room(session: Session, actor: Actor, user_id: str) -> None:
    """Ends the oldest sessions of a user whose row is locked."""
    own = select(UserSessionRow.id).where(UserSessionRow.user_id == user_id)
    kept = own.order_by(UserSessionRow.created_at.desc()).limit(MOST_SESSIONS - 1)
    oldest = delete(UserSessionRow).where(UserSessionRow.user_id == user_id, UserSessionRow.id.not_in(kept))
    for session_id in session.scalars(oldest.returning(UserSessionRow.id)).all():
        record(session, actor, "session.ended", session_id)


def _is_open() -> ColumnElement[bool]:
    return UserSessionRow.expires_at > func.now()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
