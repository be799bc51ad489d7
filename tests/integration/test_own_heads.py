"""Reading the heads of owners' classifiers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from phonoscope.contract.classifiers import MOST_CLASSIFIERS
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.heads import OwnHeads, find_head
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.errors import InvalidManifest, UnknownModel
from tests.own_heads import keep_head, own_head


@pytest.fixture
def owners(database: Database) -> list[str]:
    """One with two classifiers, one with another of the same name, one without."""
    ids = [f"own_{uuid4().hex}" for _ in range(3)]
    with database.transaction() as session:
        session.add_all(OwnerRow(id=owner_id, name=owner_id) for owner_id in ids)
        session.flush()
        for owner_id, name, version in ((ids[0], "one", 1), (ids[0], "two", 2), (ids[1], "one", 3)):
            keep_head(session, owner_id, own_head(name, version=version))
    return ids


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    sent: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", listen)
    yield sent
    event.remove(session.get_bind(), "before_cursor_execute", listen)


def versions(session: Session, heads: OwnHeads, owner_id: str) -> dict[str, int]:
    return {name: head.version for name, head in heads.of(session, owner_id).items()}


def test_each_owner_has_its_own_heads(database: Database, owners: list[str]) -> None:
    """By name, in their newest versions."""
    heads = OwnHeads()
    with database.transaction() as session:
        found = [versions(session, heads, owner_id) for owner_id in owners]
        assert found == [{"one": 1, "two": 2}, {"one": 3}, {}]
        keep_head(session, owners[1], own_head("one", version=4))
        assert versions(session, heads, owners[1]) == {"one": 4}


def test_an_owner_without_classifiers_costs_one_statement(database: Database, owners: list[str]) -> None:
    """So does one whose heads were read before; else two, however many heads there are."""
    heads = OwnHeads()
    with database.transaction() as session, statements(session) as sent:
        counts = []
        for owner_id in (owners[2], owners[0], owners[0]):
            before = len(sent)
            heads.of(session, owner_id)
            counts.append(len(sent) - before)
    assert counts == [1, 2, 1]


def test_the_heads_that_were_read_last_are_kept(database: Database, owners: list[str]) -> None:
    """Memory is bounded; more are read again, and none is missing."""
    heads = OwnHeads(most=1)
    with database.transaction() as session, statements(session) as sent:
        for _ in range(2):
            assert versions(session, heads, owners[0]) == {"one": 1, "two": 2}
        assert len(sent) == 4


@pytest.mark.long
def test_all_heads_of_an_owner_are_read_once(database: Database, owners: list[str]) -> None:
    """As many as an owner may have."""
    heads = OwnHeads()
    with database.transaction() as session, statements(session) as sent:
        for number in range(MOST_CLASSIFIERS):
            keep_head(session, owners[2], own_head(f"head-{number}"))
        counts = []
        for _ in range(2):
            before = len(sent)
            assert len(versions(session, heads, owners[2])) == MOST_CLASSIFIERS
            counts.append(len(sent) - before)
    assert counts == [2, 1]


def test_a_manifest_of_another_release_takes_no_other_away(database: Database, owners: list[str]) -> None:
    """It is left out, and a worker that needs it is told so."""
    with database.transaction() as session:
        session.execute(
            text(
                "UPDATE classifier_versions SET manifest = manifest - 'labels' FROM classifiers "
                "WHERE id = classifier_id AND owner_id = :owner_id AND name = 'one'"
            ),
            {"owner_id": owners[0]},
        )
        assert versions(session, OwnHeads(), owners[0]) == {"two": 2}
    with pytest.raises(InvalidManifest, match="labels"):
        find_head(database, owners[0], "one")


def test_a_head_is_found_with_its_weights(database: Database, owners: list[str]) -> None:
    """Which are read when they are asked for; of one that was removed meanwhile the error is typed."""
    head = find_head(database, owners[0], "two")
    assert head is not None
    assert (head.version, head.weights()) == (2, own_head("two", version=2)[1])
    assert find_head(database, owners[1], "two") is None
    with database.transaction() as session:
        session.execute(text("DELETE FROM classifiers WHERE owner_id = :owner_id"), {"owner_id": owners[0]})
    with pytest.raises(UnknownModel, match="removed"):
        head.weights()
