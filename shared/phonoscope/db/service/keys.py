"""API keys: ``psk_<id>_<secret>``, found by the id, checked by the secret's hash in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from phonoscope.db.schema.tables import KeyRow, OwnerRow
from phonoscope.errors import NotFound, Unauthorized
from phonoscope.ids import new_id

_PREFIX = "psk"
_BY_ID = text("SELECT owner_id, secret_sha256, revoked_at FROM api_keys WHERE id = :key_id")


@dataclass(frozen=True)
class Caller:
    """An authenticated client: all that it sees and makes belongs to ``owner_id``."""

    owner_id: str
    key_id: str


def create_key(session: Session, name: str, owner: str | None = None) -> str:
    """Creates a key; returns it in full, this once. The owner (by default ``name``) is created if absent."""
    owner_row = session.scalar(select(OwnerRow).where(OwnerRow.name == (owner or name)))
    if owner_row is None:
        owner_row = OwnerRow(id=new_id("own"), name=owner or name)
        session.add(owner_row)
        session.flush()
    key_id, secret = new_id("k").removeprefix("k_"), secrets.token_urlsafe(32)
    session.add(KeyRow(id=key_id, owner_id=owner_row.id, name=name, secret_sha256=_hash(secret)))
    return f"{_PREFIX}_{key_id}_{secret}"


def authenticate(session: Session, key: str) -> Caller:
    """Raises ``Unauthorized`` when the key is malformed, unknown, revoked or its secret is wrong."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    row = session.connection().execute(_BY_ID, {"key_id": key_id}).one_or_none() if prefix == _PREFIX else None
    matches = hmac.compare_digest(_hash(secret), row.secret_sha256 if row else _hash(""))
    if row is None or not matches or row.revoked_at is not None:
        raise Unauthorized("this API key is not known")
    return Caller(owner_id=row.owner_id, key_id=key_id)


def is_valid(session: Session, key_id: str) -> bool:
    """Whether the key is there and not revoked."""
    return bool(session.scalar(select(exists().where(KeyRow.id == key_id, KeyRow.revoked_at.is_(None)))))


def list_keys(session: Session) -> list[tuple[KeyRow, OwnerRow]]:
    rows = session.execute(select(KeyRow, OwnerRow).join(OwnerRow).order_by(KeyRow.created_at)).all()
    return [(key, owner) for key, owner in rows]


def revoke_key(session: Session, key_id: str) -> None:
    """Makes a key invalid. Raises ``NotFound``."""
    row = session.get(KeyRow, key_id)
    if row is None:
        raise NotFound(f"no key {key_id!r}")
    row.revoked_at = row.revoked_at or func.now()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
