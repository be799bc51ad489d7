"""API keys as the database keeps them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from phonoscope.db.access.engine import Database
from phonoscope.db.service.keys import authenticate, create_key, list_keys, revoke_key
from phonoscope.errors import Unauthorized


def test_keys_are_shown_once_and_can_be_revoked(database: Database) -> None:
    """Only a hash is kept; a changed, revoked or foreign key opens nothing."""
    name = uuid4().hex
    with database.transaction() as session:
        key = create_key(session, name)
        again = create_key(session, "second", owner=name)
    secret = key.rpartition("_")[2]
    with database.transaction() as session:
        caller = authenticate(session, key)
        assert authenticate(session, again).owner_id == caller.owner_id
        (row,) = [row for row, _ in list_keys(session) if row.id == caller.key_id]
        assert secret not in row.secret_sha256
        with pytest.raises(Unauthorized):
            authenticate(session, key[:-1] + ("a" if key[-1] != "a" else "b"))
        revoke_key(session, caller.key_id)
    with database.transaction() as session, pytest.raises(Unauthorized):
        authenticate(session, key)
