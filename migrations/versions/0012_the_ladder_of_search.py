"""Tracks' vectors in half precision, without an index of all owners' together."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC, Vector

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# In single precision a vector was just too long to be kept in its row, so that to read one took six times as long.
_NO_DIRECTION = """
    CREATE OR REPLACE FUNCTION phonoscope_no_direction() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {norm}(NEW.vector) = 0 THEN
            NEW.vector := NULL;
        END IF;
        RETURN NEW;
    END $$
"""
_DROP_LADDER = r"""
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT relname FROM pg_class WHERE relkind = 'i' AND relname ~ '^near_(windows|tracks)_' LOOP
            EXECUTE format('DROP INDEX %I', name);
        END LOOP;
    END $$
"""
_WINDOWS = "ix_window_embeddings_owner_id_space_id"
_PEAKS = "ix_label_peaks_owner_id_label_id_best"
_PEAKS_COLUMNS = ["owner_id", "label_id", sa.text("best DESC")]


def upgrade() -> None:
    op.drop_index("ix_embeddings_vector", "embeddings")
    op.alter_column("embeddings", "vector", type_=HALFVEC(512), postgresql_using="vector::halfvec(512)")
    op.execute(_NO_DIRECTION.format(norm="l2_norm"))
    op.drop_index(_WINDOWS, "window_embeddings")
    op.create_index(f"{_WINDOWS}_stem", "window_embeddings", ["owner_id", "space_id", "stem"])
    op.drop_index(_PEAKS, "label_peaks")
    op.create_index(_PEAKS, "label_peaks", _PEAKS_COLUMNS, postgresql_include=["stem", "track_id", "space_id"])


def downgrade() -> None:
    op.drop_index(_PEAKS, "label_peaks")
    op.create_index(_PEAKS, "label_peaks", _PEAKS_COLUMNS)
    op.drop_index(f"{_WINDOWS}_stem", "window_embeddings")
    op.create_index(_WINDOWS, "window_embeddings", ["owner_id", "space_id"])
    op.execute(_DROP_LADDER)
    op.alter_column("embeddings", "vector", type_=Vector(512), postgresql_using="vector::vector(512)")
    op.execute(_NO_DIRECTION.format(norm="vector_norm"))
    op.create_index(
        "ix_embeddings_vector",
        "embeddings",
        ["vector"],
        postgresql_using="hnsw",
        postgresql_ops={"vector": "vector_cosine_ops"},
    )
