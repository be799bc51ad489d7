"""Searches by words in libraries whose labels are in more tracks than are looked at: filters lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.search import by_labels, indexes, together
from phonoscope.db.search.filters import AnyLabel, Filters, sparse
from phonoscope.db.search.nearest import nearest_windows, windows_by_labels
from phonoscope.db.search.reviewed import SaidLabel
from phonoscope.db.search.together import windows_of_all
from tests.integration.libraries import WINDOWS_A_TRACK, Library, new_library
from tests.integration.life import empty
from tests.integration.rungs import APPLY, LARGE, climb, namespace_of, rung_of
from tests.integration.test_together import everything

DEEP = 2
SHORT_S = 5.0
FILTERS = ("most_s", "collection", "label", "label and most_s")
_COLLECT = text(
    """
    INSERT INTO collections (id, owner_id, name) VALUES (:collection, :owner_id, 'some');
    INSERT INTO collection_tracks (collection_id, track_id)
    SELECT :collection, id FROM tracks WHERE owner_id = :owner_id AND (id LIKE '%\\_4' OR id LIKE '%\\_17')
    """
)
_CONFIRM = text(
    """
    INSERT INTO annotations (track_id, owner_id, label, state)
    SELECT id, owner_id, 'mine', 'confirmed' FROM tracks WHERE owner_id = :owner_id
    """
)
_HEARD = text(
    """
    SELECT -(heard <#> CAST(:weights AS sparsevec)) FROM window_embeddings
    WHERE owner_id = :owner_id AND track_id = ANY(:tracks) ORDER BY 1 DESC LIMIT :limit
    """
)
_HAVE = text(
    """
    SELECT DISTINCT track_id FROM window_embeddings
    WHERE owner_id = :owner_id AND -(heard <#> CAST(:weights AS sparsevec)) >= 0.5
    """
)


@pytest.fixture(scope="module")
def library(database_url: str) -> Iterator[Library]:
    """24 tracks, in each of which each label is heard; one of them was labelled by a classifier, two are collected."""
    database = Database(database_url, pool_size=1)
    empty(database)
    library = new_library(database, LARGE)
    with database.transaction() as session:
        session.execute(APPLY, {"owner_id": library.owner_id, "ending": "%\\_11"})
        session.execute(_COLLECT, {"owner_id": library.owner_id, "collection": f"col_{library.owner_id}"})
    yield library
    empty(database)
    climb(database)
    database.close()


def filtered(library: Library, name: str) -> tuple[Filters, set[int]]:
    """Filters, and the numbers of the tracks that pass: at most as many as are looked at."""
    wren = AnyLabel(frozenset(), 0.5, "wren", ("birds",))
    return {
        "most_s": (Filters(most_s=SHORT_S), {0, 1}),
        "collection": (Filters(collection=f"col_{library.owner_id}"), {4, 17}),
        "label": (Filters(any_of=[wren]), {11}),
        "label and most_s": (Filters(any_of=[wren], most_s=55.0), {11}),
    }[name]


def ids_of(database: Database, library: Library, numbers: set[int]) -> set[str]:
    with database.transaction() as session:
        every = session.scalars(text("SELECT id FROM tracks WHERE owner_id = :id"), {"id": library.owner_id})
        return {id_ for id_ in every if int(id_.rpartition("_")[2]) in numbers}


@pytest.mark.parametrize("name", FILTERS)
def test_a_word_finds_what_passes_however_deep_it_lies(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As by reading all windows: tracks that do not pass take no place among those that are looked at."""
    monkeypatch.setattr(by_labels, "_DEEP", DEEP)
    filters, numbers = filtered(library, name)
    tracks = ids_of(database, library, numbers)
    for label in library.labels[1:]:
        asked = {"owner_id": library.owner_id, "weights": sparse({label: 1.0}), "tracks": list(tracks), "limit": 5}
        with database.transaction() as session:
            wanted = list(session.scalars(_HEARD, asked))
            found = windows_by_labels(session, library.owner_id, {label: 1.0}, filters, 5)
        assert {hit.track_id for hit in found} <= tracks
        assert [hit.similarity for hit in found] == pytest.approx(wanted)


@pytest.mark.parametrize("in_track", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_several_things_are_found_in_what_passes(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch, name: str, in_track: bool
) -> None:
    """Likewise of things that are heard together."""
    monkeypatch.setattr(together, "_DEEP", DEEP)
    filters, numbers = filtered(library, name)
    things = [{library.labels[1]: 1.0}, {library.labels[3]: 1.0}]
    with database.transaction() as session:
        found = windows_of_all(session, library.owner_id, things, {}, filters, 5, in_track=in_track)
    only = ids_of(database, library, numbers)
    wanted = everything(database, library, things, {}, in_track=in_track, only=only)[:5]
    assert [hit.similarity for hit in found] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("in_track", [False, True])
def test_what_is_confirmed_is_found_where_a_label_is_heard(
    database: Database, library: Library, in_track: bool
) -> None:
    """Of recordings that are confirmed as a whole: neither one without the label nor a window before it hides it."""
    rare = library.labels[0]
    confirmed = {"owner_id": library.owner_id}
    with database.transaction() as session:
        session.execute(_CONFIRM, confirmed)
        have = set(session.scalars(_HAVE, {**confirmed, "weights": sparse({rare: 1.0})}))
        asked: dict[str, Any] = {"said": [SaidLabel("mine", frozenset({-1}))], "in_track": in_track}
        filters = Filters(labels={rare: 0.5})
        every = windows_by_labels(session, library.owner_id, {-1: 1.0}, filters, LARGE, **asked)
        (first,) = windows_by_labels(session, library.owner_id, {-1: 1.0}, filters, 1, **asked)
        session.rollback()
    assert {hit.track_id for hit in every} == have
    assert 0 < len(have) < LARGE // WINDOWS_A_TRACK
    assert first.track_id == min(have)


def test_what_is_left_out_costs_no_results(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an index gives up before enough of the rest is found, the rest is read."""
    climb(database)
    assert rung_of(database, namespace_of(library)) == "hnsw"
    soon = indexes._READY.text.replace("max_scan_tuples = 20000", "max_scan_tuples = 1").replace(":ef;", "10;")
    monkeypatch.setattr(indexes, "_READY", text(soon))
    (left,) = ids_of(database, library, {9})
    without = Filters(without=sorted(ids_of(database, library, {*range(24)} - {9})))
    with database.transaction() as session:
        # So few rows may be read and sorted faster than by any index.
        session.execute(text("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off"))
        found = nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], without, 40)
    assert len(found) == 40
    assert {hit.track_id for hit in found} == {left}
