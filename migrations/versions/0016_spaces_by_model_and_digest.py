"""Equal weights under two names are two spaces: one of them was not listed, nor its tracks' windows counted."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KNOWN = """
    INSERT INTO spaces (model, digest, kind)
    SELECT model_name, model_digest, 'audio' FROM embeddings GROUP BY model_name, model_digest ORDER BY min(created_at)
    ON CONFLICT DO NOTHING
"""
_FIRST_ALONE = """
    DELETE FROM spaces AS later USING spaces AS first
    WHERE later.digest = first.digest AND later.kind = first.kind AND later.id > first.id
"""


def upgrade() -> None:
    op.drop_constraint("uq_spaces_digest", "spaces")
    op.create_unique_constraint("uq_spaces_model", "spaces", ["model", "digest", "kind"])
    op.execute(_KNOWN)


def downgrade() -> None:
    op.execute(_FIRST_ALONE)
    op.drop_constraint("uq_spaces_model", "spaces")
    op.create_unique_constraint("uq_spaces_digest", "spaces", ["digest", "kind"])
