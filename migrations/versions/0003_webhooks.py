"""Webhooks: endpoints, their secrets, deliveries and attempts; where a job's own events go; which events went out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NOW = {"server_default": sa.text("now()"), "nullable": False}
_PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("webhook_url", sa.String(), nullable=True))
    op.add_column("events", sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False))
    op.add_column("events", sa.Column("sent_out_at", sa.DateTime(timezone=True), nullable=True))
    # What ended before there were endpoints is nobody's news.
    op.execute("UPDATE events SET sent_out_at = now()")
    op.create_index("ix_events_outbox", "events", ["position"], postgresql_where=sa.text("sent_out_at IS NULL"))
    _webhooks()
    _deliveries()


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("one_off", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("events", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("description", sa.String(), server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("disabled_because", sa.String(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), **_NOW),
        _owner("webhooks"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_owner_id_created_at", "webhooks", ["owner_id", "created_at", "id"])
    op.create_index(
        "uq_webhooks_one_off", "webhooks", ["owner_id", "url"], unique=True, postgresql_where=sa.text("one_off")
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=True),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), **_NOW),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        _owner("webhook_secrets"),
        _webhook("webhook_secrets"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
    )
    for column in ("owner_id", "webhook_id"):
        op.create_index(op.f(f"ix_webhook_secrets_{column}"), "webhook_secrets", [column])
    for name, column, where in (
        ("of_webhook", "webhook_id", "expires_at IS NULL"),
        ("default", "owner_id", "webhook_id IS NULL AND expires_at IS NULL"),
    ):
        op.create_index(
            f"uq_webhook_secrets_{name}", "webhook_secrets", [column], unique=True, postgresql_where=sa.text(where)
        )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), **_NOW),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), **_NOW),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _webhook("deliveries"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_deliveries_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("uq_deliveries_event_id_webhook_id", "deliveries", ["event_id", "webhook_id"], unique=True)
    op.create_index("ix_deliveries_due", "deliveries", ["webhook_id", "due_at", "position"], postgresql_where=_PENDING)
    op.create_index(
        "ix_deliveries_of_job", "deliveries", ["webhook_id", "job_id", "position"], postgresql_where=_PENDING
    )
    op.create_index("ix_deliveries_held", "deliveries", ["webhook_id"], postgresql_where=sa.text("token IS NOT NULL"))
    op.create_index("ix_deliveries_webhook_id_created_at", "deliveries", ["webhook_id", "created_at", "id"])
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_attempts_delivery_id_deliveries"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_delivery_id"), "attempts", ["delivery_id"])


def _owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["owner_id"], ["owners.id"], name=op.f(f"fk_{table}_owner_id_owners"), ondelete="CASCADE"
    )


def _webhook(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["webhook_id"], ["webhooks.id"], name=op.f(f"fk_{table}_webhook_id_webhooks"), ondelete="CASCADE"
    )


def downgrade() -> None:
    for table in ("attempts", "deliveries", "webhook_secrets", "webhooks"):
        op.drop_table(table)
    op.drop_index("ix_events_outbox", "events")
    op.drop_column("events", "sent_out_at")
    op.drop_column("events", "position")
    op.drop_column("jobs", "webhook_url")
