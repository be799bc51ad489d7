"""Deliveries as owners see them: their state, and sending them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text, update
from sqlalchemy.orm import Session, joinedload, selectinload

from phonoscope.contract import DeliveryStatus
from phonoscope.db.access.channels import EVENT_CHANNEL
from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.webhooks import DeliveryRow, EventRow
from phonoscope.errors import NotFound
from phonoscope.ids import new_id

TEST_EVENT = "webhook.test"
_WHOLE = (
    joinedload(DeliveryRow.event),
    joinedload(DeliveryRow.webhook),
    selectinload(DeliveryRow.attempts),
)
# A delivery that is being sent stays with its courier: it is tried again only if that attempt fails.
_DUE_AGAIN: dict[str, Any] = {
    "status": DeliveryStatus.PENDING.value,
    "tries": 0,
    "due_at": func.now(),
    "ended_at": None,
}


def get_delivery(session: Session, owner_id: str, delivery_id: str) -> DeliveryRow:
    """With its attempts. Raises ``NotFound``, also for another owner's."""
    statement = select(DeliveryRow).where(DeliveryRow.id == delivery_id, DeliveryRow.owner_id == owner_id)
    row = session.scalar(statement.options(*_WHOLE).execution_options(populate_existing=True))
    if row is None:
        raise NotFound(f"no delivery {delivery_id!r}")
    return row


def list_deliveries(
    session: Session,
    owner_id: str,
    *,
    cursor: str | None,
    limit: int,
    webhook_id: str | None = None,
    job_id: str | None = None,
    status: DeliveryStatus | None = None,
    event_type: str | None = None,
    since: datetime | None = None,
) -> tuple[list[DeliveryRow], str | None]:
    """With their attempts, newest first; of one endpoint or of one job."""
    statement = select(DeliveryRow).join(DeliveryRow.event).where(DeliveryRow.owner_id == owner_id).options(*_WHOLE)
    if webhook_id is not None:
        statement = statement.where(DeliveryRow.webhook_id == webhook_id)
    if job_id is not None:
        statement = statement.where(EventRow.job_id == job_id)
    if status is not None:
        statement = statement.where(DeliveryRow.status == status.value)
    if event_type is not None:
        statement = statement.where(EventRow.type == event_type)
    if since is not None:
        statement = statement.where(EventRow.created_at >= since)
    return _page(session, statement, cursor, limit)


def add_test(session: Session, owner_id: str, webhook_id: str) -> DeliveryRow:
    """Creates an event for this endpoint alone, due at once. The caller has checked the endpoint's owner."""
    event = EventRow(
        id=new_id("evt"),
        owner_id=owner_id,
        type=TEST_EVENT,
        data={"webhook_id": webhook_id},
        sent_out_at=func.now(),
    )
    session.add(event)
    session.flush()
    row = DeliveryRow(
        id=new_id("dlv"), owner_id=owner_id, webhook_id=webhook_id, event_id=event.id, position=event.position
    )
    session.add(row)
    session.flush()
    _wake(session)
    return get_delivery(session, owner_id, row.id)


def redeliver(session: Session, owner_id: str, delivery_id: str) -> DeliveryRow:
    """Makes a delivery due again, with all its retries. Raises ``NotFound``."""
    row = get_delivery(session, owner_id, delivery_id)
    session.execute(update(DeliveryRow).where(DeliveryRow.id == row.id, DeliveryRow.token.is_(None)).values(_DUE_AGAIN))
    _wake(session)
    return get_delivery(session, owner_id, delivery_id)


def redeliver_since(session: Session, webhook_id: str, since: datetime, status: DeliveryStatus | None) -> int:
    """Makes an endpoint's deliveries of events since then due again; returns how many. The caller checks the owner."""
    happened = select(EventRow.id).where(EventRow.created_at >= since)
    statement = update(DeliveryRow).where(
        DeliveryRow.webhook_id == webhook_id, DeliveryRow.token.is_(None), DeliveryRow.event_id.in_(happened)
    )
    if status is not None:
        statement = statement.where(DeliveryRow.status == status.value)
    rows = session.scalars(statement.values(_DUE_AGAIN).returning(DeliveryRow.id)).all()
    _wake(session)
    return len(rows)


def _page(
    session: Session, statement: Select[DeliveryRow], cursor: str | None, limit: int
) -> tuple[list[DeliveryRow], str | None]:
    statement = page(statement, DeliveryRow.created_at, DeliveryRow.id, cursor=cursor, limit=limit)
    return cut(session.scalars(statement).unique().all(), limit)


def _wake(session: Session) -> None:
    session.execute(text(f"NOTIFY {EVENT_CHANNEL}"))
