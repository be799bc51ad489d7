"""Statements that a connection plans once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.prepared import Prepared

PLANNED = text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'phonoscope%'")


def test_values_go_where_they_are_named() -> None:
    """A value without a type is refused before anything is sent."""
    with pytest.raises(KeyError, match="nobody"):
        Prepared("SELECT :nobody", types={})


def test_values_keep_their_types(database: Database) -> None:
    """Named twice, cast, as JSON, as an empty list, in no order; a colon in a text is none of ours."""
    statement = Prepared(
        "SELECT :word || :word AS twice, :many::text AS many, :facts->>'a:b' AS fact, now() - :since < now() AS past, "
        "'http://x' AS url",
        types={"since": "interval", "facts": "jsonb", "many": "text[]", "word": "text"},
    )
    values = {"word": "it's %s", "many": [], "facts": {"a:b": None}, "since": timedelta(seconds=1)}
    with database.autocommit() as session:
        assert tuple(statement.execute(session, values).one()) == ("it's %sit's %s", "{}", None, True, "http://x")


def test_each_sees_what_the_one_before_did(database: Database) -> None:
    """They are one transaction, and one connection plans them once."""
    statement = Prepared(
        "SELECT set_config('phonoscope.seen', :word, true)",
        "SELECT current_setting('phonoscope.seen')",
        types={"word": "text"},
    )
    with database.transaction() as session:
        before = session.scalar(PLANNED) or 0
        assert statement.execute(session, {"word": "one"}).scalar_one() == "one"
        assert session.scalar(PLANNED) == before + 2
        assert statement.execute(session, {"word": "two"}).scalar_one() == "two"
        assert session.scalar(PLANNED) == before + 2


def test_a_new_connection_plans_anew(database: Database) -> None:
    """After the server ended the old one nothing is taken for known."""
    statement = Prepared("SELECT :number + 1", types={"number": "integer"})
    with database.autocommit() as session:
        assert statement.execute(session, {"number": 1}).scalar_one() == 2
        ours = session.scalar(text("SELECT pg_backend_pid()"))
    with database.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ours})
    with database.autocommit() as session:
        assert statement.execute(session, {"number": 2}).scalar_one() == 3


def test_a_number_that_json_cannot_hold_is_refused(database: Database) -> None:
    """Before anything is sent: PostgreSQL's error would name neither the value nor the field."""
    statement = Prepared("SELECT :facts", types={"facts": "jsonb"})
    with database.autocommit() as session, pytest.raises(ValueError, match="JSON"):
        statement.execute(session, {"facts": {"tempo_bpm": float("nan")}})
