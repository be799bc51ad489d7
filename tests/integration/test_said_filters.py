"""Labels that an owner confirmed or rejected, as filters of a search: what is found, and by which indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.search import confirmed
from phonoscope.db.search.filters import AnyLabel, Filters
from phonoscope.db.search.hits import _heard
from phonoscope.db.search.namespaces import Of
from phonoscope.db.search.nearest import nearest_rows, nearest_windows, windows_by_labels
from phonoscope.db.search.reviewed import SaidLabel
from phonoscope.db.search.together import windows_of_all
from tests.integration.libraries import LABELS, WINDOWS_A_TRACK, Library, new_library
from tests.integration.life import empty
from tests.integration.rungs import APPLY, LARGE, climb, keys, namespace_of, sent_by

LEAST = 0.5
YES, NO = "confirmed", "rejected"
HEARD = LABELS[1]
_SAY = text(
    """
    INSERT INTO annotations (track_id, owner_id, label, state, start_s, end_s)
    SELECT :track_id, :owner_id, :label, :state, CAST(:start_s AS float8), CAST(:end_s AS float8)
    """
)
_ROWS = text(
    """
    SELECT track_id, position, start_s, end_s, sparsevec_send(heard) AS heard FROM window_embeddings
    WHERE owner_id = :owner_id ORDER BY track_id, position
    """
)

_ANSWERED = text(
    """
    INSERT INTO track_labels (track_id, model, position, labels, finished_at) VALUES (:track_id, 'head', 0, '{}', now())
    """
)


class Said(NamedTuple):
    """What is said in the track with this number, of a label; times are from the start of its first window."""

    track: int
    label: str
    state: str
    start_s: float | None = None
    end_s: float | None = None


SAID = [
    Said(0, HEARD, NO),
    Said(1, HEARD, NO),
    Said(1, HEARD, YES, 10.0, 14.0),
    Said(2, HEARD, YES),
    Said(2, HEARD, NO, 20.0, 30.0),
    Said(3, HEARD, NO, 0.0, 60.0),
    Said(4, HEARD, NO, 0.0, 30.0),
    Said(5, HEARD, YES, 12.5),
    Said(6, HEARD, NO, 12.5),
    Said(7, "mine", YES),
    Said(8, "mine", YES, 3.0, 8.0),
    Said(9, "mine", NO),
    Said(10, "mine", NO),
    Said(10, "mine", YES, 0.0, 5.0),
]


class Window(NamedTuple):
    """A window, and how probable the heard label is in it."""

    track_id: str
    position: int
    start_s: float
    end_s: float
    probability: float


@pytest.fixture(scope="module")
def said(database_url: str) -> Iterator[tuple[Library, list[Window], list[str]]]:
    """A library with what is said of it, its windows, and its tracks."""
    database = Database(database_url, pool_size=1)
    empty(database)
    library, other = new_library(database, LARGE), new_library(database, 200, seed=3)
    windows = windows_of(database, library)
    tracks = list(dict.fromkeys(window.track_id for window in windows))
    with database.transaction() as session:
        for each in SAID:
            first = windows[each.track * WINDOWS_A_TRACK].start_s
            values = {"owner_id": library.owner_id, **each._asdict(), "track_id": tracks[each.track]}
            placed = {name: None if values[name] is None else values[name] + first for name in ("start_s", "end_s")}
            session.execute(_SAY, values | placed)
        strange = {"owner_id": other.owner_id, "state": YES, "start_s": None, "end_s": None}
        theirs = session.scalar(text("SELECT min(id) FROM tracks WHERE owner_id = :owner_id"), strange)
        session.execute(_SAY, {**strange, "track_id": theirs, "label": "mine"})
    yield library, windows, tracks
    empty(database)
    climb(database)
    database.close()


def windows_of(database: Database, library: Library) -> list[Window]:
    """The windows of a library, its first track's first."""
    with database.transaction() as session:
        rows = session.execute(_ROWS, {"owner_id": library.owner_id}).all()
    found = [Window(row[0], row[1], row[2], row[3], _heard(row.heard).get(library.labels[1], 0.0)) for row in rows]
    return sorted(found, key=lambda window: (window.start_s, window.position))


def of(library: Library, label: str) -> AnyLabel:
    ids = frozenset({library.labels[1]} if label == HEARD else ())
    return AnyLabel(ids, LEAST, label, said=True)


def is_in(each: Said, window: Window, first_s: float) -> bool:
    """Whether what is said of a span or a point is of a window."""
    start_s = (each.start_s or 0.0) + first_s
    if each.end_s is None:
        return window.start_s <= start_s <= window.end_s
    return start_s < window.end_s and each.end_s + first_s > window.start_s


def has(window: Window, label: str, number: int, first_s: float) -> bool:
    """Whether a window has a label: by what is said of parts of its track, else of all of it, else by what is heard."""
    own = [each for each in SAID if (each.track, each.label) == (number, label)]
    parts = [each.state for each in own if each.start_s is not None and is_in(each, window, first_s)]
    for states in (parts, [each.state for each in own if each.start_s is None]):
        if states:
            return YES in states
    return label == HEARD and window.probability >= LEAST


def wanted(windows: Sequence[Window], label: str) -> set[tuple[str, int]]:
    found = set()
    for at, window in enumerate(windows):
        number = at // WINDOWS_A_TRACK
        if has(window, label, number, windows[number * WINDOWS_A_TRACK].start_s):
            found.add((window.track_id, window.position))
    return found


@pytest.mark.parametrize("way", ["exact", "indexed"])
@pytest.mark.parametrize("label", [HEARD, "mine"])
def test_the_owner_s_word_counts_before_what_was_heard(
    database: Database, said: tuple[Library, list[Window], list[str]], label: str, way: str
) -> None:
    """Of windows, and of tracks: those in which a window has it; as reading all of them says, on each way."""
    library, windows, _ = said
    climb(database, exact_rows=10 * LARGE if way == "exact" else LARGE // WINDOWS_A_TRACK)
    filters = Filters(any_of=[of(library, label)])
    expected = wanted(windows, label)
    assert 10 < len(expected) < len(windows)
    with database.transaction() as session:
        for vector in library.vectors[:3]:
            nearest = nearest_rows(session, namespace_of(library), vector, filters, LARGE, exactly=True)
            found = nearest_windows(session, library.owner_id, library.space_id, vector, filters, 10)
            assert set(keys(nearest)) == expected
            assert keys(found) == keys(nearest[:10])
            tracks = nearest_rows(session, namespace_of(library, Of.TRACKS), vector, filters, LARGE)
            assert {row.track_id for row in tracks} == {track_id for track_id, _ in expected}


def test_a_word_counts_beside_other_filters(database: Database, said: tuple[Library, list[Window], list[str]]) -> None:
    """Two labels must both hold, whichever is first; windows found by words meet them too."""
    library, windows, tracks = said
    climb(database, exact_rows=10 * LARGE)
    both = [AnyLabel(frozenset({library.labels[1]}), LEAST, HEARD, said=True), of(library, "mine")]
    expected = wanted(windows, HEARD) & wanted(windows, "mine")
    assert expected
    for labels in (both, both[::-1]):
        with database.transaction() as session:
            found = nearest_rows(session, namespace_of(library), library.vectors[0], Filters(any_of=labels), LARGE)
            words = windows_by_labels(
                session, library.owner_id, {library.labels[2]: 1.0}, Filters(any_of=labels), LARGE
            )
        assert set(keys(found)) == expected
        assert words
        assert set(keys(words)) <= expected
    assert tracks[7] in {track_id for track_id, _ in expected}


def test_a_label_of_one_model_counts_where_it_answered(
    database: Database, said: tuple[Library, list[Window], list[str]]
) -> None:
    """As the library's filter has it; what is rejected is gone by whatever model."""
    library, windows, tracks = said
    filters = Filters(any_of=[of(library, HEARD)._replace(of="head")])
    with database.transaction() as session:
        session.execute(_ANSWERED, {"track_id": tracks[2]})
        rows = nearest_rows(session, namespace_of(library), library.vectors[0], filters, LARGE, exactly=True)
    found = set(keys(rows))
    assert {key for key in wanted(windows, HEARD) if key[0] == tracks[2]} <= found
    assert tracks[0] not in {track_id for track_id, _ in found}
    heard = {(each.track_id, each.position) for each in windows if each.probability >= LEAST}
    assert {key for key in found if key[0] == tracks[5]} == {key for key in heard if key[0] == tracks[5]}


def test_what_is_said_is_read_once_where_many_windows_are_looked_at(
    database: Database, said: tuple[Library, list[Window], list[str]]
) -> None:
    """And where few are, they are found by the index of what is confirmed: no window is read for nothing."""
    library, *_ = said
    filters = Filters(any_of=[of(library, "mine")])
    for exact_rows, used in ((10 * LARGE, "hashed SubPlan"), (LARGE // 2, "pk_window_embeddings")):
        climb(database, exact_rows=exact_rows)
        with database.transaction() as session, sent_by(session) as sent:
            session.execute(text("SET LOCAL enable_seqscan = off; ANALYZE annotations, window_embeddings"))
            assert nearest_windows(session, library.owner_id, library.space_id, library.vectors[0], filters, 10)
            plan = plan_of(session, *sent[-1])
        assert used in plan
        assert "ix_annotations_owner_id_label_state" in plan
        assert "near_windows" not in plan


def plan_of(session: Any, statement: str, values: Any) -> str:
    return str(session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one())


@pytest.mark.long
def test_a_search_by_labels_counts_what_is_said(
    database: Database, said: tuple[Library, list[Window], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A confirmed label as if it was surely heard, a rejected one as if it was not; others as they are."""
    library, windows, tracks = said
    monkeypatch.setattr(confirmed, "_OF_WHOLE", WINDOWS_A_TRACK)
    climb(database, exact_rows=10 * LARGE)
    label = library.labels[1]
    own = [SaidLabel(HEARD, frozenset({label})), SaidLabel("mine", frozenset({-1}))]
    with database.transaction() as session:
        found = windows_by_labels(session, library.owner_id, {label: 1.0}, Filters(), LARGE, own[:1])
        mine = windows_by_labels(session, library.owner_id, {-1: 1.0}, Filters(), LARGE, own[1:])
        each = windows_by_labels(session, library.owner_id, {-1: 1.0}, Filters(), LARGE, own[1:], in_track=True)
    sure = {(each.track_id, each.position) for at, each in enumerate(windows) if is_confirmed(each, at, windows)}
    assert {(hit.track_id, hit.position) for hit in found if hit.similarity == 1.0} == sure
    assert not {hit.track_id for hit in found} & {tracks[0], tracks[3]}
    assert all(hit.heard[label] == pytest.approx(hit.similarity) for hit in found)
    assert set(keys(mine)) == wanted(windows, "mine")
    assert {hit.heard[-1] for hit in mine} == {hit.similarity for hit in mine} == {1.0}
    assert {hit.track_id for hit in each} == {hit.track_id for hit in mine}
    assert len(each) == 3


def test_a_recording_that_is_confirmed_as_a_whole_hides_no_other(
    database: Database, said: tuple[Library, list[Window], list[str]]
) -> None:
    """A few windows of it are found, the ones in which most is heard; of a span all; of what is rejected none."""
    library, windows, tracks = said
    label, limit = library.labels[1], 2 * WINDOWS_A_TRACK
    own = [SaidLabel(HEARD, frozenset({label}))]
    with database.transaction() as session:
        for number in (11, 12, 13, 14):
            values = {"owner_id": library.owner_id, "track_id": tracks[number], "label": HEARD, "state": YES}
            session.execute(_SAY, {**values, "start_s": None, "end_s": None})
            first = windows[number * WINDOWS_A_TRACK]
            part = {"start_s": first.start_s, "end_s": first.start_s + 20.0}
            if number > 12:
                session.execute(_SAY, values | part | {"state": NO if number == 13 else YES})
        found = windows_by_labels(session, library.owner_id, {label: 1.0}, Filters(), limit, own)
        session.rollback()
    of_track = {track: [hit.position for hit in found if hit.track_id == track] for track in tracks}
    each = [of_track[tracks[number]] for number in (11, 12, 13)]
    assert [len(positions) for positions in each] == [confirmed._OF_WHOLE] * 3
    first_kept = [window for window in windows if window.track_id == tracks[13]][8].position
    assert all(position >= first_kept for position in each[2])
    assert len(of_track[tracks[14]]) > confirmed._OF_WHOLE
    strongest = max((window for window in windows if window.track_id == tracks[11]), key=lambda each: each.probability)
    assert strongest.position in each[0]
    assert len(found) == limit
    assert any(hit.similarity < 1.0 for hit in found)


def test_what_is_confirmed_counts_among_several_things(
    database: Database, said: tuple[Library, list[Window], list[str]]
) -> None:
    """A label that no model has, too: first where another thing is heard as well; of two such labels all are found."""
    library, _, tracks = said
    heard, mine = {library.labels[1]: 1.0}, {-1: 1.0}
    own = [SaidLabel("mine", frozenset({-1}))]
    for in_track in (False, True):
        with database.transaction() as session:
            found = windows_of_all(session, library.owner_id, [heard, mine], {}, Filters(), 3, own, in_track=in_track)
            alone = windows_of_all(
                session, library.owner_id, [mine, {-2: 1.0}], {}, Filters(), LARGE, own, in_track=in_track
            )
        assert {hit.track_id for hit in found} <= {tracks[7], tracks[8], tracks[10]}
        assert found[0].similarity > 0.3
        assert {hit.track_id for hit in alone} == {tracks[7], tracks[8], tracks[10]}


def test_things_together_count_what_is_said(database: Database, said: tuple[Library, list[Window], list[str]]) -> None:
    """Where one of two things is rejected, almost nothing of both is heard, and it is no reason any more."""
    library, _, tracks = said
    heard, other = library.labels[1], library.labels[2]
    own = [SaidLabel(HEARD, frozenset({heard}))]
    found = {}
    for word in ((), own):
        with database.transaction() as session:
            things = [{heard: 1.0}, {other: 1.0}]
            hits = windows_of_all(session, library.owner_id, things, {}, Filters(), LARGE, word, in_track=False)
        found[len(word)] = [hit for hit in hits if hit.track_id == tracks[0]]
    assert max(hit.similarity for hit in found[0]) > 0.3
    assert max(hit.similarity for hit in found[1]) < 0.05
    assert all(heard not in hit.heard for hit in found[1])
    assert any(other in hit.heard for hit in found[1])


def test_a_rival_takes_the_place_of_an_applied_label(
    database: Database, said: tuple[Library, list[Window], list[str]]
) -> None:
    """Where the classifier gives one label at a time and the owner confirmed another of its labels."""
    library, _, tracks = said
    wren = AnyLabel(frozenset(), LEAST, "wren", ("birds",), {"birds": ["mine"]})
    with database.transaction() as session:
        session.execute(APPLY, {"owner_id": library.owner_id, "ending": "%"})
        vector = library.vectors[0]
        rows = nearest_rows(session, namespace_of(library, Of.TRACKS), vector, Filters(any_of=[wren]), LARGE)
        windows = nearest_rows(session, namespace_of(library), vector, Filters(any_of=[wren]), LARGE)
    assert {row.track_id for row in rows} == {row.track_id for row in windows} == {*tracks} - {tracks[7]}


def is_confirmed(window: Window, at: int, windows: Sequence[Window]) -> bool:
    """Whether the heard label is confirmed of a window, so that its probability does not count."""
    number = at // WINDOWS_A_TRACK
    return has(window._replace(probability=0.0), HEARD, number, windows[number * WINDOWS_A_TRACK].start_s)
