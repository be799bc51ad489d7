"""Imports of labels for many recordings: in parts, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.annotations.files import LabelFormat
from phonoscope.contract.labels import ImportReport
from phonoscope.db.access.engine import Database
from phonoscope.db.library.annotations import labelled_tracks
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidImport
from phonoscope_gateway.labels import files
from phonoscope_gateway.labels.files import ImportRequest, import_labels
from tests.integration.life import empty, new_track
from tests.support import columns_of

TRACKS = 7
_KEPT = text("SELECT label FROM annotations WHERE owner_id = :owner_id ORDER BY track_id, label")
_LOGGED = text("SELECT details FROM audit_log WHERE owner_id = :owner_id AND action = 'labels.imported'")


@pytest.fixture
def tracks(database: Database) -> list[TrackRow]:
    """Several of one owner."""
    empty(database)
    first = new_track(database)
    values = {name: value for name, value in columns_of(first).items() if name != "created_at"}
    named = [f"{first.id}{letter}" for letter in "Bb_A1z"]
    with database.transaction() as session:
        rows = [TrackRow(**values | {"id": name, "sha256": name, "object_key": name}) for name in named]
        session.add_all(rows)
    return [first, *rows]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Parts of two tracks; of each its size."""
    sizes: list[int] = []

    def labelled(session: Any, tracks: Any) -> Any:
        sizes.append(len(tracks))
        return labelled_tracks(session, tracks)

    monkeypatch.setattr(files, "labelled_tracks", labelled)
    monkeypatch.setattr(files, "TRACKS_AT_ONCE", 2)
    return sizes


def imported(
    database: Database, tracks: Iterable[TrackRow], *labels: str, dry_run: bool = False, replace: bool = False
) -> ImportReport:
    rows = list(tracks)
    lines = [f"{track.id},{label}" for label in labels for track in rows]
    state: Any = SimpleNamespace(database=database)
    caller = Caller(rows[0].owner_id, "key")
    file = BytesIO("\n".join(["track_id,label", *lines]).encode())
    return import_labels(state, caller, file, ImportRequest(LabelFormat.CSV, dry_run=dry_run, replace=replace))


def kept(database: Database, owner_id: str) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(_KEPT, {"owner_id": owner_id}))


def test_parts_are_one_import(database: Database, tracks: list[TrackRow], in_parts: list[int]) -> None:
    """The labels of few tracks are in memory at a time; the report and the log are of all."""
    report = imported(database, tracks, "dog", "rain")
    assert in_parts == [2, 2, 2, 1]
    assert (report.labels, report.tracks, report.added, report.unchanged) == (14, TRACKS, 14, 0)
    assert kept(database, tracks[0].owner_id) == ["dog", "rain"] * TRACKS
    again = imported(database, tracks[::-1], "rain", "cat", replace=True)
    assert (again.added, again.removed, again.changed, again.unchanged) == (TRACKS, TRACKS, 0, TRACKS)
    with database.transaction() as session:
        details = session.scalars(_LOGGED, {"owner_id": tracks[0].owner_id}).all()
    assert sorted((each["tracks"], each["added"], each["removed"]) for each in details) == [(7, 7, 7), (7, 14, 0)]


def test_a_fault_in_the_last_part_leaves_nothing_of_the_first(
    database: Database, tracks: list[TrackRow], in_parts: list[int]
) -> None:
    """The line is named; a dry run changes nothing either."""
    last = max(tracks, key=lambda track: track.id)
    with pytest.raises(InvalidImport) as refused:
        imported(database, [*tracks, last], "dog")
    assert [error["field"] for error in refused.value.errors] == [f"line {TRACKS + 2}"]
    assert len(in_parts) == 4
    assert imported(database, tracks, "dog", dry_run=True).added == TRACKS
    assert kept(database, tracks[0].owner_id) == []


@pytest.mark.usefixtures("in_parts")
def test_imports_at_once_do_not_block_each_other_for_good(database: Database, tracks: list[TrackRow]) -> None:
    """Whatever parts their tracks come in: each part is locked in the order of all."""
    together = Barrier(4)
    ordered = sorted(tracks, key=lambda track: track.id)

    def take(number: int) -> int:
        together.wait()
        return sum(imported(database, ordered[number % 3 :], f"label {number} {turn}").added for turn in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(take, range(4))) == [5 * (TRACKS - number % 3) for number in range(4)]
