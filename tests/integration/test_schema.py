"""The migrations and the tables say the same."""

from __future__ import annotations

from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import alembic_config

_OF_BEFORE = """
    INSERT INTO owners (id, name) VALUES (:owner_id, :owner_id);
    INSERT INTO api_keys (id, owner_id, name, secret_sha256) VALUES (:id, :owner_id, 'before', '');
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT :id || number, :owner_id, number, 'a', number * 10, 'audio/wav', 'wav', 'pcm_s16le', 1, 1, 9.0, '[]', 'a'
    FROM generate_series(1, 2) AS number;
    INSERT INTO jobs (id, owner_id, track_id, status, options, metadata)
    VALUES (:id, :owner_id, :id || 1, 'queued', '{}', '{}')
"""
_COUNTED = """
    SELECT stored_tracks, stored_bytes, scopes, audio_s
    FROM owners JOIN api_keys ON api_keys.owner_id = owners.id JOIN jobs ON jobs.owner_id = owners.id
    WHERE owners.id = :owner_id
"""

_SILENT_AND_NOT = """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    SELECT id, owner_id, 'm', 'd', CAST(array_fill(CASE sha256 WHEN '1' THEN 0 ELSE 1 END, ARRAY[512]) AS vector)
    FROM tracks WHERE owner_id = :owner_id;
    INSERT INTO map_points (track_id, owner_id, model_name, x, y)
    SELECT id, owner_id, 'm', 0, 0 FROM tracks WHERE owner_id = :owner_id
"""

_ZEROS_AGAIN = """
    UPDATE embeddings SET vector = CAST(array_fill(0, ARRAY[512]) AS vector)
    WHERE owner_id = :owner_id AND vector IS NULL
"""


def test_nothing_is_left_to_migrate(database_url: str) -> None:
    """``alembic check``: a change of the tables without its migration fails here."""
    command.check(alembic_config(database_url))


def test_the_way_back_works(database_url: str) -> None:
    """Down to nothing and up again."""
    config = alembic_config(database_url)
    command.downgrade(config, "base")
    command.upgrade(config, "head")


@pytest.mark.long
def test_what_was_stored_before_counts(database_url: str, database: Database) -> None:
    """Owners of before have their tracks counted, their keys read and write, and their open jobs have a length."""
    config = alembic_config(database_url)
    command.downgrade(config, "0007")
    owner = {"owner_id": f"own_{uuid4().hex}", "id": uuid4().hex}
    with database.transaction() as session:
        session.execute(text(_OF_BEFORE), owner)
    command.upgrade(config, "head")
    with database.transaction() as session:
        found = session.execute(text(_COUNTED), owner).one()
        assert tuple(found) == (2, 30, ["read", "write"], 9.0)
        session.execute(text("DELETE FROM owners WHERE id = :owner_id"), owner)


@pytest.mark.long
def test_vectors_of_silence_are_given_up(database_url: str, database: Database) -> None:
    """They were zeros, with a point on the map. Zeros that a worker of before still writes are given up too."""
    config = alembic_config(database_url)
    command.downgrade(config, "0009")
    owner = {"owner_id": f"own_{uuid4().hex}", "id": uuid4().hex}
    with database.transaction() as session:
        session.execute(text(_OF_BEFORE), owner)
        session.execute(text(_SILENT_AND_NOT), owner)
    command.upgrade(config, "head")
    with database.transaction() as session:
        kept = text("SELECT right(track_id, 1), vector IS NULL FROM embeddings WHERE owner_id = :owner_id ORDER BY 1")
        assert [tuple(row) for row in session.execute(kept, owner)] == [("1", True), ("2", False)]
        placed = text("SELECT right(track_id, 1) FROM map_points WHERE owner_id = :owner_id")
        assert list(session.scalars(placed, owner)) == ["2"]
        session.execute(text(_ZEROS_AGAIN), owner)
        assert [tuple(row) for row in session.execute(kept, owner)] == [("1", True), ("2", False)]
    command.downgrade(config, "0009")
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM embeddings WHERE owner_id = :owner_id"), owner) == 1
        session.execute(text("DELETE FROM owners WHERE id = :owner_id"), owner)
    command.upgrade(config, "head")


@pytest.mark.long
def test_spaces_of_before_are_known(database_url: str, database: Database) -> None:
    """They stand beside the new one; the way back keeps each track's newest vector."""
    config = alembic_config(database_url)
    command.downgrade(config, "0010")
    owner = {"owner_id": f"own_{uuid4().hex}", "id": uuid4().hex}
    digests = text("SELECT model_digest FROM embeddings WHERE owner_id = :owner_id ORDER BY track_id, created_at")
    again = """
        INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector, created_at)
        SELECT track_id, owner_id, model_name, 'new', vector, created_at + interval '1 s' FROM embeddings
        WHERE track_id = :id || 1
    """
    with database.transaction() as session:
        session.connection().execute(text(_OF_BEFORE), owner)
        session.connection().execute(text(_SILENT_AND_NOT), owner)
    command.upgrade(config, "head")
    with database.transaction() as session:
        known = text("SELECT model, kind FROM spaces WHERE digest = 'd'")
        assert [tuple(row) for row in session.execute(known)] == [("m", "audio")]
        session.connection().execute(text(again), owner)
        assert list(session.connection().scalars(digests, owner)) == ["d", "new", "d"]
    command.downgrade(config, "0010")
    with database.transaction() as session:
        assert list(session.connection().scalars(digests, owner)) == ["new", "d"]
    command.upgrade(config, "head")
