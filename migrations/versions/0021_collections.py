"""Collections of an owner's tracks; how probable the first label of a model's answer is.

The probability of answers of before stays unknown: to read them all would hold the table for too long.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("track_labels", sa.Column("probability", sa.REAL(), nullable=True))
    op.create_table(
        "collections",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_collections_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_collections_owner_id")),
    )
    op.create_table(
        "collection_tracks",
        sa.Column("collection_id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_collection_tracks_{column}_{other}"), ondelete="CASCADE"
            )
            for column, other in (("collection_id", "collections"), ("track_id", "tracks"))
        ),
        sa.PrimaryKeyConstraint("collection_id", "track_id", name=op.f("pk_collection_tracks")),
    )
    op.create_index(op.f("ix_collection_tracks_track_id"), "collection_tracks", ["track_id"])


def downgrade() -> None:
    op.drop_column("track_labels", "probability")
    op.drop_table("collection_tracks")
    op.drop_table("collections")
