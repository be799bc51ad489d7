"""Fair turns, lanes, followers and the ledger; idempotency keys, events, and embeddings of stems."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPEN = "status IN ('queued', 'running')"
_LANE = sa.Enum("short", "long", name="lane", native_enum=False, length=16)
_TASK = sa.Enum(
    "classify", "embed", "explain", "features", "describe", "separate", "mixdown",
    name="taskname", native_enum=False, length=16,
)  # fmt: skip
_NOW = {"server_default": sa.text("now()"), "nullable": False}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("workers", sa.Column("lanes", postgresql.JSONB(), server_default="[]", nullable=False))
    _tasks()
    _embeddings()
    op.create_table(
        "idempotency_keys",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("body", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), **_NOW),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_idempotency_keys_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), **_NOW),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_events_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    for column in ("owner_id", "job_id", "created_at"):
        op.create_index(op.f(f"ix_events_{column}"), "events", [column])


def _tasks() -> None:
    for column in (
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("lane", _LANE, server_default="short", nullable=False),
        sa.Column("cost_s", sa.Float(), server_default="1", nullable=False),
        sa.Column("turn", sa.Float(), server_default="0", nullable=False),
        sa.Column("waits_for", _TASK, nullable=True),
        sa.Column("follows", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=True),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("worker_id", sa.String(), nullable=True),
        sa.Column("available_at", sa.DateTime(timezone=True), **_NOW),
    ):
        op.add_column("tasks", column)
    op.execute("UPDATE tasks SET owner_id = jobs.owner_id FROM jobs WHERE jobs.id = tasks.job_id")
    op.execute("UPDATE tasks SET lane = 'long' WHERE name = 'separate'")
    op.alter_column("tasks", "owner_id", nullable=False)
    for column_name in ("lane", "cost_s", "turn"):
        op.alter_column("tasks", column_name, server_default=None)
    op.drop_index("ix_tasks_open", "tasks")
    for name, columns, where in (
        ("queued", ["pool", "lane", "turn", "id"], "status = 'queued'"),
        ("running", ["pool", "lane", "turn"], "status = 'running'"),
        ("open", ["owner_id", "pool", "lane", "turn"], _OPEN),
    ):
        op.create_index(f"ix_tasks_{name}", "tasks", columns, postgresql_where=sa.text(where))
    op.create_index("ix_tasks_follows", "tasks", ["follows"], postgresql_where=sa.text("follows IS NOT NULL"))
    op.create_index(op.f("ix_tasks_fingerprint"), "tasks", ["fingerprint"])
    op.create_index(op.f("ix_tasks_finished_at"), "tasks", ["finished_at"])


def _embeddings() -> None:
    op.add_column("embeddings", sa.Column("stem", sa.String(), server_default="", nullable=False))
    op.drop_constraint("pk_embeddings", "embeddings")
    op.create_primary_key("pk_embeddings", "embeddings", ["track_id", "model_name", "stem"])


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("idempotency_keys")
    op.execute("DELETE FROM embeddings WHERE stem <> ''")
    op.drop_constraint("pk_embeddings", "embeddings")
    op.drop_column("embeddings", "stem")
    op.create_primary_key("pk_embeddings", "embeddings", ["track_id", "model_name"])
    for index in ("finished_at", "fingerprint", "follows", "open", "running", "queued"):
        op.drop_index(f"ix_tasks_{index}", "tasks")
    for column in (
        "owner_id", "lane", "cost_s", "turn", "waits_for", "follows", "fingerprint", "source_id", "worker_id",
        "available_at",
    ):  # fmt: skip
        op.drop_column("tasks", column)
    op.create_index("ix_tasks_open", "tasks", ["pool", "status", "queued_at"], postgresql_where=sa.text(_OPEN))
    op.drop_column("workers", "lanes")
    op.drop_column("jobs", "version")
