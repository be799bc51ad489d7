"""Indexes of extensions that cannot be made: pgvector's takes their place, and nothing is tried over and over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.search import indexes
from tests.integration.libraries import Library, new_library
from tests.integration.life import empty
from tests.integration.rungs import LARGE, climb, index_names, namespace_of, rung_of

OLD, NEW = ({"vector": "0.8.2", "vchord": version} for version in ("0.4.0", "0.5.0"))


@pytest.fixture
def library(database: Database) -> Iterator[Library]:
    """One that is large enough for an extension's index where ``LARGE`` vectors are many."""
    empty(database)
    yield new_library(database, LARGE)
    empty(database)
    climb(database)


def test_an_extension_that_fails_is_not_tried_again(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only in its next version; here it is not even installed. Without it the index is what it would be anyway."""
    namespace = namespace_of(library)
    bits, vchord = (namespace.index_name(name) for name in ("bits", "vchord"))
    monkeypatch.setattr(indexes, "extensions", lambda _: OLD)
    assert climb(database, quantised_rows=LARGE) == [f"make {vchord}"]
    assert (index_names(database), rung_of(database, namespace)) == ([bits], "bits")
    assert climb(database, quantised_rows=LARGE) == []
    monkeypatch.setattr(indexes, "extensions", lambda _: NEW)
    assert climb(database, quantised_rows=LARGE) == [f"make {vchord}"]
    assert climb(database, quantised_rows=LARGE) == []
    monkeypatch.setattr(indexes, "extensions", lambda _: {"vector": "0.8.2"})
    assert climb(database, quantised_rows=LARGE) == []
    assert (index_names(database), rung_of(database, namespace)) == ([bits], "bits")


def test_an_extension_that_comes_later_is_tried_once(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index that is there stays when it fails; an index of theirs that is not whole goes."""
    namespace = namespace_of(library)
    bits, vchord = (namespace.index_name(name) for name in ("bits", "vchord"))
    assert climb(database, quantised_rows=LARGE) == [f"make {bits}"]
    monkeypatch.setattr(indexes, "extensions", lambda _: OLD)
    assert climb(database, quantised_rows=LARGE) == [f"make {vchord}"]
    with database.autocommit() as session:
        session.execute(text(f"CREATE INDEX {vchord} ON window_embeddings (track_id) WHERE position < 0"))
        blind = text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = CAST(:name AS regclass)")
        session.execute(blind, {"name": vchord})
    assert climb(database, quantised_rows=LARGE) == [f"drop {vchord}"]
    assert climb(database, quantised_rows=LARGE) == []
    assert (index_names(database), rung_of(database, namespace)) == ([bits], "bits")
