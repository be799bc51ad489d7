"""Labels that owners confirm and reject, and how these changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _of_track(table: str) -> list[sa.schema.SchemaItem]:
    """The columns by which a row goes with its track and its owner, and who wrote it."""
    return [
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"), ondelete="CASCADE"
            )
            for column, other in (("track_id", "tracks"), ("owner_id", "owners"))
        ),
    ]


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "annotations",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *_of_track("annotations"),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=True),
        sa.Column("end_s", sa.Double(), nullable=True),
        _moment("changed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint(
            "track_id",
            "label",
            "start_s",
            "end_s",
            name=op.f("uq_annotations_track_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_annotations_owner_id_label_state", "annotations", ["owner_id", "label", "state"])
    op.create_table(
        "label_changes",
        sa.Column("id", sa.String(), nullable=False),
        *_of_track("label_changes"),
        sa.Column("revision", sa.Integer(), nullable=False),
        _moment("created_at"),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("added", postgresql.JSONB(), nullable=False),
        sa.Column("removed", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_changes")),
        sa.UniqueConstraint("track_id", "revision", name=op.f("uq_label_changes_track_id")),
    )
    op.create_index(op.f("ix_label_changes_owner_id"), "label_changes", ["owner_id"])


def downgrade() -> None:
    op.execute("DELETE FROM track_labels WHERE model = ''")
    op.drop_table("label_changes")
    op.drop_table("annotations")
