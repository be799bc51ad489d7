"""``phonoscope migrate``: updates database and bucket for this release; for deployments."""

from __future__ import annotations


def migrate() -> None:
    """Migrates the database and makes the bucket that PHONOSCOPE_* in the environment name."""
    from phonoscope.db.access.migrate import migrate as migrate_database
    from phonoscope.settings import get_settings
    from phonoscope.storage import ObjectStore

    settings = get_settings()
    migrate_database(settings.database_url.get_secret_value())
    ObjectStore(settings).ensure_bucket()
