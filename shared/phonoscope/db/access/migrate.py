"""Alembic, driven from Python, so that an installed wheel can migrate."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.paths import bundled

_HAS_REVISION = text("SELECT to_regclass('public.alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Brings the database to a schema, by default the newest."""
    command.upgrade(alembic_config(database_url), revision)


def newest_revision() -> str:
    """The schema that this release's programs need."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head() or ""


def knows_revision(revision: str) -> bool:
    """Whether this release has a schema's migrations; it has not those of a newer one."""
    try:
        ScriptDirectory.from_config(alembic_config("")).get_revision(revision)
    except CommandError:
        return False
    return True


def present_revision(session: Session) -> str | None:
    """The schema that the database has; ``None`` before its first migration."""
    return session.scalar(_REVISION) if session.scalar(_HAS_REVISION) else None
