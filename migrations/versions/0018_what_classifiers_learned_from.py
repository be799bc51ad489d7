"""What classifiers were taught from, and whose labels changed since.

Erasing a recording takes away what older versions learned from it, and labels that change are noted where they change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_OPEN = "state = 'embedding' OR state = 'teaching' OR again"
# Of the newest version alone it is shown, and only what is still there may be named.
_FORGET_LEFT_OUT = """
    UPDATE classifier_versions SET figures = CASE WHEN own.version = classifier_versions.version THEN
        jsonb_set(figures, '{left_out}', coalesce((
            SELECT jsonb_agg(each) FROM jsonb_array_elements(figures -> 'left_out') AS each
            WHERE EXISTS (SELECT FROM tracks WHERE tracks.id = each ->> 'track_id')), '[]'))
        ELSE figures - 'left_out' END
    FROM classifiers AS own WHERE own.id = classifier_id AND figures ? 'left_out'
"""
_NAME_NO_RECORDING = r"""
    UPDATE classifiers SET problem = jsonb_set(
        problem, '{detail}', to_jsonb(regexp_replace(problem ->> 'detail', 'recording trk_\w+', 'a recording')))
    WHERE problem ->> 'detail' ~ 'recording trk_\w+'
"""
_NOTE_CHANGES = """
    INSERT INTO classifier_label_changes (classifier_id, changed_at)
    SELECT own.id, max(changes.created_at)
    FROM classifiers AS own JOIN label_changes AS changes
      ON changes.owner_id = own.owner_id AND changes.created_at > own.asked_at
    WHERE own.reteach GROUP BY own.id
"""


def upgrade() -> None:
    op.create_table(
        "classifier_tracks",
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("first_version", sa.Integer(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["classifier_id"],
            ["classifiers.id"],
            name=op.f("fk_classifier_tracks_classifier_id_classifiers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f("fk_classifier_tracks_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("classifier_id", "track_id", name=op.f("pk_classifier_tracks")),
    )
    op.create_index(op.f("ix_classifier_tracks_track_id"), "classifier_tracks", ["track_id"])
    op.create_table(
        "classifier_label_changes",
        sa.Column("classifier_id", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["classifier_id"],
            ["classifiers.id"],
            name=op.f("fk_classifier_label_changes_classifier_id_classifiers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("classifier_id", name=op.f("pk_classifier_label_changes")),
    )
    op.add_column("classifier_versions", sa.Column("erased_at", sa.DateTime(timezone=True)))
    op.execute(_FORGET_LEFT_OUT)
    op.execute(_NAME_NO_RECORDING)
    op.execute(_NOTE_CHANGES)
    _index_open(_OPEN)


def downgrade() -> None:
    _index_open(f"{_OPEN} OR reteach")
    op.drop_column("classifier_versions", "erased_at")
    op.drop_table("classifier_label_changes")
    op.drop_table("classifier_tracks")


def _index_open(which: str) -> None:
    op.drop_index("ix_classifiers_open", table_name="classifiers")
    op.create_index("ix_classifiers_open", "classifiers", ["asked_at"], postgresql_where=sa.text(which))
