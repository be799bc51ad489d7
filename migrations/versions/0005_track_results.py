"""A track's state: the newest result of each task, model and variant. Labels are kept there, by model."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FILL = """
    WITH known AS (
        SELECT jobs.track_id, tasks.name AS task, coalesce(results.model_name, '') AS model,
               CASE tasks.name WHEN 'separate' THEN coalesce(jobs.options -> 'separate' ->> 'two_stems', '')
                               WHEN 'explain' THEN coalesce(jobs.options -> 'explain' ->> 'label', '')
                               ELSE '' END AS variant,
               tasks.id AS task_id, coalesce(source.id, tasks.id) AS produced_by,
               CASE WHEN tasks.name = 'classify' AND NOT CAST(results.body ->> 'unknown' AS boolean)
                    THEN results.body -> 'top' -> 0 ->> 'label' END AS label,
               tasks.finished_at, jobs.created_at
        FROM tasks JOIN jobs ON jobs.id = tasks.job_id JOIN results ON results.task_id = tasks.id
             LEFT JOIN tasks AS source ON source.id = tasks.source_id
        WHERE tasks.status = 'succeeded' AND tasks.finished_at IS NOT NULL AND jobs.track_id IS NOT NULL
    )
    INSERT INTO track_results (track_id, task, model, variant, task_id, produced_by, label, finished_at)
    SELECT DISTINCT ON (track_id, task, model, variant)
           track_id, task, model, variant, task_id, produced_by, label, finished_at
    FROM known
    ORDER BY track_id, task, model, variant, finished_at DESC, created_at DESC, task_id
"""

# What answers to uploads hold from now on; the gateway makes a new link whenever it repeats one.
_KEPT_ANSWERS = """
    UPDATE idempotency_keys
    SET body = body || '{"labels": {}, "audio": {"url": "", "expires_at": "1970-01-01T00:00:00Z"}}'
    WHERE body ? 'sha256'
"""

_NEWEST_LABELS = """
    UPDATE tracks SET label = newest.label
    FROM (
        SELECT DISTINCT ON (track_id) track_id, label FROM track_results
        WHERE task = 'classify' ORDER BY track_id, finished_at DESC, model
    ) AS newest
    WHERE newest.track_id = tracks.id
"""


def upgrade() -> None:
    op.create_table(
        "track_results",
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("produced_by", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f("fk_track_results_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", "task", "model", "variant", name=op.f("pk_track_results")),
    )
    op.create_index(
        "ix_track_results_label", "track_results", ["label", "track_id"], postgresql_where=sa.text("label IS NOT NULL")
    )
    op.execute(_FILL)
    op.execute(_KEPT_ANSWERS)
    op.drop_column("tracks", "label")


def downgrade() -> None:
    op.add_column("tracks", sa.Column("label", sa.String(), nullable=True))
    op.execute(_NEWEST_LABELS)
    op.drop_table("track_results")
