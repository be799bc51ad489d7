"""Each window's vector and labels, and the spaces that vectors lie in."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _now() -> sa.Column:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _of_track(table: str) -> list[sa.schema.SchemaItem]:
    """The columns by which a row goes with its track, its owner or its space."""
    return [
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("space_id", sa.SmallInteger(), nullable=False),
        sa.Column("stem", sa.String(), server_default="", nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete="CASCADE"
            )
            for column, other in (("track_id", "tracks"), ("space_id", "spaces"), ("owner_id", "owners"))
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "spaces",
        sa.Column("id", sa.SmallInteger(), sa.Identity(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True)),
        sa.Column("recall", sa.REAL()),
        sa.Column("recall_sample", sa.Integer()),
        sa.Column("recall_at", sa.DateTime(timezone=True)),
        _now(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spaces")),
        sa.UniqueConstraint("digest", "kind", name=op.f("uq_spaces_digest")),
    )
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("model", "digest", "label", name=op.f("uq_labels_model")),
    )
    op.create_table(
        "window_embeddings",
        *_of_track("window_embeddings"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.REAL(), nullable=False),
        sa.Column("end_s", sa.REAL(), nullable=False),
        sa.Column("vector", HALFVEC(512), nullable=False),
        sa.Column("heard", SPARSEVEC(1_000_000), nullable=False),
        sa.PrimaryKeyConstraint("track_id", "space_id", "stem", "position", name=op.f("pk_window_embeddings")),
    )
    op.create_index("ix_window_embeddings_owner_id_space_id", "window_embeddings", ["owner_id", "space_id"])
    op.create_table(
        "label_peaks",
        *_of_track("label_peaks"),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("best", sa.REAL(), nullable=False),
        sa.Column("positions", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name=op.f("fk_label_peaks_label_id_labels")),
        sa.PrimaryKeyConstraint("track_id", "space_id", "stem", "label_id", name=op.f("pk_label_peaks")),
    )
    op.create_index(
        "ix_label_peaks_owner_id_label_id_best", "label_peaks", ["owner_id", "label_id", sa.text("best DESC")]
    )


def downgrade() -> None:
    for table in ("label_peaks", "window_embeddings", "labels", "spaces"):
        op.drop_table(table)
