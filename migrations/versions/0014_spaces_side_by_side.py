"""Vectors of a replaced model stay beside the new ones, which a reembedding makes."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KNOWN = """
    INSERT INTO spaces (model, digest, kind)
    SELECT model_name, model_digest, 'audio' FROM embeddings GROUP BY model_name, model_digest ORDER BY min(created_at)
    ON CONFLICT DO NOTHING
"""
_NEWEST_ALONE = """
    DELETE FROM embeddings AS old USING embeddings AS new
    WHERE old.track_id = new.track_id AND old.model_name = new.model_name AND old.stem = new.stem
      AND (old.created_at, old.model_digest) < (new.created_at, new.model_digest)
"""


def upgrade() -> None:
    op.drop_constraint("pk_embeddings", "embeddings")
    op.create_primary_key("pk_embeddings", "embeddings", ["track_id", "model_name", "model_digest", "stem"])
    op.execute(_KNOWN)
    op.create_table(
        "reembeddings",
        sa.Column("space_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.id"], name=op.f("fk_reembeddings_space_id_spaces"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_reembeddings_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", "owner_id", name=op.f("pk_reembeddings")),
    )
    op.create_index("ix_reembeddings_owner_id", "reembeddings", ["owner_id"])
    op.create_index(
        "ix_reembeddings_under_way", "reembeddings", ["asked_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.add_column("jobs", sa.Column("reembeds", sa.SmallInteger()))
    op.create_index(
        "ix_jobs_reembeds", "jobs", ["reembeds", "track_id"], postgresql_where=sa.text("reembeds IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_reembeds", "jobs")
    op.drop_column("jobs", "reembeds")
    op.drop_table("reembeddings")
    op.execute(_NEWEST_ALONE)
    op.drop_constraint("pk_embeddings", "embeddings")
    op.create_primary_key("pk_embeddings", "embeddings", ["track_id", "model_name", "stem"])
