"""The ladder of search: each rung finds what exact search does, of its owner alone; indexes come and go unasked."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import numpy as np
import pytest
from alembic import command
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, lock_of_connection
from phonoscope.db.access.migrate import alembic_config
from phonoscope.db.library.embeddings import search_from
from phonoscope.db.search.filters import AnyLabel, Filters, sparse
from phonoscope.db.search.indexes import Change, apply
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.nearest import nearest_rows, nearest_tracks, nearest_windows, windows_by_labels
from phonoscope.db.search.recall import measure_recall, recalls
from phonoscope.db.search.rungs import VCHORD
from phonoscope.settings import Settings
from phonoscope_cli.services import search_findings
from phonoscope_courier.indexing import Indexer
from phonoscope_local.processes import wait_until
from tests.integration.libraries import SPACE, WINDOWS_A_TRACK, Library, new_library
from tests.integration.life import empty, nearest_to
from tests.integration.rungs import (
    APPLIED,
    APPLY,
    AT_ONCE,
    EXACT_ROWS,
    LARGE,
    QUANTISED_ROWS,
    climb,
    filters_of,
    heard_in,
    index_names,
    keys,
    namespace_of,
    rung_of,
    sent_by,
)


@pytest.fixture(scope="module")
def large(database_url: str) -> Iterator[tuple[Library, Library, Library]]:
    """A large library, another one, and a small one, whose windows are like theirs."""
    database = Database(database_url, pool_size=1)
    empty(database)
    yield new_library(database, LARGE), new_library(database, LARGE, seed=2), new_library(database, 200, seed=3)
    empty(database)
    climb(database)
    database.close()


@pytest.fixture(scope="module", params=["exact", *QUANTISED_ROWS])
def rung(request: pytest.FixtureRequest, database_url: str, large: tuple[Library, ...]) -> str:
    """The rung of the two large libraries; tests with the same one run together, for it takes long to change it."""
    name: str = request.param
    database = Database(database_url, pool_size=1)
    if name == "exact":
        climb(database, exact_rows=10 * LARGE)
    else:
        climb(database, quantised_rows=QUANTISED_ROWS[name])
        climb(database, quantised_rows=QUANTISED_ROWS[name])
    assert [rung_of(database, namespace_of(library)) for library in large] == [name, name, "exact"]
    database.close()
    return name


def test_each_rung_finds_what_exact_search_does(database: Database, large: tuple[Library, ...], rung: str) -> None:
    """With each filter; what is found meets the filter, nearest first, and is the owner's own."""
    library, other, _ = large
    for name, filters in filters_of(library).items():
        shares = []
        for vector in (*library.vectors[:4], *other.vectors[:2]):
            with database.transaction() as session:
                exact = nearest_rows(session, namespace_of(library), vector, filters, 10, exactly=True)
                found = nearest_windows(session, library.owner_id, library.space_id, vector, filters, 10)
                heard = heard_in(session, library, found)
            assert len(found) == len(exact), name
            assert [hit.similarity for hit in found] == sorted((hit.similarity for hit in found), reverse=True)
            assert all(each.get(label, 0.0) >= least for each in heard for label, least in filters.labels.items())
            shares.append(len({*keys(found)} & {*keys(exact)}) / max(1, len(exact)) if exact else 1.0)
        assert np.mean(shares) >= 0.95, (rung, name, shares)


def test_what_a_classifier_was_applied_to_is_found(database: Database, large: tuple[Library, ...], rung: str) -> None:
    """Its tracks pass with all their windows, beside windows in which the label was heard, and no other owner's."""
    library, other, _ = large
    rare, *_ = library.labels
    with database.transaction() as session:
        for owner_id, ending in ((library.owner_id, "%3"), (other.owner_id, "%")):
            session.execute(APPLY, {"owner_id": owner_id, "ending": ending})
        applied = set(session.scalars(APPLIED, {"owner_id": library.owner_id}))
    wren, nowhere = (AnyLabel(ids, 0.5, "wren", ("birds",)) for ids in (frozenset[int](), frozenset({rare})))
    several = {
        "applied": ([wren], {rare: 2.0}),
        "applied or heard": ([nowhere], {rare: 0.5}),
        "applied and heard": ([wren, AnyLabel(frozenset({rare}), 0.5)], {rare: 2.0}),
        "heard and applied": ([AnyLabel(frozenset({rare}), 0.5), wren], {rare: 2.0}),
    }
    for name, (labels, least) in several.items():
        filters = Filters(any_of=labels)
        for vector in library.vectors[:3]:
            with database.transaction() as session:
                exact = nearest_rows(session, namespace_of(library), vector, filters, 10, exactly=True)
                found = nearest_windows(session, library.owner_id, library.space_id, vector, filters, 10)
                tracks = nearest_rows(session, namespace_of(library, Of.TRACKS), vector, Filters(any_of=[wren]), 10)
                heard = list(zip(found, heard_in(session, library, found), strict=True))
            assert found, name
            assert len(found) == len(exact), name
            assert all(hit.track_id in applied or each.get(rare, 0.0) >= least[rare] for hit, each in heard), name
            if " and " in name:
                assert all(each.get(rare, 0.0) >= 0.5 for _, each in heard), name
            assert {row.track_id for row in tracks} <= applied


def test_filters_hold_for_what_is_found(database: Database, large: tuple[Library, ...], rung: str) -> None:
    """Durations, days, names and tracks that are left out, read from the tracks themselves."""
    library, *_ = large
    by_rule = {
        "short tracks": "duration_s <= 20",
        "long tracks": "duration_s >= 100",
        "days": "created_at >= '2026-01-05 00:00Z' AND created_at < '2026-02-09 00:00Z'",
        "words": "filename LIKE 'sound 3%'",
    }
    with database.transaction() as session:
        for name, rule in by_rule.items():
            statement = text(f"SELECT id FROM tracks WHERE owner_id = :id AND {rule}")
            allowed = set(session.scalars(statement, {"id": library.owner_id}))
            filters = filters_of(library)[name]
            found = nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], filters, 10)
            assert {hit.track_id for hit in found} <= allowed, (rung, name)
        own = nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], Filters(), 10)
        without = Filters(without=[hit.track_id for hit in own[:3]])
        rest = nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], without, 10)
    assert len(rest) == 10
    assert not {hit.track_id for hit in rest} & set(without.without)


def test_owners_see_their_own(database: Database, large: tuple[Library, ...], rung: str) -> None:
    """Another owner's window finds the nearest of one's own: never itself, whatever indexes there are."""
    library, other, small = large
    with database.transaction() as session:
        for one, another in ((library, other), (other, library), (small, library)):
            own = set(
                session.scalars(text("SELECT id FROM tracks WHERE owner_id = :id"), {"id": one.owner_id}),
            )
            for filters in (Filters(), Filters(labels={one.labels[1]: 0.3})):
                found = nearest_windows(session, one.owner_id, one.space_id, another.vectors[0], filters, 50)
                assert found
                assert {hit.track_id for hit in found} <= own, rung
            tracks = nearest_tracks(session, one.owner_id, SPACE, another.vectors[0], Filters(), 50)
            assert {hit.track_id for hit in tracks} <= own
            by_labels = windows_by_labels(session, one.owner_id, {one.labels[1]: 1.0}, Filters(), 20)
            assert {hit.track_id for hit in by_labels} <= own


def test_each_rung_uses_its_index(database: Database, large: tuple[Library, ...], rung: str) -> None:
    """And exact search none; a small library beside has none."""
    library, _, small = large
    for one, wanted in ((library, rung), (small, "exact")):
        with database.transaction() as session, sent_by(session) as sent:
            nearest_windows(session, one.owner_id, one.space_id, one.vectors[0], Filters(), 10)
            statement, values = sent[-1]
            # So few rows may be read and sorted faster, by what PostgreSQL last knew of the table.
            session.execute(text("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off"))
            plan = str(session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one())
        used = [name for name in index_names(database) if name in plan]
        assert used == ([] if wanted == "exact" else [namespace_of(one).index_name(wanted)])


def test_a_few_rows_are_found_by_their_keys(database: Database, large: tuple[Library, ...]) -> None:
    """The windows of a rare label, where there is an index: it is not read."""
    climb(database)
    library, *_ = large
    with database.transaction() as session, sent_by(session) as sent:
        filters = Filters(labels={library.labels[0]: 0.5})
        assert nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], filters, 10)
        assert len(sent) == 2
        statement, values = sent[-1]
        plan = str(session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one())
    assert "pk_window_embeddings" in plan
    assert "near_windows" not in plan


def test_an_index_comes_with_the_limit_and_goes_at_half_of_it(database: Database, large: tuple[Library, ...]) -> None:
    """The next rung's index takes its place once it is whole; a small library has none at any time."""
    climb(database, exact_rows=10 * LARGE)
    library, other, _ = large
    names = {rung: sorted(namespace_of(one).index_name(rung) for one in (library, other)) for rung in ("hnsw", "bits")}
    assert sorted(climb(database)) == [f"make {name}" for name in names["hnsw"]]
    assert climb(database) == []
    assert climb(database, exact_rows=2 * LARGE) == []
    assert sorted(climb(database, quantised_rows=LARGE)) == [f"make {name}" for name in names["bits"]]
    assert index_names(database) == sorted([*names["hnsw"], *names["bits"]])
    assert sorted(climb(database, quantised_rows=LARGE)) == [f"drop {name}" for name in names["hnsw"]]
    assert climb(database, quantised_rows=2 * LARGE) == []
    assert sorted(climb(database, exact_rows=2 * LARGE + 2)) == [f"drop {name}" for name in names["bits"]]
    assert index_names(database) == []


def test_a_deleted_owner_s_index_goes(database: Database) -> None:
    library = new_library(database, LARGE, seed=4)
    climb(database)
    name = namespace_of(library).index_name("hnsw")
    assert name in index_names(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM owners WHERE id = :id"), {"id": library.owner_id})
    assert climb(database) == [f"drop {name}"]
    assert name not in index_names(database)


def test_an_index_whose_making_broke_off_is_made_again(database: Database, large: tuple[Library, ...]) -> None:
    """Until then searches do without: PostgreSQL leaves an index that is not whole where its making is cancelled."""
    climb(database, exact_rows=10 * LARGE)
    library, *_ = large
    errors: list[Exception] = []

    def build() -> None:
        try:
            climb(database)
        except Exception as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)

    pids = text("SELECT pid FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%'")
    with database.transaction() as writer:
        # An open transaction that has written keeps the making waiting, so that it can be cancelled for certain.
        writer.execute(text("UPDATE window_embeddings SET start_s = start_s WHERE position = 0"))
        builder = Thread(target=build)
        builder.start()
        found: list[int] = []

        def waits() -> bool:
            with database.autocommit() as session:
                found.extend(session.scalars(pids))
            return bool(found)

        assert wait_until(waits, 60.0)
        with database.autocommit() as session:
            session.execute(text("SELECT pg_cancel_backend(:pid)"), {"pid": found[0]})
        builder.join()
    assert errors
    broken = index_names(database)
    assert len(broken) == 1
    assert {rung_of(database, namespace_of(one)) for one in large} == {"exact"}
    with database.transaction() as session:
        assert nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], Filters(), 10)
    assert climb(database)[:1] == [f"drop {broken[0]}"]
    assert rung_of(database, namespace_of(library)) == "hnsw"


def test_an_extension_that_fails_is_done_without(database: Database, large: tuple[Library, ...]) -> None:
    """Here it is not even installed: pgvector's index for as many vectors is made in its place."""
    climb(database, exact_rows=10 * LARGE)
    namespace = namespace_of(large[0])
    with database.autocommit() as session:
        apply(session, Change(namespace.index_name(VCHORD.name), VCHORD, namespace, LARGE))
    assert index_names(database) == [namespace.index_name("bits")]
    assert rung_of(database, namespace) == "bits"


def test_one_courier_at_a_time_makes_indexes(
    database: Database, server_settings: Settings, large: tuple[Library, ...]
) -> None:
    """Another one makes none while it does, nor soon after; the recall of what was made is then known."""
    climb(database, exact_rows=10 * LARGE)
    settings = server_settings.model_copy(update={"search_exact_rows": EXACT_ROWS, "search_bits_rows": 1_000_000})
    indexer, stopped = Indexer(database, settings), Event()
    with database.autocommit() as session, lock_of_connection(session, Lock.INDEX) as taken:
        assert taken
        assert (indexer.index(stopped, AT_ONCE), indexer.measure(stopped, AT_ONCE)) == (0, 0)
    assert indexer.index(stopped, AT_ONCE) == 2
    assert indexer.index(stopped) == 0
    assert {rung_of(database, namespace_of(library)) for library in large[:2]} == {"hnsw"}
    stopped.set()
    assert indexer.measure(stopped, AT_ONCE) >= 1
    with database.transaction() as session:
        (known,) = [each for each in recalls(session) if each.digest == SPACE.digest]
        (finding,) = [each for each in search_findings(session) if SPACE.model in each.subject]
    assert known.recall is not None
    assert (known.recall >= 0.95, known.queries > 0, finding.well) == (True, True, True)
    assert f"{known.recall:.3f}" in finding.found


def test_a_loss_of_recall_is_found(database: Database, large: tuple[Library, ...]) -> None:
    """Here half of the vectors change while the index does not: by hand, as a fault would."""
    climb(database, exact_rows=10 * LARGE)
    climb(database)
    library, *_ = large
    name = namespace_of(library).index_name("hnsw")
    ready = text("UPDATE pg_index SET indisready = :ready WHERE indexrelid = CAST(:name AS regclass)")
    change = text(
        "UPDATE window_embeddings SET vector = subvector(vector, 257, 256) || subvector(vector, 1, 256) "
        "WHERE owner_id = :id AND position % 2 = 0"
    )
    with database.transaction() as session:
        session.execute(ready, {"name": name, "ready": False})
    with database.transaction() as session:
        session.execute(change, {"id": library.owner_id})
        session.execute(ready, {"name": name, "ready": True})
        # With fresh statistics PostgreSQL would read and sort so few rows; the connection, the only one, keeps this.
        session.execute(text("ANALYZE window_embeddings; SET enable_sort = off"))
    found = {each.digest: each for each in measure_recall(database, lambda _: None, exact_rows=EXACT_ROWS, seed=1)}
    recall = found[SPACE.digest].recall
    assert recall is not None
    assert recall < 0.9
    with database.transaction() as session:
        (finding,) = [each for each in search_findings(session) if SPACE.model in each.subject]
    assert not finding.well
    assert "near_" in finding.advice
    with database.autocommit() as session:
        session.execute(text(f"DROP INDEX CONCURRENTLY {name}"))


def test_spaces_without_an_index_are_searched_exactly(database: Database, large: tuple[Library, ...]) -> None:
    """Their recall is 1, which no query had to show."""
    climb(database, exact_rows=10 * LARGE)
    found = {each.digest: each for each in measure_recall(database, lambda _: None, exact_rows=EXACT_ROWS)}
    assert (found[SPACE.digest].recall, found[SPACE.digest].queries) == (1.0, 0)


def test_tracks_climb_the_same_ladder(database: Database, large: tuple[Library, ...]) -> None:
    """`similar` asks their index, and finds the same."""
    climb(database, exact_rows=10 * LARGE)
    library, *_ = large
    namespace = namespace_of(library, Of.TRACKS)
    with database.transaction() as session:
        track_id = session.scalar(
            text("SELECT min(track_id) FROM embeddings WHERE owner_id = :id"), {"id": library.owner_id}
        )
        assert track_id is not None
        before = nearest_to(session, search_from(session, library.owner_id, track_id, SPACE), 20)
    climb(database, exact_rows=LARGE // WINDOWS_A_TRACK)
    assert rung_of(database, namespace) == "hnsw"
    with database.transaction() as session, sent_by(session) as sent:
        search = search_from(session, library.owner_id, track_id, SPACE)
        after = nearest_to(session, search, 20)
        statement, values = next((sql, given) for sql, given in sent if "near AS MATERIALIZED" in sql)
        # So few rows are read faster than any index: it is enough that this one could give the order.
        session.execute(text("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off"))
        plan = str(session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one())
        for filters in (Filters(labels={library.labels[1]: 0.5}), Filters(words="sound 3"), Filters(least_s=60.0)):
            exact = nearest_rows(session, namespace, search.vector, filters, 10, exactly=True)
            found = nearest_tracks(session, library.owner_id, SPACE, search.vector, filters, 10)
            assert [hit.track_id for hit in found] == [row.track_id for row in exact]
    assert len(set(after) & set(before)) >= 19
    assert track_id not in after
    assert namespace.index_name("hnsw") in plan
    climb(database)


@pytest.mark.parametrize("limit", [10, 300])
def test_labels_are_searched_by_their_sum(database: Database, large: tuple[Library, ...], limit: int) -> None:
    """As by reading all windows: of one label or several, with weights above and below zero, with filters."""
    library, *_ = large
    rare, first, second, third, *_ = library.labels
    every = text(
        "SELECT -(heard <#> CAST(:weights AS sparsevec)) FROM window_embeddings JOIN tracks ON tracks.id = track_id "
        "WHERE window_embeddings.owner_id = :id AND duration_s <= :most_s "
        "AND (heard <#> CAST(:weights AS sparsevec)) < 0 ORDER BY heard <#> CAST(:weights AS sparsevec) LIMIT :limit"
    )
    asked: list[dict[int, float]] = [
        {first: 1.0},
        {rare: 1.0},
        {first: 1.0, second: 0.5, third: -0.7},
        {rare: 1.0, first: 1.0},
    ]
    for weights in asked:
        for most_s in (1e6, 200.0):
            filters = Filters(most_s=most_s)
            with database.transaction() as session:
                values = {"weights": sparse(weights), "id": library.owner_id, "most_s": most_s, "limit": limit}
                wanted = list(session.scalars(every, values))
                found = windows_by_labels(session, library.owner_id, weights, filters, limit)
            assert [hit.similarity for hit in found] == pytest.approx(wanted)
            for hit in found[:3]:
                assert hit.similarity == pytest.approx(
                    sum(weights.get(id_, 0) * p for id_, p in hit.heard.items()), abs=1e-6
                )


def test_the_way_back_works_with_indexes(database_url: str, database: Database, large: tuple[Library, ...]) -> None:
    """The release before has no such indexes; its own is there again, and vectors are what they were."""
    climb(database)
    library, *_ = large
    vectors = text("SELECT CAST(vector AS halfvec(512)) FROM embeddings WHERE owner_id = :id ORDER BY track_id LIMIT 3")
    with database.transaction() as session:
        before = [str(vector) for vector in session.scalars(vectors, {"id": library.owner_id})]
    config = alembic_config(database_url)
    command.downgrade(config, "0011")
    assert index_names(database) == []
    with database.transaction() as session:
        assert [str(vector) for vector in session.scalars(vectors, {"id": library.owner_id})] == before
        assert session.scalar(text("SELECT to_regclass('ix_embeddings_vector') IS NOT NULL"))
    command.upgrade(config, "head")
    climb(database)
