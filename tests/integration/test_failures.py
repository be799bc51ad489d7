"""What PostgreSQL's failures are called, and which transactions are repeated."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.errors import DatabaseUnavailable, LockTimeout, TooManyConnections, TransactionConflict

SERIALIZABLE = text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
RENAME = text("UPDATE owners SET name = name || '+' WHERE id = :id")


@pytest.fixture
def owners(database: Database) -> Iterator[list[str]]:
    """Two rows to be in each other's way over."""
    ids = sorted(f"own_{uuid4().hex}" for _ in range(2))
    with database.transaction() as session:
        for id_ in ids:
            session.execute(text("INSERT INTO owners (id, name) VALUES (:id, :id)"), {"id": id_})
    yield ids
    with database.transaction() as session:
        session.execute(text("DELETE FROM owners WHERE id = ANY(:ids)"), {"ids": ids})


def names(database: Database, owners: list[str]) -> list[str]:
    """What was added to each name."""
    statement = text("SELECT replace(name, id, '') FROM owners WHERE id = ANY(:ids) ORDER BY id")
    with database.autocommit() as session:
        return list(session.connection().scalars(statement, {"ids": owners}))


def deadlock(database: Database, owners: list[str], runs: int) -> list[int]:
    """Two bodies that lock both rows in opposite orders, at once in their first ``runs`` runs; how often each ran."""
    barrier = Barrier(2)

    def change(order: list[str]) -> int:
        ran = 0

        def body(session: Session) -> None:
            nonlocal ran
            ran += 1
            session.execute(RENAME, {"id": order[0]})
            if ran <= runs:
                barrier.wait(20)
            session.execute(RENAME, {"id": order[1]})

        database.retrying(body)
        return ran

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(change, [owners, owners[::-1]]))


def test_a_transaction_that_lost_a_deadlock_runs_once_more(database: Database, owners: list[str]) -> None:
    """Both are committed in the end, each once. The one that is repeated may itself be in the other's way."""
    assert deadlock(database, owners, runs=1)[-1] == 2
    assert names(database, owners) == ["++", "++"]


def test_a_second_conflict_is_told_for_what_it_is(database: Database, owners: list[str]) -> None:
    """Retryable, and not as if PostgreSQL were away; nothing of it is kept."""
    runs = []

    def body(session: Session) -> None:
        runs.append(session)
        session.execute(SERIALIZABLE)
        session.scalar(text("SELECT count(*) FROM owners"))
        with database.transaction() as other:
            other.execute(RENAME, {"id": owners[0]})
        session.execute(RENAME, {"id": owners[0]})

    with pytest.raises(TransactionConflict, match=r"changed the same rows \(40001\); nothing was changed") as caught:
        database.retrying(body)
    assert len(runs) == 2
    assert (caught.value.status, caught.value.retryable, caught.value.code) == (503, True, "transaction_conflict")
    assert names(database, owners) == ["++", ""]


def test_a_single_statement_runs_once_more_too(database: Database, owners: list[str]) -> None:
    """PostgreSQL has undone the first run of it."""
    runs = []

    def body(session: Session) -> None:
        runs.append(session)
        fails = "RAISE EXCEPTION USING ERRCODE = '40001'" if len(runs) == 1 else "NULL"
        change = f"UPDATE owners SET name = name || '+' WHERE id = '{owners[0]}'"
        session.execute(text(f"DO $$ BEGIN {change}; {fails}; END $$"))

    database.retrying(body, autocommit=True)
    assert len(runs) == 2
    assert names(database, owners) == ["+", ""]


def test_other_errors_are_not_repeated(database: Database) -> None:
    """What a statement did wrong it would do wrong again."""
    runs = []

    def body(session: Session) -> None:
        runs.append(session)
        session.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(ProgrammingError):
        database.retrying(body)
    assert len(runs) == 1


def test_a_lock_timeout_is_named(database: Database, owners: list[str]) -> None:
    """Its limit is the operator's, by the role's or the database's ``lock_timeout``."""
    with database.transaction() as session:
        session.execute(RENAME, {"id": owners[0]})
        rename = f"SET lock_timeout = '20ms'; UPDATE owners SET name = '' WHERE id = '{owners[0]}'"
        with pytest.raises(LockTimeout, match=r"lock_timeout \(55P03\)"), database.transaction() as other:
            other.execute(text(rename))


def test_a_statement_timeout_is_named(database: Database) -> None:
    """By PostgreSQL's own name."""
    with pytest.raises(DatabaseUnavailable, match=r"QueryCanceled \(57014\)"), database.transaction() as session:
        session.execute(text("SET statement_timeout = '20ms'; SELECT pg_sleep(20)"))


def test_too_many_connections_are_named(database: Database, database_url: str) -> None:
    """PostgreSQL's limit, here a role's, is not an outage."""
    role = f"role_{uuid4().hex}"
    with database.autocommit() as session:
        session.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1"))
    url = make_url(database_url).set(username=role, password="x").render_as_string(hide_password=False)
    limited = Database(url, pool_size=1)
    with limited.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(TooManyConnections, match=r"no more connections \(53300\)"), limited.transaction() as other:
            other.execute(text("SELECT 1"))
    limited.close()
    with database.autocommit() as session:
        session.execute(text(f"DROP ROLE {role}"))


def test_a_pool_that_is_used_up_is_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is this process's own, and PostgreSQL is well."""
    monkeypatch.setattr("phonoscope.db.access.connections._POOL_TIMEOUT_S", 0.05)
    database = Database(database_url, pool_size=1)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(database.transaction()).execute(text("SELECT 1"))
        with pytest.raises(TooManyConnections, match="all of this process's"), database.transaction() as session:
            session.execute(text("SELECT 1"))
    database.close()


def test_a_server_that_is_away_does_not_answer(database_url: str) -> None:
    """The one failure that says so."""
    nowhere = make_url(database_url).set(port=1).render_as_string(hide_password=False)
    database = Database(nowhere, pool_size=1)
    with pytest.raises(DatabaseUnavailable, match="PostgreSQL does not answer; nothing was changed") as caught:
        database.ping()
    assert caught.value.code == "database_unavailable"
    database.close()
