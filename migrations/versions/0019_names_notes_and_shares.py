"""Names and notes that owners give their recordings, and links that share one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With constant defaults no row is written again. No statement of the release before knows a column of these names.
    op.add_column("tracks", sa.Column("own_name", sa.String(), nullable=True))
    op.add_column("tracks", sa.Column("own_notes", sa.String(), server_default="", nullable=False))
    op.add_column("tracks", sa.Column("own_revision", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "shares",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("track_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("ends_with_key", sa.Boolean(), server_default="false", nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=op.f(f"fk_shares_{column}_{other}"), ondelete="CASCADE"
            )
            for column, other in (("track_id", "tracks"), ("owner_id", "owners"))
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
    )
    op.create_index(op.f("ix_shares_track_id"), "shares", ["track_id"])


def downgrade() -> None:
    op.drop_table("shares")
    for column in ("own_revision", "own_notes", "own_name"):
        op.drop_column("tracks", column)
