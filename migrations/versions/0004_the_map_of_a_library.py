"""The map of a library: where its recordings lie on it; jobs that are about no single recording."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("jobs", "track_id", nullable=True)
    op.create_table(
        "map_points",
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f("fk_map_points_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_map_points_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", "model_name", name=op.f("pk_map_points")),
    )
    op.create_index(op.f("ix_map_points_owner_id"), "map_points", ["owner_id"])


def downgrade() -> None:
    op.drop_table("map_points")
    op.execute("DELETE FROM jobs WHERE track_id IS NULL")
    op.alter_column("jobs", "track_id", nullable=False)
