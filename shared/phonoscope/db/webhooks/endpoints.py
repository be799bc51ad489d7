"""Endpoints and the secrets that their events are signed with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.webhooks import WebhookRow, WebhookSecretRow
from phonoscope.db.service.keys import lock_owner
from phonoscope.errors import NotFound
from phonoscope.ids import new_id


def add_webhook(session: Session, owner_id: str, url: str, events: Sequence[str], description: str) -> WebhookRow:
    row = WebhookRow(
        id=new_id("whk"), owner_id=owner_id, url=url, one_off=False, events=list(events), description=description,
        enabled=True,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def get_webhook(session: Session, owner_id: str, webhook_id: str) -> WebhookRow:
    """Raises ``NotFound``, also for another owner's, and for what stands for jobs' own addresses."""
    row = session.get(WebhookRow, webhook_id)
    if row is None or row.owner_id != owner_id or row.one_off:
        raise NotFound(f"no webhook {webhook_id!r}")
    return row


def list_webhooks(
    session: Session, owner_id: str, *, cursor: str | None, limit: int
) -> tuple[list[WebhookRow], str | None]:
    statement = select(WebhookRow).where(WebhookRow.owner_id == owner_id, ~WebhookRow.one_off)
    statement = page(statement, WebhookRow.created_at, WebhookRow.id, cursor=cursor, limit=limit)
    return cut(session.scalars(statement).all(), limit)


def count_webhooks(session: Session, owner_id: str) -> int:
    of_owner = select(func.count()).where(WebhookRow.owner_id == owner_id, ~WebhookRow.one_off)
    return session.scalar(of_owner) or 0


def change_webhook(session: Session, owner_id: str, webhook_id: str, changes: dict[str, Any]) -> WebhookRow:
    """Changes an endpoint. Enabling it clears its failures. Raises ``NotFound``."""
    row = get_webhook(session, owner_id, webhook_id)
    for name, value in changes.items():
        setattr(row, name, value)
    if "enabled" in changes:
        row.disabled_because = None if row.enabled else row.disabled_because or "owner"
    if row.enabled and changes.keys() & {"enabled", "url"}:
        row.failing_since = row.paused_until = None
    session.flush()
    return row


def delete_webhook(session: Session, owner_id: str, webhook_id: str) -> None:
    """Deletes an endpoint with its deliveries. Raises ``NotFound``."""
    session.delete(get_webhook(session, owner_id, webhook_id))


def put_secret(
    session: Session, owner_id: str, webhook_id: str | None, sealed: str, overlap: timedelta
) -> tuple[WebhookSecretRow, datetime | None]:
    """Adds the newest secret of an endpoint, or of the owner's default; returns until when the one before is valid.

    Older ones are removed. Calls for the same owner wait for each other.
    """
    lock_owner(session, owner_id)
    mine = (WebhookSecretRow.owner_id == owner_id, WebhookSecretRow.webhook_id.is_not_distinct_from(webhook_id))
    until: datetime | None = None
    if overlap:
        session.execute(delete(WebhookSecretRow).where(*mine, WebhookSecretRow.expires_at.is_not(None)))
        newest = update(WebhookSecretRow).where(*mine).values(expires_at=func.now() + overlap)
        until = session.scalar(newest.returning(WebhookSecretRow.expires_at))
    else:
        session.execute(delete(WebhookSecretRow).where(*mine))
    row = WebhookSecretRow(owner_id=owner_id, webhook_id=webhook_id, sealed=sealed)
    session.add(row)
    session.flush()
    return row, until


def default_secrets(session: Session, owner_id: str) -> list[WebhookSecretRow]:
    """The owner's default secrets that are valid now, the newest first."""
    statement = select(WebhookSecretRow).where(
        WebhookSecretRow.owner_id == owner_id,
        WebhookSecretRow.webhook_id.is_(None),
        func.coalesce(WebhookSecretRow.expires_at, "infinity") > func.now(),
    )
    return list(session.scalars(statement.order_by(WebhookSecretRow.id.desc())))
