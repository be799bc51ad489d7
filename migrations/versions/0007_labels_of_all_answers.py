"""The labels by each model that answered about a track, in a table of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Results of before are of the model that counted alone, or have answers without the list of labels that count.
_FILL = """
    WITH answers AS (
        SELECT kept.track_id, coalesce(answer -> 'model' ->> 'name', kept.model) AS model, place - 1 AS position,
               CASE WHEN answer ? 'labels' THEN ARRAY(SELECT jsonb_array_elements_text(answer -> 'labels'))
               WHEN CAST(coalesce(answer ->> 'several', 'false') AS boolean) THEN ARRAY(
                   SELECT likely ->> 'label'
                   FROM jsonb_array_elements(answer -> 'top') WITH ORDINALITY AS top (likely, at)
                   WHERE CAST(likely ->> 'probability' AS float)
                         >= CAST(answer -> 'thresholds' ->> CAST(at - 1 AS int) AS float)
                   ORDER BY at)
               WHEN CAST(answer ->> 'unknown' AS boolean) OR answer -> 'top' -> 0 IS NULL THEN ARRAY[]::text[]
               ELSE ARRAY[answer -> 'top' -> 0 ->> 'label'] END AS labels,
               kept.finished_at
        FROM track_results AS kept JOIN results ON results.task_id = kept.task_id,
             jsonb_array_elements(CASE WHEN jsonb_array_length(coalesce(body -> 'answers', '[]')) > 0
                                       THEN body -> 'answers' ELSE jsonb_build_array(body) END)
                 WITH ORDINALITY AS each (answer, place)
        WHERE kept.task = 'classify'
    )
    INSERT INTO track_labels (track_id, model, position, labels, finished_at)
    SELECT DISTINCT ON (track_id, model) track_id, model, position, labels, finished_at FROM answers
    ORDER BY track_id, model, finished_at DESC, position
"""

_FILL_BACK = """
    UPDATE track_results SET label = track_labels.labels[1]
    FROM track_labels
    WHERE track_results.task = 'classify'
      AND track_labels.track_id = track_results.track_id AND track_labels.model = track_results.model
"""

_LISTS = """
    UPDATE idempotency_keys SET body = jsonb_set(body, '{labels}', (
        SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(value)), '{}') FROM jsonb_each(body -> 'labels')))
    WHERE body ? 'sha256' AND body ? 'labels'
"""

_NO_LISTS = """
    UPDATE idempotency_keys SET body = jsonb_set(body, '{labels}', (
        SELECT coalesce(jsonb_object_agg(key, value -> 0), '{}') FROM jsonb_each(body -> 'labels')))
    WHERE body ? 'sha256' AND body ? 'labels'
"""


def upgrade() -> None:
    op.create_table(
        "track_labels",
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("labels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["track_id"], ["tracks.id"], name=op.f("fk_track_labels_track_id_tracks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("track_id", "model", name=op.f("pk_track_labels")),
    )
    op.create_index("ix_track_labels_labels", "track_labels", ["labels"], postgresql_using="gin")
    op.execute(_FILL)
    op.execute(_LISTS)
    op.drop_index("ix_track_results_label", table_name="track_results")
    op.drop_column("track_results", "label")


def downgrade() -> None:
    op.add_column("track_results", sa.Column("label", sa.String(), nullable=True))
    op.execute(_FILL_BACK)
    op.create_index(
        "ix_track_results_label", "track_results", ["label", "track_id"], postgresql_where=sa.text("label IS NOT NULL")
    )
    op.execute(_NO_LISTS)
    op.drop_table("track_labels")
