"""Silence has no vector, and tracks have acoustic fingerprints."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Vectors of silence were zeros until now, and those tracks had a point on the map.
_SILENCE = "UPDATE embeddings SET vector = NULL WHERE vector_norm(vector) = 0"
# A worker of the release before still writes zeros.
_NEVER_ZEROS = """
    CREATE FUNCTION phonoscope_no_direction() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF vector_norm(NEW.vector) = 0 THEN
            NEW.vector := NULL;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER no_direction BEFORE INSERT OR UPDATE ON embeddings
        FOR EACH ROW EXECUTE FUNCTION phonoscope_no_direction();
"""
_OFF_THE_MAP = """
    DELETE FROM map_points USING embeddings
    WHERE map_points.track_id = embeddings.track_id AND map_points.model_name = embeddings.model_name
      AND stem = '' AND vector IS NULL
"""


def upgrade() -> None:
    op.alter_column("embeddings", "vector", nullable=True)
    op.execute(_SILENCE)
    op.execute(_OFF_THE_MAP)
    op.execute(_NEVER_ZEROS)
    op.create_table(
        "acoustic_fingerprints",
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_acoustic_fingerprints_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f("fk_acoustic_fingerprints_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_acoustic_fingerprints")),
    )
    op.create_index("ix_acoustic_fingerprints_owner_id_duration_s", "acoustic_fingerprints", ["owner_id", "duration_s"])


def downgrade() -> None:
    op.drop_table("acoustic_fingerprints")
    op.execute("DROP TRIGGER no_direction ON embeddings; DROP FUNCTION phonoscope_no_direction()")
    op.execute("DELETE FROM embeddings WHERE vector IS NULL")
    op.alter_column("embeddings", "vector", nullable=False)
