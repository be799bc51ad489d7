"""Classifiers of owners' own: their versions, doubts and queues."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _moment(name: str, *, known: bool = True) -> sa.Column:
    default = sa.text("now()") if known else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not known)


def _of_window(table: str) -> list[sa.schema.SchemaItem]:
    """The columns of a window of a track, beside a version of a classifier."""
    return [
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("start_s", sa.REAL(), nullable=False),
        sa.Column("end_s", sa.REAL(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("probability", sa.REAL(), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f(f"fk_{table}_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["classifier_id", "version"],
            ["classifier_versions.classifier_id", "classifier_versions.version"],
            name=op.f(f"fk_{table}_classifier_id_classifier_versions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("classifier_id", "version", "rank", name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    op.create_table(
        "classifiers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("several", sa.Boolean(), nullable=False),
        sa.Column("spec", postgresql.JSONB(), nullable=False),
        sa.Column("reteach", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("again", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("job_id", sa.String()),
        sa.Column("problem", postgresql.JSONB()),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        _moment("created_at"),
        _moment("asked_at"),
        sa.Column("key_id", sa.String()),
        sa.Column("applied_version", sa.Integer()),
        sa.Column("applied_after", sa.String(), server_default="", nullable=False),
        sa.Column("applied", postgresql.JSONB(), server_default="{}", nullable=False),
        _moment("applied_at", known=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_classifiers_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifiers")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_classifiers_owner_id")),
    )
    op.create_index(
        "ix_classifiers_open",
        "classifiers",
        ["asked_at"],
        postgresql_where=sa.text("state = 'embedding' OR state = 'teaching' OR again OR reteach"),
    )
    op.create_table(
        "classifier_versions",
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("manifest", postgresql.JSONB(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        _moment("taught_at"),
        sa.ForeignKeyConstraint(
            ["classifier_id"],
            ["classifiers.id"],
            name=op.f("fk_classifier_versions_classifier_id_classifiers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("classifier_id", "version", name=op.f("pk_classifier_versions")),
    )
    op.create_table(
        "classifier_doubts", *_of_window("classifier_doubts"), sa.Column("given", sa.String(), nullable=False)
    )
    op.create_table(
        "classifier_queue", *_of_window("classifier_queue"), sa.Column("reason", sa.String(), nullable=False)
    )
    for table in ("classifier_doubts", "classifier_queue"):
        op.create_index(op.f(f"ix_{table}_track_id"), table, ["track_id"])


def downgrade() -> None:
    for table in ("classifier_queue", "classifier_doubts", "classifier_versions", "classifiers"):
        op.drop_table(table)
