"""Scopes and expiry of keys, what owners use, the audit log, and links that can be revoked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NOW = sa.text("now()")

_COUNT = """
    UPDATE owners SET stored_tracks = counted.tracks, stored_bytes = counted.bytes
    FROM (SELECT owner_id, count(*) AS tracks, sum(size_bytes) AS bytes FROM tracks GROUP BY owner_id) AS counted
    WHERE owners.id = counted.owner_id
"""

_MEASURE = """
    UPDATE jobs SET audio_s = tracks.duration_s FROM tracks
    WHERE tracks.id = jobs.track_id AND jobs.status IN ('queued', 'running')
"""

# Deferred to the commit: an owner's row is locked for as long as the commit takes, and after every other row.
_STORED = """
    CREATE FUNCTION phonoscope_count_stored() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            UPDATE owners SET stored_tracks = stored_tracks + 1, stored_bytes = stored_bytes + NEW.size_bytes
            WHERE id = NEW.owner_id;
        ELSE
            UPDATE owners SET stored_tracks = stored_tracks - 1, stored_bytes = stored_bytes - OLD.size_bytes
            WHERE id = OLD.owner_id;
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER count_stored AFTER INSERT OR DELETE ON tracks
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION phonoscope_count_stored();
"""

_APPEND_ONLY = """
    CREATE FUNCTION phonoscope_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF current_setting('phonoscope.audit_retention', true) = 'on' AND OLD.created_at < now() - interval '1 day'
            THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'the audit log is append-only';
    END $$;
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION phonoscope_append_only();
    CREATE TRIGGER append_only_as_a_whole BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION phonoscope_append_only();
"""


def upgrade() -> None:
    _change_keys()
    op.add_column("owners", sa.Column("stored_tracks", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("owners", sa.Column("stored_bytes", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("tracks", sa.Column("link_key", sa.String(), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("key_id", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("audio_s", sa.Float(), server_default="0", nullable=False))
    op.execute(_COUNT)
    op.execute(_MEASURE)
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["owner_id", "audio_s"],
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    _make_tables()
    op.execute(_STORED)
    op.execute(_APPEND_ONLY)


def downgrade() -> None:
    op.execute("DROP TRIGGER count_stored ON tracks; DROP FUNCTION phonoscope_count_stored()")
    for table in ("audit_log", "rates", "open_streams", "usage_days"):
        op.drop_table(table)
    op.execute("DROP FUNCTION phonoscope_append_only()")
    op.drop_index("ix_jobs_open", table_name="jobs")
    op.drop_column("jobs", "audio_s")
    op.drop_column("jobs", "key_id")
    op.drop_column("tracks", "link_key")
    op.drop_column("owners", "stored_bytes")
    op.drop_column("owners", "stored_tracks")
    for column in ("links_end", "previous_until", "previous_sha256", "last_used_at", "expires_at", "scopes"):
        op.drop_column("api_keys", column)


def _change_keys() -> None:
    # Keys of before may do all that they could do.
    scopes = sa.Column("scopes", postgresql.JSONB(), server_default='["read", "write"]', nullable=False)
    op.add_column("api_keys", scopes)
    op.add_column("api_keys", sa.Column("expires_at", _MOMENT, nullable=True))
    op.add_column("api_keys", sa.Column("last_used_at", _MOMENT, nullable=True))
    op.add_column("api_keys", sa.Column("previous_sha256", sa.String(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", _MOMENT, nullable=True))
    op.add_column("api_keys", sa.Column("links_end", sa.Boolean(), server_default="false", nullable=False))


def _make_tables() -> None:
    op.create_table(
        "usage_days",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("uploads", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("upload_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("test_deliveries", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_usage_days_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("owner_id", "day", name=op.f("pk_usage_days")),
    )
    op.create_table(
        "open_streams",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name=op.f("fk_open_streams_owner_id_owners"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_streams")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_open_streams_owner_id"), "open_streams", ["owner_id"])
    op.create_table(
        "rates",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("free_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rates")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_owner_id_created_at", "audit_log", ["owner_id", "created_at", "id"])
    op.create_index(op.f("ix_audit_log_created_at"), "audit_log", ["created_at"])
