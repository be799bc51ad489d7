"""The tasks that a queue's workers ended, by time: how fast the queue moves."""

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


def downgrade() -> None:
    op.drop_index("ix_tasks_ended", table_name="tasks")
