"""Owners that hold the clips that another owner searches by, until the search is answered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("owners", sa.Column("clips_of", sa.String(), nullable=True))
    op.create_unique_constraint(op.f("uq_owners_clips_of"), "owners", ["clips_of"])
    op.create_foreign_key(
        op.f("fk_owners_clips_of_owners"), "owners", "owners", ["clips_of"], ["id"], ondelete="CASCADE"
    )


def downgrade() -> None:
    op.execute("DELETE FROM owners WHERE clips_of IS NOT NULL")
    op.drop_column("owners", "clips_of")
