"""API keys: ``psk_<id>_<secret>``, found by the id, checked by the secret's hash in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.contract.keys import USUAL_SCOPES, Scope
from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.tables import KeyRow, OwnerRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.errors import InvalidRequest, MissingScope, NotFound, Unauthorized
from phonoscope.ids import new_id

MOST_KEYS = 100
"""Valid keys that an owner may have."""
USED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a key is known."""
_PREFIX = "psk"
_BY_ID = text(
    """
    SELECT owner_id, secret_sha256, previous_sha256, scopes, links_end,
           revoked_at IS NULL AND coalesce(expires_at > now(), true) AS valid,
           previous_until > now() AS previous_valid,
           coalesce(last_used_at < now() - CAST(:used_every AS interval), true) AS use_is_old
    FROM api_keys WHERE id = :key_id
    """
)


@dataclass(frozen=True)
class Caller:
    """An authenticated client: all that it sees and makes belongs to ``owner_id``.

    Attributes:
        links_end: whether signed links that this key asks for end with it.
        key_id: the API key; of somebody who signed in the user, and of a shared link the link.
        use_is_old: whether the key's, or the session's, last use is older than ``USED_EVERY``.
        track_id: the one track that a shared link opens, whose id is in place of the key's; ``None`` with a key.
        until: when that link expires.
        session_id: the session of a user who signed in; ``None`` with a key.
    """

    owner_id: str
    key_id: str
    scopes: frozenset[Scope] = frozenset(USUAL_SCOPES)
    links_end: bool = False
    use_is_old: bool = False
    track_id: str | None = None
    until: datetime | None = None
    session_id: str | None = None

    @property
    def credential_id(self) -> str:
        """What ends when the caller may do no more: the session, the key or the shared link."""
        return self.session_id or self.key_id

    @property
    def counts_as(self) -> str:
        """Whose limits its requests count against: its owner's, or the shared link's own."""
        return self.owner_id if self.track_id is None else self.key_id

    @property
    def actor(self) -> Actor:
        return Actor(self.owner_id, self.key_id)

    def needs(self, scope: Scope) -> None:
        """Raises ``MissingScope`` unless the key has this scope."""
        if scope not in self.scopes:
            has = ", ".join(sorted(self.scopes)) or "none"
            raise MissingScope(f"this needs a key with the scope `{scope}`; yours has {has}")


def create_key(
    session: Session,
    name: str,
    owner: str | None = None,
    *,
    scopes: Collection[Scope] = USUAL_SCOPES,
    expires_at: datetime | None = None,
    links_end: bool = False,
) -> str:
    """Creates a key; returns it in full, this once. The owner (by default ``name``) is created if absent.

    Raises ``InvalidRequest`` when the owner has ``MOST_KEYS`` valid keys.
    """
    actor = Actor(ensure_owner(session, owner or name))
    _, key = add_key(session, actor, name, scopes=scopes, expires_at=expires_at, links_end=links_end)
    return key


def ensure_owner(session: Session, name: str) -> str:
    """The id of the owner with this name, who is made where there is none."""
    wanted = select(OwnerRow.id).where(OwnerRow.name == name)
    known = session.scalar(wanted)
    if known is None:
        # One that another transaction adds meanwhile is waited for, and found by the next statement.
        session.execute(insert(OwnerRow).values(id=new_id("own"), name=name).on_conflict_do_nothing())
        known = session.scalars(wanted).one()
    return known


def add_key(
    session: Session,
    actor: Actor,
    name: str,
    *,
    scopes: Collection[Scope],
    expires_at: datetime | None,
    links_end: bool,
) -> tuple[KeyRow, str]:
    """Adds a key of the actor's owner; returns its row and the whole key.

    Raises ``InvalidRequest`` when the owner has ``MOST_KEYS`` valid keys.
    """
    lock_owner(session, actor.owner_id)
    valid = select(func.count()).where(KeyRow.owner_id == actor.owner_id, is_valid_key())
    if (session.scalar(valid) or 0) >= MOST_KEYS:
        raise InvalidRequest.field("name", f"there are {MOST_KEYS} valid keys already; revoke one first")
    key_id, secret = new_id("k").removeprefix("k_"), secrets.token_urlsafe(32)
    row = KeyRow(
        id=key_id,
        owner_id=actor.owner_id,
        name=name,
        secret_sha256=_hash(secret),
        scopes=sorted(scopes),
        expires_at=expires_at,
        links_end=links_end,
    )
    session.add(row)
    session.flush()
    record(session, actor, "key.created", key_id, **_facts(row))
    return row, _whole(key_id, secret)


def authenticate(session: Session, key: str) -> Caller:
    """Raises ``Unauthorized`` when the key is malformed, unknown, expired, revoked or its secret is wrong."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    row = None
    if prefix == _PREFIX and "\x00" not in key_id:
        row = session.connection().execute(_BY_ID, {"key_id": key_id, "used_every": USED_EVERY}).one_or_none()
    given = _hash(secret)
    matches = hmac.compare_digest(given, row.secret_sha256 if row else _hash(""))
    before = hmac.compare_digest(given, (row.previous_sha256 if row else None) or _hash(""))
    if row is None or not row.valid or not (matches or (before and row.previous_valid)):
        raise Unauthorized("this API key is not known")
    # A newer release may know more scopes.
    scopes = frozenset(Scope(scope) for scope in row.scopes if scope in set(Scope))
    return Caller(row.owner_id, key_id, scopes, row.links_end, row.use_is_old)


def note_use(session: Session, key_id: str) -> None:
    """Notes that a key was used now; at most once in ``USED_EVERY``."""
    old = or_(KeyRow.last_used_at.is_(None), KeyRow.last_used_at < func.now() - USED_EVERY)
    session.execute(update(KeyRow).where(KeyRow.id == key_id, old).values(last_used_at=func.now()))


def is_valid(session: Session, key_id: str) -> bool:
    """Whether the key is neither revoked nor expired."""
    return bool(session.scalar(select(exists().where(KeyRow.id == key_id, is_valid_key()))))


def is_valid_key() -> ColumnElement[bool]:
    """Whether a key's row is neither revoked nor expired, as SQL."""
    return and_(KeyRow.revoked_at.is_(None), or_(KeyRow.expires_at.is_(None), KeyRow.expires_at > func.now()))


def get_key(session: Session, owner_id: str | None, key_id: str, *, to_change: bool = False) -> KeyRow:
    """A key of the owner, or without one, for the operator, of any.

    Args:
        to_change: locks the row until the transaction ends.

    Raises ``NotFound``, also for another owner's key.
    """
    statement = select(KeyRow).where(KeyRow.id == key_id)
    if owner_id is not None:
        statement = statement.where(KeyRow.owner_id == owner_id)
    row = session.scalar(statement.with_for_update() if to_change else statement)
    if row is None:
        raise NotFound(f"no key {key_id!r}")
    return row


def owner_keys(session: Session, owner_id: str, *, cursor: str | None, limit: int) -> tuple[list[KeyRow], str | None]:
    """A page of the owner's keys, newest first. Raises ``InvalidCursor``."""
    statement = select(KeyRow).where(KeyRow.owner_id == owner_id)
    rows = session.scalars(page(statement, KeyRow.created_at, KeyRow.id, cursor=cursor, limit=limit)).all()
    return cut(rows, limit)


def find_owner(session: Session, name: str) -> str:
    """The id of the owner with this name. Raises ``NotFound``."""
    owner_id = session.scalar(select(OwnerRow.id).where(OwnerRow.name == name))
    if owner_id is None:
        raise NotFound(f"no owner {name!r}")
    return owner_id


def list_keys(session: Session) -> list[tuple[KeyRow, OwnerRow]]:
    """All owners' keys, for the operator."""
    rows = session.execute(select(KeyRow, OwnerRow).join(OwnerRow).order_by(KeyRow.created_at)).all()
    return [(key, owner) for key, owner in rows]


def change_key(session: Session, actor: Actor, row: KeyRow, changes: dict[str, Any]) -> None:
    """Changes name, scopes, expiry or ``links_end``. Raises ``InvalidRequest`` for a key that is revoked."""
    _refuse_revoked(row)
    for name, value in changes.items():
        setattr(row, name, sorted(set(value)) if name == "scopes" else value)
    session.flush()
    record(session, actor, "key.changed", row.id, **{name: _facts(row)[name] for name in changes})


def rotate_key(session: Session, actor: Actor, row: KeyRow, grace: timedelta) -> str:
    """Gives a key a new secret; the old one stays valid for the grace period. Returns the whole key, this once.

    Raises ``InvalidRequest`` for a key that is revoked.
    """
    _refuse_revoked(row)
    secret = secrets.token_urlsafe(32)
    row.previous_sha256 = row.secret_sha256 if grace else None
    row.previous_until = session.scalar(select(func.now() + grace)) if grace else None
    row.secret_sha256 = _hash(secret)
    session.flush()
    record(session, actor, "key.rotated", row.id, grace_s=int(grace.total_seconds()))
    return _whole(row.id, secret)


def revoke_key(session: Session, actor: Actor, row: KeyRow) -> None:
    """Makes a key invalid, for good. A key that was revoked before stays as it is."""
    if row.revoked_at is None:
        row.revoked_at = session.scalar(select(func.now()))
        session.flush()
        record(session, actor, "key.revoked", row.id, name=row.name)


def _refuse_revoked(row: KeyRow) -> None:
    if row.revoked_at is not None:
        raise InvalidRequest.field("key_id", "the key is revoked; make another")


def lock_owner(session: Session, owner_id: str) -> None:
    """Has calls for one owner that count or name what it has wait for each other, until the commit."""
    session.execute(select(OwnerRow.id).where(OwnerRow.id == owner_id).with_for_update(key_share=True))


def _facts(row: KeyRow) -> dict[str, Any]:
    expires = row.expires_at.isoformat() if row.expires_at else None
    return {"name": row.name, "scopes": row.scopes, "expires_at": expires, "links_end": row.links_end}


def _whole(key_id: str, secret: str) -> str:
    return f"{_PREFIX}_{key_id}_{secret}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
