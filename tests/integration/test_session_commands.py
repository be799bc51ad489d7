"""Sessions as an owner's admin and the operator see and end them: by the client, and by ``phonoscope sessions``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from phonoscope.client import ApiError, Client
from phonoscope.contract import Scope
from phonoscope.db.access.engine import Database
from phonoscope.db.service.sessions import Person, find_session, open_session
from phonoscope.errors import SessionEnded
from phonoscope_cli.app import app
from tests.support import RunningStack


@pytest.fixture
def owner() -> str:
    return f"owner-{uuid4()}"


@pytest.fixture
def run(stack: RunningStack) -> Callable[..., Any]:
    """Runs the command as the operator."""
    folder = str(stack.folder)
    return lambda *words: CliRunner().invoke(app, ["sessions", *words, "--data-dir", folder], env={"COLUMNS": "300"})


def signed_in(stack: RunningStack, owner: str, subject: str) -> str:
    """What the cookie of somebody who signed in to the owner's library holds."""
    person = Person("https://id.example.org", subject, owner, "Ada [bold]", "ada@example.org", frozenset({Scope.READ}))
    return str(with_database(stack, lambda session: open_session(session, person, timedelta(hours=1))))


def is_open(stack: RunningStack, token: str) -> bool:
    try:
        with_database(stack, lambda session: find_session(session, token))
    except SessionEnded:
        return False
    return True


def with_database(stack: RunningStack, call: Callable[[Any], Any]) -> Any:
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            return call(session)
    finally:
        database.close()


def id_of(token: str) -> str:
    return f"ses_{token.partition('_')[0]}"


def test_an_admin_sees_and_ends_those_of_its_owner(stack: RunningStack, owner: str) -> None:
    """With a key that may; never another owner's."""
    mine, theirs = signed_in(stack, owner, uuid4().hex), signed_in(stack, f"other-{owner}", uuid4().hex)
    with Client(stack.url, stack.new_key(owner, [Scope.ADMIN])) as admin:
        [found] = admin.sessions(limit=5).items
        assert (found.id, found.name, found.email) == (id_of(mine), "Ada [bold]", "ada@example.org")
        with pytest.raises(ApiError, match="no session"):
            admin.end_session(id_of(theirs))
        admin.end_session(found.id)
        assert admin.sessions().items == []
    assert [is_open(stack, token) for token in (mine, theirs)] == [False, True]
    with Client(stack.url, stack.new_key(owner)) as other, pytest.raises(ApiError) as refused:
        other.sessions()
    assert refused.value.code == "missing_scope"


def test_the_operator_lists_those_of_an_owner_or_of_all(
    stack: RunningStack, owner: str, run: Callable[..., Any]
) -> None:
    """With whose they are, and what they are called, letter by letter."""
    mine, theirs = signed_in(stack, owner, uuid4().hex), signed_in(stack, f"other-{owner}", uuid4().hex)
    listed = run("list", "--owner", owner)
    assert listed.exit_code == 0, listed.output
    assert id_of(mine) in listed.output
    assert id_of(theirs) not in listed.output
    assert {"Ada [bold]", "ada@example.org", owner} <= {cell.strip() for cell in listed.output.split("│")}
    everybody = run("list").output
    assert id_of(mine) in everybody
    assert id_of(theirs) in everybody
    assert run("list", "--owner", "nobody-at-all").exit_code != 0


def test_the_operator_ends_sessions(stack: RunningStack, owner: str, run: Callable[..., Any]) -> None:
    """One, or all of a user; where one is not there, none ends. The log says that it was the operator."""
    subject = uuid4().hex
    first, second, third = (signed_in(stack, owner, subject) for _ in range(3))
    other = signed_in(stack, owner, uuid4().hex)
    assert run("end", id_of(first), "ses_none").exit_code != 0
    assert run("end", "usr_none").exit_code != 0
    assert is_open(stack, first)
    ended = run("end", id_of(first), id_of(first))
    assert (ended.exit_code, ended.output) == (0, "1 session is ended\n"), ended.output
    assert [is_open(stack, token) for token in (first, second, other)] == [False, True, True]
    user_id = with_database(stack, lambda session: find_session(session, second).key_id)
    assert run("end", user_id).output == "2 sessions are ended\n"
    assert [is_open(stack, token) for token in (second, third, other)] == [False, False, True]
    with Client(stack.url, stack.new_key(owner, [Scope.ADMIN])) as admin:
        ends = admin.audit(action="session.ended", subject=id_of(second)).items
    assert [entry.key_id for entry in ends] == [None]
