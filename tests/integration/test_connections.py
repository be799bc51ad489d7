"""One pool of connections, in which those that died are replaced before anybody notices."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from phonoscope.db.access import connections
from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import stay_open
from phonoscope.db.access.prepared import Prepared
from phonoscope.errors import DatabaseUnavailable

PLUS_ONE = Prepared("SELECT :number + 1", types={"number": "integer"})
USES: dict[str, Callable[[Session], object]] = {
    "text": lambda session: session.scalar(text("SELECT 2")),
    "with a value": lambda session: session.scalar(text("SELECT :number + 1"), {"number": 1}),
    "prepared": lambda session: PLUS_ONE.execute(session, {"number": 1}).scalar_one(),
}


def _process(session: Session) -> int:
    process: int = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return process


def _processes(database: Database) -> set[int]:
    with database.transaction() as session, database.autocommit() as other:
        return {_process(session), _process(other)}


def _terminate(database_url: str, processes: set[int]) -> None:
    """Returns once the server has closed these connections."""
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for process in processes:
            connection.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
    engine.dispose()


def test_a_connection_that_the_server_ended_is_replaced(database: Database, database_url: str) -> None:
    """What a restarted server closed costs no request an error."""
    before = _processes(database)
    assert _processes(database) == before
    _terminate(database_url, before)
    assert not _processes(database) & before


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("use", USES)
def test_a_first_statement_is_repeated_on_a_new_connection(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, use: str, autocommit: bool
) -> None:
    """Also when the end of all pooled connections arrives only after the check, whatever each had prepared."""
    begin = database.autocommit if autocommit else database.transaction
    before = set()
    with ExitStack() as stack:
        for _ in range(3):
            session = stack.enter_context(begin())
            before.add(_process(session))
            assert USES[use](session) == 2
    monkeypatch.setattr(connections, "_is_silent", lambda _connection: True)
    _terminate(database_url, before)
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(3):
                session = stack.enter_context(begin())
                assert USES[use](session) == 2
                assert USES[use](session) == 2
                assert _process(session) not in before


def test_a_later_statement_is_not_repeated(database: Database, database_url: str) -> None:
    """What the first did went with its connection."""

    def lose_the_connection() -> None:
        with database.transaction() as session:
            _terminate(database_url, {_process(session)})
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable, match="connection to PostgreSQL was lost"):
        lose_the_connection()
    assert _processes(database)


def test_a_connection_that_rested_is_asked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was used just now is trusted; one that rested longer must answer first."""
    asked = []
    with database.autocommit() as session:
        dialect = type(session.get_bind().dialect)
    monkeypatch.setattr(dialect, "do_ping", lambda _dialect, connection: asked.append(connection))
    monkeypatch.setattr(connections, "_TRUSTED_S", 600.0)
    _processes(database)
    _processes(database)
    assert asked == []
    monkeypatch.setattr(connections, "_TRUSTED_S", 0.0)
    _processes(database)
    assert len(asked) == 2


def test_a_single_statement_is_committed_by_itself(database: Database) -> None:
    """What one statement wrote is there for the next connection."""
    with database.autocommit() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_single', 'single')"))
        with database.transaction() as other:
            assert other.scalar(text("SELECT name FROM owners WHERE id = 'own_single'")) == "single"
            other.execute(text("DELETE FROM owners WHERE id = 'own_single'"))


def test_both_ways_share_one_pool(database_url: str) -> None:
    """The same connection serves both in turn, and a transaction on it can be rolled back."""
    database = Database(database_url, pool_size=1)
    with database.autocommit() as session:
        process = _process(session)
    with database.transaction() as session:
        assert _process(session) == process
        session.execute(text("INSERT INTO owners (id, name) VALUES ('own_pool', 'pool')"))
        session.rollback()
    with database.autocommit() as session:
        assert _process(session) == process
        assert session.scalar(text("SELECT count(*) FROM owners WHERE id = 'own_pool'")) == 0
    database.close()


def test_a_statement_by_itself_is_all_that_is_sent(database_url: str) -> None:
    """Neither of the two ways sends anything to switch a connection to it."""
    database = Database(database_url, pool_size=1)
    with database.transaction() as session:
        process = _process(session)
    last = text("SELECT query FROM pg_stat_activity WHERE pid = :process")
    with database.autocommit() as session:
        session.execute(text("SELECT 'by itself'"))
    watching = Database(database_url, pool_size=1)
    with watching.autocommit() as session:
        assert session.scalar(last, {"process": process}) == "SELECT 'by itself'"
    database.close()
    watching.close()


def test_a_transaction_whose_process_says_nothing_is_ended(database: Database) -> None:
    """PostgreSQL frees what it has locked: a process that stops in the middle holds up others for two minutes."""
    with database.autocommit() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "2min"

    def silent(session: Session) -> None:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.3)
        session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        database.retrying(silent)
    assert database.ping()


@pytest.mark.long
def test_a_transaction_that_waits_for_work_beside_it_stays_open(database: Database) -> None:
    """Such as the lock of a courier that tidies, whatever PostgreSQL ends otherwise."""
    with database.transaction() as session:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '3s'"))
        stay_open(session)
        time.sleep(4.0)
        assert session.scalar(text("SELECT 1")) == 1
