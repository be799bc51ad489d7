"""The audio tracks and the tags of recordings, their covers, and results of another audio track than the first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WORDS = (
    "lower(normalize(filename || chr(10) || coalesce(tags ->> 'title', '')"
    " || chr(10) || coalesce(tags ->> 'artist', '') || chr(10) || coalesce(tags ->> 'album', '')"
    " || chr(10) || coalesce(tags ->> 'album_artist', '') || chr(10) || coalesce(tags ->> 'genre', ''), NFC))"
)


def upgrade() -> None:
    op.add_column("tracks", sa.Column("audio_track", sa.Integer(), server_default="0", nullable=False))
    op.add_column("tracks", sa.Column("audio_tracks", postgresql.JSONB(), server_default="[]", nullable=False))
    op.add_column("tracks", sa.Column("tags", postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("tracks", sa.Column("words", sa.String(), sa.Computed(_WORDS, persisted=True), nullable=False))
    op.add_column("track_results", sa.Column("audio_track", sa.Integer(), nullable=True))
    op.alter_column("artifacts", "task_id", nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM artifacts WHERE task_id IS NULL")
    op.alter_column("artifacts", "task_id", nullable=False)
    op.execute("DELETE FROM track_results WHERE audio_track IS NOT NULL")
    op.drop_column("track_results", "audio_track")
    for column in ("words", "tags", "audio_tracks", "audio_track"):
        op.drop_column("tracks", column)
