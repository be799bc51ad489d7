"""Alembic, driven from Python, so that an installed wheel can migrate."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from phonoscope.paths import bundled


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Brings the database to a schema, by default the newest."""
    command.upgrade(alembic_config(database_url), revision)
