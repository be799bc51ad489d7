"""Alembic's entry: migrates the database named in the configuration's attributes or in the settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from phonoscope.db.schema import (  # noqa: F401 - their tables are among the metadata
    annotations,
    classifiers,
    collections,
    limits,
    service,
    shares,
    spaces,
    webhooks,
    windows,
)
from phonoscope.db.schema.tables import Base
from phonoscope.settings import get_settings

url = context.config.attributes.get("database_url") or get_settings().database_url.get_secret_value()
engine = create_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
