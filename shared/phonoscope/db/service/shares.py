"""Links that share one recording: ``pss_<id>_<secret>``, found by the id, checked by the secret's hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from phonoscope.db.schema.shares import ShareRow
from phonoscope.db.schema.tables import KeyRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.service.keys import is_valid_key
from phonoscope.db.service.sessions import is_signed_in
from phonoscope.errors import NotFound, ShareEnded, TooManyShares
from phonoscope.ids import new_id

MOST_SHARES = 20
"""Links to one track that are good."""
PREFIX = "pss_"
ID_KIND = "shr"
_LONGEST_TOKEN = 128


@dataclass(frozen=True)
class Share:
    """What a shared link opens, of which owner's, and until when."""

    id: str
    owner_id: str
    track_id: str
    expires_at: datetime


def add_share(
    session: Session, actor: Actor, track_id: str, lasts: timedelta, *, ends_with_key: bool
) -> tuple[ShareRow, str]:
    """Adds a link to a track whose row the caller has locked; returns its row and the whole token, this once.

    Raises ``TooManyShares``.
    """
    session.execute(delete(ShareRow).where(ShareRow.track_id == track_id, ShareRow.expires_at <= func.now()))
    count = select(func.count()).where(ShareRow.track_id == track_id)
    if (session.scalar(count) or 0) >= MOST_SHARES:
        raise TooManyShares.field("track_id", f"a recording has at most {MOST_SHARES} links; revoke one first")
    secret = secrets.token_urlsafe(32)
    row = ShareRow(
        id=new_id(ID_KIND),
        track_id=track_id,
        owner_id=actor.owner_id,
        secret_sha256=_hash(secret),
        expires_at=session.scalar(select(func.now() + lasts)),
        key_id=actor.key_id,
        ends_with_key=ends_with_key,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    record(session, actor, "share.created", track_id, share_id=row.id, expires_at=row.expires_at.isoformat())
    return row, f"{PREFIX}{row.id.removeprefix(ID_KIND + '_')}_{secret}"


def list_shares(session: Session, track_id: str) -> Sequence[ShareRow]:
    """The links to a track that are good, newest first. The caller has checked the owner."""
    good = select(ShareRow).where(ShareRow.track_id == track_id, _is_good())
    return session.scalars(good.order_by(ShareRow.created_at.desc(), ShareRow.id)).all()


def revoke_share(session: Session, actor: Actor, track_id: str, share_id: str) -> None:
    """Ends a link for good. Raises ``NotFound``, also for another track's. The caller has checked the owner."""
    gone = delete(ShareRow).where(ShareRow.id == share_id, ShareRow.track_id == track_id).returning(ShareRow.id)
    if session.scalar(gone) is None:
        raise NotFound(f"no share {share_id!r}")
    record(session, actor, "share.revoked", track_id, share_id=share_id)


def revoke_shares(session: Session, track_id: str) -> None:
    """Ends all links to a track. The caller has checked the owner."""
    session.execute(delete(ShareRow).where(ShareRow.track_id == track_id))


def find_share(session: Session, token: str) -> Share:
    """What a token opens. Raises ``ShareEnded`` where it is wrong, expired or revoked, without saying which."""
    own_id, _, secret = token.removeprefix(PREFIX).partition("_")
    row = None
    if token.startswith(PREFIX) and len(token) <= _LONGEST_TOKEN and "\x00" not in own_id:
        row = session.scalar(select(ShareRow).where(ShareRow.id == f"{ID_KIND}_{own_id}", _is_good()))
    if not hmac.compare_digest(_hash(secret), row.secret_sha256 if row else _hash("")) or row is None:
        raise ShareEnded("this link was revoked, has expired, or never was one")
    return Share(row.id, row.owner_id, row.track_id, row.expires_at)


def is_good(session: Session, share_id: str) -> bool:
    """Whether a link is neither revoked nor expired."""
    return bool(session.scalar(select(exists().where(ShareRow.id == share_id, _is_good()))))


def _is_good() -> ColumnElement[bool]:
    key = exists().where(KeyRow.id == ShareRow.key_id, is_valid_key())
    ends = or_(~ShareRow.ends_with_key, key, is_signed_in(ShareRow.key_id))
    return (ShareRow.expires_at > func.now()) & ends


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
