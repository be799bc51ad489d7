"""API keys as the database keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.contract import Scope
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import KeyRow
from phonoscope.db.service.audit import Actor, list_audit
from phonoscope.db.service.keys import (
    MOST_KEYS,
    Caller,
    authenticate,
    create_key,
    get_key,
    is_valid,
    list_keys,
    note_use,
    owner_keys,
    revoke_key,
    rotate_key,
)
from phonoscope.errors import InvalidRequest, NotFound, Unauthorized
from tests.support import id_of, secret_of

DAY = timedelta(days=1)


def caller_of(database: Database, key: str) -> Caller:
    with database.transaction() as session:
        return authenticate(session, key)


def row_of(database: Database, key: str) -> KeyRow:
    with database.transaction() as session:
        return get_key(session, None, id_of(key))


def opens(database: Database, key: str) -> bool:
    try:
        caller_of(database, key)
    except Unauthorized:
        return False
    return True


def test_keys_are_shown_once_and_can_be_revoked(database: Database) -> None:
    """Only a hash is kept; a changed, revoked or foreign key opens nothing."""
    name = uuid4().hex
    with database.transaction() as session:
        key = create_key(session, name)
        again = create_key(session, "second", owner=name)
    secret = secret_of(key)
    with database.transaction() as session:
        caller = authenticate(session, key)
        assert authenticate(session, again).owner_id == caller.owner_id
        (row,) = [row for row, _ in list_keys(session) if row.id == caller.key_id]
        assert secret not in row.secret_sha256
        for wrong in (key[:-1] + ("a" if key[-1] != "a" else "b"), "psk_", "psk__", "psk_\x00_a", "", "psk_" + "k" * 9):
            with pytest.raises(Unauthorized):
                authenticate(session, wrong)
        revoke_key(session, caller.actor, row)
        assert not is_valid(session, row.id)
    assert not opens(database, key)
    assert opens(database, again)


def test_a_key_of_before_reads_and_writes(database: Database) -> None:
    """A key that was made without scopes may do all that it could do, and manages no keys."""
    with database.transaction() as session:
        key = create_key(session, uuid4().hex)
        session.execute(text("UPDATE api_keys SET scopes = DEFAULT WHERE id = :id"), {"id": id_of(key)})
    assert caller_of(database, key).scopes == {Scope.READ, Scope.WRITE}


def test_a_key_ends_at_its_expiry(database: Database) -> None:
    """It is valid until then and not after."""
    with database.transaction() as session:
        key = create_key(session, uuid4().hex, expires_at=datetime.now(UTC) + DAY)
        over = create_key(session, uuid4().hex, expires_at=datetime.now(UTC) - DAY)
    assert opens(database, key)
    assert not opens(database, over)


def test_a_rotated_key_has_two_secrets_for_a_while(database: Database) -> None:
    """The old one is good for the grace period only; with none it ends at once; a third rotation forgets the first."""
    with database.transaction() as session:
        first = create_key(session, uuid4().hex)
    row = row_of(database, first)
    actor = Actor(row.owner_id)

    def rotated(grace: timedelta) -> str:
        with database.transaction() as session:
            return rotate_key(session, actor, get_key(session, row.owner_id, row.id, to_change=True), grace)

    second = rotated(DAY)
    assert [opens(database, key) for key in (first, second)] == [True, True]
    with database.transaction() as session:
        session.execute(text("UPDATE api_keys SET previous_until = now() WHERE id = :id"), {"id": row.id})
    assert [opens(database, key) for key in (first, second)] == [False, True]
    third = rotated(DAY)
    assert [opens(database, key) for key in (first, second, third)] == [False, True, True]
    fourth = rotated(timedelta())
    assert [opens(database, key) for key in (second, third, fourth)] == [False, False, True]


def test_a_revoked_key_is_not_rotated_back_to_life(database: Database) -> None:
    with database.transaction() as session:
        key = create_key(session, uuid4().hex)
        row = get_key(session, None, id_of(key), to_change=True)
        revoke_key(session, Actor(row.owner_id), row)
        with pytest.raises(InvalidRequest):
            rotate_key(session, Actor(row.owner_id), row, DAY)


def test_the_last_use_is_written_once_a_minute(database: Database) -> None:
    """The second note within a minute writes nothing, and ``authenticate`` says that there is nothing to write."""
    with database.transaction() as session:
        key = create_key(session, uuid4().hex)
    caller = caller_of(database, key)
    assert caller.use_is_old
    for _ in range(2):
        with database.transaction() as session:
            note_use(session, caller.key_id)
    first = row_of(database, key).last_used_at
    with database.transaction() as session:
        note_use(session, caller.key_id)
    assert first is not None
    assert row_of(database, key).last_used_at == first
    assert not caller_of(database, key).use_is_old
    with database.transaction() as session:
        session.execute(
            text("UPDATE api_keys SET last_used_at = now() - interval '61 s' WHERE id = :id"), {"id": caller.key_id}
        )
    assert caller_of(database, key).use_is_old


def test_an_owner_has_a_bounded_number_of_keys_and_sees_its_own(database: Database) -> None:
    """One key more than the most is refused; revoked ones do not count; another owner's are not found."""
    name = uuid4().hex
    with database.transaction() as session:
        keys = [create_key(session, str(number), owner=name) for number in range(MOST_KEYS)]
        stranger = create_key(session, uuid4().hex)
        with pytest.raises(InvalidRequest):
            create_key(session, "one more", owner=name)
        owner_id = authenticate(session, keys[0]).owner_id
        revoke_key(session, Actor(owner_id), get_key(session, owner_id, id_of(keys[0]), to_change=True))
        create_key(session, "one more", owner=name)
        rows, cursor = owner_keys(session, owner_id, cursor=None, limit=100)
        more, end = owner_keys(session, owner_id, cursor=cursor, limit=100)
        assert (len(rows), len(more), end) == (100, 1, None)
        with pytest.raises(NotFound):
            get_key(session, owner_id, id_of(stranger))


def test_the_audit_log_has_the_life_of_a_key_and_no_secret(database: Database) -> None:
    with database.transaction() as session:
        key = create_key(session, uuid4().hex)
    row = row_of(database, key)
    actor = Actor(row.owner_id, "k_admin")
    with database.transaction() as session:
        held = get_key(session, row.owner_id, row.id, to_change=True)
        new = rotate_key(session, actor, held, DAY)
        revoke_key(session, actor, held)
        entries, _ = list_audit(session, row.owner_id, cursor=None, limit=10, action="key")
        told = [(entry.action, entry.key_id) for entry in entries]
    assert sorted(told, key=str) == [("key.created", None), ("key.revoked", "k_admin"), ("key.rotated", "k_admin")]
    written = str([(entry.subject, entry.details) for entry in entries])
    assert all(secret_of(each) not in written for each in (key, new))
    assert row.secret_sha256 not in written
