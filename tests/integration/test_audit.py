"""The audit log as the database keeps it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.limits import AuditRow
from phonoscope.db.service.audit import Actor, forget_audit, list_audit, record, record_settings
from phonoscope.settings import Settings
from phonoscope_gateway.audit.settings import noted


@pytest.fixture
def actor() -> Actor:
    return Actor(f"own_{uuid4().hex}", "key1")


def entries(database: Database, owner_id: str | None, action: str | None = None) -> list[AuditRow]:
    with database.transaction() as session:
        return list_audit(session, owner_id, cursor=None, limit=100, action=action)[0]


def test_entries_are_never_changed_nor_erased(database: Database, actor: Actor) -> None:
    """Neither a change, nor a deletion, nor emptying the table; not even as the retention, while they are young."""
    with database.transaction() as session:
        record(session, actor, "key.created", "key2", name="a")
    as_retention = "SET LOCAL phonoscope.audit_retention = 'on';"
    for statement in (
        "UPDATE audit_log SET action = 'nothing'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        f"{as_retention} DELETE FROM audit_log",
        f"{as_retention} UPDATE audit_log SET action = 'nothing'",
        f"{as_retention} TRUNCATE audit_log",
    ):
        with pytest.raises(DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(text(statement))
    assert [row.action for row in entries(database, actor.owner_id)] == ["key.created"]


def test_old_entries_are_forgotten_and_young_ones_are_not(database: Database, actor: Actor) -> None:
    """By the retention alone; a retention of less than a day is one of a day."""
    with database.transaction() as session:
        record(session, actor, "track.deleted", "young")
        session.execute(
            text(
                "INSERT INTO audit_log (id, owner_id, action, subject, created_at) VALUES "
                "(:one, :owner_id, 'track.deleted', 'old', now() - interval '10 days'),"
                "(:two, :owner_id, 'track.deleted', 'older', now() - interval '20 days')"
            ),
            {"one": uuid4().hex, "two": uuid4().hex, "owner_id": actor.owner_id},
        )
    for days, left in ((15.0, ["young", "old"]), (0.001, ["young"])):
        with database.transaction() as session:
            assert forget_audit(session, timedelta(days=days)) >= 1
        assert [row.subject for row in entries(database, actor.owner_id)] == left


def test_what_is_undone_is_not_in_the_log(database: Database, actor: Actor) -> None:
    """An entry is committed with what it records, or not at all."""

    def fail() -> None:
        with database.transaction() as session:
            record(session, actor, "track.deleted", "kept after all")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert entries(database, actor.owner_id) == []


def test_owners_see_their_own_entries(database: Database, actor: Actor) -> None:
    """By kind and by action; a kind is the whole word before the point."""
    with database.transaction() as session:
        record(session, actor, "key.created", "one")
        record(session, actor, "keys.created", "two")
        record(session, Actor(f"own_{uuid4().hex}"), "key.created", "three")
    assert [row.subject for row in entries(database, actor.owner_id, "key")] == ["one"]
    assert [row.subject for row in entries(database, actor.owner_id, "keys.created")] == ["two"]
    assert len(entries(database, actor.owner_id)) == 2
    assert {"one", "two", "three"} <= {row.subject for row in entries(database, None)}


def test_changed_settings_are_noted_once_and_no_secret(database: Database, server_settings: Settings) -> None:
    """The first start notes all, the same settings nothing, a change its name; secrets stay out, their users too."""
    with database.transaction() as session:
        record_settings(session, noted(server_settings))
    with database.transaction() as session:
        assert record_settings(session, noted(server_settings)) == []
        changed = server_settings.model_copy(update={"retention_days": 3.0})
        assert record_settings(session, noted(changed)) == ["retention_days"]
    newest = entries(database, None, "settings.changed")[0]
    assert newest.owner_id is None
    assert newest.details["settings"]["retention_days"] == "3.0"
    written = str([row.details for row in entries(database, None, "settings")])
    for secret in ("database_url", "broker_url", "s3_secret_key", "signing_secret"):
        assert getattr(server_settings, secret).get_secret_value() not in written
    assert server_settings.s3_access_key not in written
