"""The tasks that a queue's workers ended, by time; how far the walk over the store has come."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_tasks_ended",
        "tasks",
        ["pool", "lane", "finished_at"],
        postgresql_where=sa.text("source_id IS NULL AND status IN ('succeeded', 'failed')"),
    )
    op.create_table(
        "walks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("after", sa.String(), server_default="", nullable=False),
        sa.Column("went_on_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_walks")),
    )


def downgrade() -> None:
    op.drop_table("walks")
    op.drop_index("ix_tasks_ended", table_name="tasks")
