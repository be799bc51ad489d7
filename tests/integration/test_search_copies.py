"""Searches in libraries that hold copies of one recording: each recording is found once, and none is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
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


def test_a_copy_that_is_met_late_is_an_item_in_its_place(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """One that is unlike by its vector, behind more than are looked at for the first page: no page leaves it out."""
    sounds = {"a": melody(41), "quieter": 0.3 * melody(41), "near": melody(42), "far": melody(43)}
    ids = {name: embedded(client, write(tmp_path / f"{name}.wav", sound)) for name, sound in sounds.items()}
    _turn_away(stack, ids["quieter"])
    for name in ("near", "far"):
        _copy(stack, ids[name], 60)
    # Filters, so that copies are not looked for by their duration.
    asked: dict[str, Any] = {"track_id": ids["a"], "filters": {"least_duration_s": 0.1}}
    pages = list(client.search_all(limit=1, **asked))
    assert [item.track.id.partition("-")[0] for item in pages].count(ids["quieter"]) == 1
    assert {item.track.id.partition("-")[0] for item in pages} == {ids["quieter"], ids["near"], ids["far"]}
    assert [item.track.id for item in pages] == [item.track.id for item in client.search(limit=10, **asked).items]


def _turn_away(stack: RunningStack, track_id: str) -> None:
    """Makes a recording's vectors little like what they were."""
    away = np.random.default_rng(1).standard_normal(512)
    away /= np.linalg.norm(away)
    for row in _rows(stack, "SELECT model_digest, vector::text FROM embeddings WHERE track_id = :id", id=track_id):
        vector = 0.4 * np.array(json.loads(row.vector)) + 0.9 * away
        set_vector = (
            "UPDATE embeddings SET vector = CAST(:vector AS halfvec) WHERE track_id = :id AND model_digest = :of"
        )
        turned = str((vector / np.linalg.norm(vector)).tolist())
        _rows(stack, f"{set_vector} RETURNING track_id", vector=turned, id=track_id, of=row.model_digest)


def embedded(client: Client, path: Path) -> str:
    return client.wait(client.analyze(path, ["embed"])).recording


def _copy(stack: RunningStack, track_id: str, copies: int = _COPIES) -> None:
    """Copies a recording with its vectors and its fingerprint."""
    for table, key in _TABLES.items():
        names = [row.column_name for row in _rows(stack, _COLUMNS, table=table)]
        values = ", ".join(_OWN.get(name, f"new.{name}") for name in names)
        statement = _COPY.format(table=table, columns=", ".join(names), values=values, key=key)
        _rows(stack, statement, copies=copies, track_id=track_id)


def _rows(stack: RunningStack, statement: str, **values: Any) -> list[Any]:
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            return list(session.execute(text(statement), values))
    finally:
        database.close()
