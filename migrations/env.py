"""Alembic's entry: migrates the database named in the configuration's attributes or in the settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from phonoscope.db.schema.metadata import METADATA
from phonoscope.settings import get_settings

url = context.config.attributes.get("database_url") or get_settings().database_url.get_secret_value()
engine = create_engine(url)
with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=METADATA, compare_type=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
