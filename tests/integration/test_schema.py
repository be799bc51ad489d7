"""The migrations and the tables say the same."""

from __future__ import annotations

from alembic import command

from phonoscope.db.access.migrate import alembic_config


def test_nothing_is_left_to_migrate(database_url: str) -> None:
    """``alembic check``: a change of the tables without its migration fails here."""
    command.check(alembic_config(database_url))


def test_the_way_back_works(database_url: str) -> None:
    """Down to nothing and up again."""
    config = alembic_config(database_url)
    command.downgrade(config, "base")
    command.upgrade(config, "head")
