"""The tables of webhooks: where events go, what each delivery came to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from phonoscope.db.schema.tables import Base

_PENDING = "status = 'pending'"


class EventRow(Base):
    """What happened to a job, written in the transaction in which it did. It outlives the job's track."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_outbox", "position", postgresql_where="sent_out_at IS NULL"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(index=True)
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    position: Mapped[int] = mapped_column(BigInteger, Identity())
    sent_out_at: Mapped[datetime | None]


class WebhookRow(Base):
    """An address that events are sent to. A ``one_off`` represents an origin that jobs send to by their own addresses.

    ``failing_since`` is the first failure after the last success.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ix_webhooks_owner_id_created_at", "owner_id", "created_at", "id"),
        Index("uq_webhooks_one_off", "owner_id", "url", unique=True, postgresql_where="one_off"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    url: Mapped[str]
    one_off: Mapped[bool] = mapped_column(server_default="false")
    events: Mapped[list[str]] = mapped_column(server_default="[]")
    description: Mapped[str] = mapped_column(server_default="")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_because: Mapped[str | None]
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebhookSecretRow(Base):
    """A secret that signs an endpoint's events, or without ``webhook_id`` those of one-off addresses; encrypted.

    The secret that does not expire is the newest; the one before it signs too until it expires.
    """

    __tablename__ = "webhook_secrets"
    __table_args__ = (
        Index("uq_webhook_secrets_of_webhook", "webhook_id", unique=True, postgresql_where="expires_at IS NULL"),
        Index(
            "uq_webhook_secrets_default",
            "owner_id",
            unique=True,
            postgresql_where="webhook_id IS NULL AND expires_at IS NULL",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), index=True)
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"), index=True)
    sealed: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """One event on its way to one endpoint; ``url`` is that of a job, for a one-off.

    While a courier sends, it holds the row by ``token`` and ``due_at`` is in the future: when the courier dies the row
    is due again. ``tries`` counts attempts since it was last asked for.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_event_id_webhook_id", "event_id", "webhook_id", unique=True),
        Index("ix_deliveries_due", "webhook_id", "due_at", "position", postgresql_where=_PENDING),
        Index("ix_deliveries_of_job", "webhook_id", "job_id", "position", postgresql_where=_PENDING),
        Index("ix_deliveries_held", "webhook_id", postgresql_where="token IS NOT NULL"),
        Index("ix_deliveries_webhook_id_created_at", "webhook_id", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str]
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    job_id: Mapped[str | None]
    position: Mapped[int] = mapped_column(BigInteger)
    url: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    tries: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    token: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]

    event: Mapped[EventRow] = relationship(lazy="raise")
    webhook: Mapped[WebhookRow] = relationship(lazy="raise")
    attempts: Mapped[list[AttemptRow]] = relationship(lazy="raise", order_by="AttemptRow.id")


class AttemptRow(Base):
    """One try to deliver: what was answered, or why nothing was."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime]
    duration_s: Mapped[float]
    address: Mapped[str | None]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    detail: Mapped[str | None]
    answer: Mapped[str | None]
