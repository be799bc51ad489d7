"""The audit log: what was done, by which key. Entries are added in the transaction of what they record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.limits import AuditRow
from phonoscope.ids import new_id

SETTINGS_CHANGED = "settings.changed"
_RETENTION = text("SET LOCAL phonoscope.audit_retention = 'on'")
_LEAST_KEPT = timedelta(days=1)
_FORGET = text("DELETE FROM audit_log WHERE created_at < now() - CAST(:older_than AS interval) RETURNING id")


@dataclass(frozen=True)
class Actor:
    """Who does something with what belongs to an owner: a key, or without one the operator or the service."""

    owner_id: str
    key_id: str | None = None


def record(session: Session, actor: Actor, action: str, subject: str, **details: Any) -> None:
    """Adds an entry. The details are in JSON's types, and hold no secret.

    Args:
        action: a kind and a past participle, such as ``track.deleted``.
        subject: the id of what it was done to.
    """
    _add(session, owner_id=actor.owner_id, key_id=actor.key_id, action=action, subject=subject, details=details)


def record_settings(session: Session, settings: dict[str, str]) -> list[str]:
    """Notes the service's settings where they differ from those noted last; returns the names of those that do."""
    newest = select(AuditRow.details).where(AuditRow.owner_id.is_(None), AuditRow.action == SETTINGS_CHANGED)
    before = session.scalar(newest.order_by(AuditRow.created_at.desc(), AuditRow.id.desc()).limit(1))
    known = (before or {}).get("settings", {})
    changed = sorted(name for name in known.keys() | settings.keys() if known.get(name) != settings.get(name))
    if changed:
        _add(
            session,
            action=SETTINGS_CHANGED,
            subject="service",
            details={"changed": changed if known else [], "settings": settings},
        )
    return changed


def list_audit(
    session: Session,
    owner_id: str | None,
    *,
    cursor: str | None,
    limit: int,
    action: str | None = None,
    subject: str | None = None,
    key_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[AuditRow], str | None]:
    """A page of entries, newest first.

    Args:
        owner_id: whose entries; ``None`` for everybody's and the service's own, for the operator.
        action: only this action, or with a kind such as ``key`` all actions on it.
        since: only entries at this time or later.
        until: only entries before this time.

    Raises ``InvalidCursor``.
    """
    statement = select(AuditRow)
    if owner_id is not None:
        statement = statement.where(AuditRow.owner_id == owner_id)
    if action is not None:
        statement = statement.where(
            AuditRow.action == action if "." in action else func.split_part(AuditRow.action, ".", 1) == action
        )
    if subject is not None:
        statement = statement.where(AuditRow.subject == subject)
    if key_id is not None:
        statement = statement.where(AuditRow.key_id == key_id)
    if since is not None:
        statement = statement.where(AuditRow.created_at >= since)
    if until is not None:
        statement = statement.where(AuditRow.created_at < until)
    rows = session.scalars(page(statement, AuditRow.created_at, AuditRow.id, cursor=cursor, limit=limit)).all()
    return cut(rows, limit)


def forget_audit(session: Session, older_than: timedelta) -> int:
    """Erases entries older than that, and than a day at least; returns how many."""
    session.execute(_RETENTION)
    return len(session.connection().execute(_FORGET, {"older_than": max(older_than, _LEAST_KEPT)}).all())


def _add(session: Session, **values: Any) -> None:
    session.connection().execute(insert(AuditRow), {"id": new_id("aud"), **values})
