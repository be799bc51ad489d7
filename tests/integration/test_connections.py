"""Connections that died are replaced before anybody notices."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from phonoscope.db.access import engine as engine_module
from phonoscope.db.access.engine import Database


def _process(session: Session) -> int:
    process: int = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return process


def _processes(database: Database) -> set[int]:
    with database.transaction() as session, database.autocommit() as other:
        return {_process(session), _process(other)}


def test_a_connection_that_the_server_ended_is_replaced(database: Database, database_url: str) -> None:
    """What a restarted server closed costs no request an error."""
    before = _processes(database)
    assert _processes(database) == before
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for process in before:
            connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
    engine.dispose()
    assert not _processes(database) & before


def test_a_connection_that_rested_is_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was used just now is trusted; one that rested longer must answer first."""
    asked = []
    with database.autocommit() as session:
        dialect = type(session.get_bind().dialect)
    monkeypatch.setattr(dialect, "do_ping", lambda _dialect, connection: asked.append(connection))
    _processes(database)
    _processes(database)
    assert asked == []
    monkeypatch.setattr(engine_module, "_TRUSTED_S", 0.0)
    _processes(database)
    assert len(asked) == 2


def test_a_single_statement_is_committed_by_itself(database: Database) -> None:
    """What one statement wrote is there for the next connection."""
    with database.autocommit() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_single', 'single')"))
        with database.transaction() as other:
            assert other.scalar(text("SELECT name FROM owners WHERE id = 'own_single'")) == "single"
            other.execute(text("DELETE FROM owners WHERE id = 'own_single'"))
