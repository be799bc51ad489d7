"""Searches in libraries that hold copies of one recording: each recording is found once, and none is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from tests.corpus.alike import melody, write
from tests.support import RunningStack

_COPIES = 150
_TABLES = {
    "tracks": "id",
    "embeddings": "track_id",
    "window_embeddings": "track_id",
    "acoustic_fingerprints": "track_id",
}
_COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = :table AND is_generated = 'NEVER'
    """
_COPY = """
    INSERT INTO {table} ({columns})
    SELECT {values} FROM {table} AS v CROSS JOIN generate_series(1, :copies) AS number
    CROSS JOIN jsonb_populate_record(v, jsonb_build_object('{key}', v.{key} || '-' || number)) AS new
    WHERE v.{key} = :track_id RETURNING 1
"""
_OWN = {"sha256": "md5(new.id)", "object_key": "new.id"}


def test_copies_are_one_item(client: Client, tmp_path: Path) -> None:
    """Of what was asked about they come first; among the others, and of moments, one stands for all."""
    notes, others = melody(21), melody(22)
    sounds = {"a": notes, "quieter": 0.3 * notes, "other": others}
    ids = {name: embedded(client, write(tmp_path / f"{name}.wav", sound)) for name, sound in sounds.items()}
    first, last = client.search(track_id=ids["a"]).items
    assert (first.track.id, first.is_copy, last.track.id, last.is_copy) == (ids["quieter"], True, ids["other"], False)
    pair = {ids["a"], ids["quieter"]}
    (item,) = client.search(track_id=ids["other"]).items
    assert {item.track.id, *(copy.track.id for copy in item.copies)} == pair
    found = client.search(track_id=ids["other"], start_s=0.0, end_s=2.0, unit="moment").items
    assert [{item.track.id, *(copy.track.id for copy in item.copies)} for item in found] == [pair]
    assert all(copy.moment is not None for copy in found[0].copies)


def test_many_copies_of_one_recording_hide_no_other(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """Though they are all that the first look for candidates finds."""
    ids = [embedded(client, write(tmp_path / f"{seed}.wav", melody(seed))) for seed in (31, 32, 33)]
    asks: list[dict[str, Any]] = [{}, {"start_s": 0.0, "end_s": 2.0, "unit": "moment"}]
    for ask in asks:
        near, far = (item.track.id for item in client.search(track_id=ids[0], **ask).items)
        _copy(stack, near)
        first, second = client.search(track_id=ids[0], limit=10, **ask).items
        assert first.track.id.startswith(near)
        assert second.track.id == far
        _rows(stack, "DELETE FROM tracks WHERE id LIKE :copies RETURNING id", copies=f"{near}-%")


def embedded(client: Client, path: Path) -> str:
    return client.wait(client.analyze(path, ["embed"])).recording


def _copy(stack: RunningStack, track_id: str) -> None:
    """Copies a recording with its vectors and its fingerprint."""
    for table, key in _TABLES.items():
        names = [row.column_name for row in _rows(stack, _COLUMNS, table=table)]
        values = ", ".join(_OWN.get(name, f"new.{name}") for name in names)
        statement = _COPY.format(table=table, columns=", ".join(names), values=values, key=key)
        _rows(stack, statement, copies=_COPIES, track_id=track_id)


def _rows(stack: RunningStack, statement: str, **values: Any) -> list[Any]:
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            return list(session.execute(text(statement), values))
    finally:
        database.close()
