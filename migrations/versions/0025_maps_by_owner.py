"""The tasks that drew a map, by owner: to find the newest, all tasks that had ended were read."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Beside running work; one that broke off before is of no use.
    with op.get_context().autocommit_block():
        op.drop_index("ix_tasks_maps", table_name="tasks", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_tasks_maps",
            "tasks",
            ["owner_id", "finished_at", "id"],
            postgresql_where=sa.text("name = 'map' AND status = 'succeeded'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("ix_tasks_maps", table_name="tasks")
