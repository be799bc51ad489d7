"""Windows as they are kept and found: with the end of their task, in one space, of one owner, gone with the track."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.erase import delete_track
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.nearest import WindowHit, nearest_tracks, nearest_windows, windows_by_labels
from phonoscope.db.search.together import windows_of_all
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.windows import label_ids, space_id
from phonoscope.states import TaskName
from phonoscope.windows import HeardLabels, Windows
from phonoscope.work import Claim, Outcome, Space
from tests.integration.libraries import SPACE as OF_LIBRARY
from tests.integration.libraries import WINDOWS_A_TRACK, new_library
from tests.integration.life import ONE, claimed, empty, end, new_job, new_track

SPACE = Space("m", "sha256:windows")
LABELS = ["dog", "rain", "bell"]
TABLES = ("window_embeddings", "label_peaks")
_UNDER_ANOTHER_NAME = text(
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    SELECT track_id, owner_id, :name, model_digest, vector FROM embeddings
    WHERE owner_id = :owner_id AND model_name = :model
    """
)


@pytest.fixture(autouse=True)
def nothing_waits(database: Database) -> None:
    """What is claimed is this test's own."""
    empty(database)


def axis(number: int) -> NDArray[np.float32]:
    """A unit vector."""
    vector = np.zeros(512, np.float32)
    vector[number] = 1.0
    return vector


def windows(
    *probabilities: tuple[float, float, float], first_axis: int = 0, positions: list[int] | None = None
) -> Windows:
    """One for each row of probabilities, five seconds apart, each along an axis of its own."""
    count = len(probabilities)
    starts = np.arange(count) * 5.0
    return Windows(
        np.array(positions if positions is not None else range(count)),
        np.stack([starts, starts + 5.0], axis=1),
        np.eye(512, dtype=np.float32)[:count],
        (HeardLabels("head", "sha256:h", LABELS, np.array(probabilities, np.float32)),),
    )


def embedded(database: Database, by_stem: dict[str, Windows], held: Claim | None = None) -> Claim:
    """A claim that ended with these windows; of a new track unless one is given."""
    if held is None:
        track = new_track(database)
        new_job(database, track, [TaskName.EMBED])
        held = claimed(database)
    vectors = {SPACE: dict.fromkeys(by_stem, ONE)}
    assert end(database, held, embed=Outcome({"b": 2}, None, "m", "d", vectors=vectors, windows={SPACE: by_stem})) == []
    return held


def nearest(
    database: Database, owner_id: str, vector: NDArray[np.float32], filters: Filters = Filters()
) -> list[WindowHit]:
    with database.transaction() as session:
        return nearest_windows(session, owner_id, space_id(session, SPACE), vector, filters, 10)


def ids(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        return label_ids(session, "head", "sha256:h", LABELS)


def counts(database: Database, track_id: str) -> list[int]:
    with database.transaction() as session:
        count = "SELECT count(*) FROM {} WHERE track_id = :id"
        return [session.scalar(text(count.format(table)), {"id": track_id}) or 0 for table in TABLES]


def test_the_nearest_window_is_found_with_its_moment(database: Database) -> None:
    """Of its owner alone."""
    held = embedded(database, {"": windows((0.9, 0.0, 0.01), (0.0, 0.5, 0.04), positions=[0, 3])})
    embedded(database, {"": windows((0.9, 0.0, 0.0), (0.0, 0.5, 0.0))})
    first, second = nearest(database, held.track.owner_id, axis(1))
    assert (first.track_id, first.position, first.start_s, first.end_s) == (held.track.id, 3, 5.0, 10.0)
    assert (first.similarity, second.similarity) == (1.0, 0.0)
    np.testing.assert_array_equal(first.vector, axis(1))


def test_labels_are_searched_by_their_weighted_sum(database: Database) -> None:
    """What has two of them comes before what has one; a weight below zero counts against."""
    held = embedded(database, {"": windows((0.6, 0.0, 0.0), (0.4, 0.4, 0.0), (0.0, 0.5, 0.5), (0.0, 0.0, 0.9))})
    known = ids(database)

    def found(**weights: float) -> list[int]:
        with database.transaction() as session:
            asked = {known[label]: weight for label, weight in weights.items()}
            hits = windows_by_labels(session, held.track.owner_id, asked, Filters(), 10)
        return [hit.position for hit in hits]

    assert found(dog=1.0, rain=1.0) == [1, 0, 2]
    assert found(rain=1.0, bell=-0.9) == [1, 2]


def test_filters_leave_out_what_does_not_hold(database: Database) -> None:
    """Labels by their probability in the window, tracks by name and duration; a stem has windows of its own."""
    held = embedded(database, {"": windows((0.6, 0.0, 0.0), (0.4, 0.4, 0.0)), "drums": windows((0.0, 0.0, 0.0))})
    owner_id, dog = held.track.owner_id, ids(database)["dog"]
    assert [hit.position for hit in nearest(database, owner_id, axis(1), Filters(labels={dog: 0.5}))] == [0]
    assert [hit.position for hit in nearest(database, owner_id, axis(0), Filters(stem="drums"))] == [0]
    for nothing in (Filters(least_s=1e6), Filters(words="no such name"), Filters(without=[held.track.id])):
        assert nearest(database, owner_id, axis(0), nothing) == []
    with database.transaction() as session:
        for least, tracks in ((0.5, [held.track.id]), (0.7, [])):
            hits = nearest_tracks(session, owner_id, SPACE, axis(0), Filters(labels={dog: least}), 10)
            assert [hit.track_id for hit in hits] == tracks


def test_a_label_that_a_track_has_anywhere_is_enough_where_that_is_asked(database: Database) -> None:
    """Of windows by a vector and by words: those of tracks without it are left out."""
    held = embedded(database, {"": windows((0.6, 0.0, 0.0), (0.0, 0.5, 0.4))})
    owner_id, known = held.track.owner_id, ids(database)
    for label, least, near, heard in (("dog", 0.5, [1, 0], [1]), ("dog", 0.7, [], []), ("bell", 0.3, [1, 0], [1])):
        filters = Filters(labels={known[label]: least}, somewhere=True)
        assert [hit.position for hit in nearest(database, owner_id, axis(1), filters)] == near
        with database.transaction() as session:
            rain = windows_by_labels(session, owner_id, {known["rain"]: 1.0}, filters, 10)
            both = [{known["dog"]: 1.0}, {known["rain"]: 1.0}]
            together = windows_of_all(session, owner_id, both, {}, filters, 10, in_track=True)
        assert [hit.position for hit in rain] == heard
        assert {hit.track_id for hit in together} == ({held.track.id} if heard else set())


def test_tracks_of_equal_weights_under_two_names_are_found_once_each(database: Database) -> None:
    """As many as are asked for."""
    library = new_library(database, 5 * WINDOWS_A_TRACK)
    asked = library.owner_id, OF_LIBRARY, library.vectors[0], Filters()
    with database.transaction() as session:
        wanted = [hit.track_id for hit in nearest_tracks(session, *asked, 9)]
        for name in ("another", "a third"):
            session.execute(
                _UNDER_ANOTHER_NAME, {"owner_id": library.owner_id, "model": OF_LIBRARY.model, "name": name}
            )
        for limit in (1, 2, 3, 5, 9):
            assert [hit.track_id for hit in nearest_tracks(session, *asked, limit)] == wanted[:limit]
    assert len(wanted) == 5


def test_windows_are_replaced_and_go_with_the_track(database: Database) -> None:
    """Those of a stem that is no more go when stems are embedded again; a track without stems keeps its stems'."""
    held = embedded(database, {"": windows((0.6, 0.0, 0.0), (0.4, 0.4, 0.0)), "drums": windows((0.0, 0.1, 0.0))})
    assert counts(database, held.track.id) == [3, 3]
    for by_stem, rows in (({"": windows((0.1, 0.0, 0.0))}, 2), ({"": windows((0.1, 0.0, 0.0)), "bass": windows()}, 1)):
        with database.transaction() as session:
            track = session.get_one(type(new_track(database)), held.track.id)
        new_job(database, track, [TaskName.EMBED])
        embedded(database, by_stem, claimed(database))
        assert counts(database, held.track.id)[0] == rows
    with database.transaction() as session:
        delete_track(session, Actor(held.track.owner_id), held.track.id)
    assert counts(database, held.track.id) == [0, 0]


def test_under_a_lost_lease_nothing_is_kept(database: Database) -> None:
    track = new_track(database)
    new_job(database, track, [TaskName.EMBED])
    held = claimed(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET lease_token = 'another' WHERE lease_token = :own"), {"own": held.token})
    outcome = Outcome({"b": 2}, None, "m", "d", windows={SPACE: {"": windows((0.6, 0.0, 0.0))}})
    assert end(database, held, embed=outcome) is None
    assert counts(database, track.id) == [0, 0]
