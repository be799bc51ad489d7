"""Several things at once: what has all of them comes first, in a window, in windows that touch, or in a track."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.search import together
from phonoscope.db.search.filters import Filters
from phonoscope.db.search.hits import WindowHit
from phonoscope.db.search.together import windows_of_all
from phonoscope.text.meant import SLACK
from tests.integration.libraries import Library, new_library
from tests.integration.test_windows import embedded, ids, windows

_KEPT = text(
    "SELECT track_id, position, start_s, CAST(heard AS text) AS heard FROM window_embeddings WHERE owner_id = :owner_id"
)


def of_all(
    database: Database, owner_id: str, *things: Mapping[int, float], in_track: bool = False, **more: Mapping[int, float]
) -> list[WindowHit]:
    with database.transaction() as session:
        unwanted = more.get("unwanted", {})
        return windows_of_all(session, owner_id, things, unwanted, Filters(), 20, in_track=in_track)


def mean(*heard: float) -> float:
    return float(np.exp(np.log(np.array(heard) + SLACK).mean()) - SLACK)


def test_what_has_both_comes_before_what_has_more_of_one(database: Database) -> None:
    """In one window; then in windows that touch; one thing alone is found last, and not beside what is further away."""
    held = embedded(database, {"": windows((0.95, 0, 0), (0, 0, 0.5), (0, 0, 0), (0.3, 0.3, 0), (0, 0, 0), (0, 0, 0))})
    known = ids(database)
    dog, rain = {known["dog"]: 1.0}, {known["rain"]: 1.0}
    found = of_all(database, held.track.owner_id, dog, rain)
    assert [hit.position for hit in found] == [3, 0]
    assert [hit.similarity for hit in found] == pytest.approx([0.3, mean(0.95, 0.0)])
    assert found[0].heard == pytest.approx({known["dog"]: 0.3, known["rain"]: 0.3})
    beside = embedded(database, {"": windows((0, 0.9, 0), (0.4, 0, 0), (0, 0, 0.3), (0, 0, 0.2), (0, 0.8, 0))})
    found = of_all(database, beside.track.owner_id, dog, rain)
    assert [(hit.position, round(hit.similarity, 5)) for hit in found] == [
        (0, round(mean(0.9, 0.4), 5)),
        (1, round(mean(0.9, 0.4), 5)),
        (4, round(mean(0.8, 0.0), 5)),
    ]


def test_a_track_has_both_wherever_they_are(database: Database) -> None:
    """Each track once, with its best window; what should not be heard there counts against it."""
    held = embedded(database, {"": windows((0.6, 0, 0), (0, 0, 0), (0, 0, 0.9), (0, 0, 0), (0, 0.5, 0))})
    known = ids(database)
    dog, rain = {known["dog"]: 1.0}, {known["rain"]: 1.0}
    (only,) = of_all(database, held.track.owner_id, dog, rain, in_track=True)
    assert (only.track_id, only.position) == (held.track.id, 0)
    assert only.similarity == pytest.approx(mean(0.6, 0.5))
    both = embedded(database, {"": windows((0.6, 0.6, 0.5))})
    (less,) = of_all(database, both.track.owner_id, dog, rain, in_track=True, unwanted={known["bell"]: 1.0})
    assert less.similarity == pytest.approx(0.1)
    assert of_all(database, both.track.owner_id, {known["bell"]: 1.0}, {}, unwanted=dog) == []


def test_a_label_that_nothing_has_leaves_the_other(database: Database) -> None:
    """A thing whose labels no window was asked for yet, and things of several labels."""
    held = embedded(database, {"": windows((0.6, 0.2, 0.0))})
    known = ids(database)
    (found,) = of_all(database, held.track.owner_id, {known["dog"]: 0.5, known["rain"]: 0.5}, {})
    assert found.similarity == pytest.approx(mean(0.4, 0.0))


@pytest.mark.parametrize("first_tracks", [1, 50])
@pytest.mark.parametrize("in_track", [False, True])
def test_nothing_better_is_left_out(
    database: Database, monkeypatch: pytest.MonkeyPatch, first_tracks: int, in_track: bool
) -> None:
    """However few tracks are looked at first, it is what a look at all windows gives."""
    monkeypatch.setattr(together, "_FIRST_TRACKS", first_tracks)
    monkeypatch.setattr(together, "_MORE", 2)
    library = new_library(database, 400)
    things = [dict.fromkeys(library.labels[1:3], 0.5), {library.labels[3]: 1.0}, {library.labels[0]: 1.0}]
    unwanted = {library.labels[4]: 0.2}
    with database.transaction() as session:
        found = windows_of_all(session, library.owner_id, things, unwanted, Filters(), 5, in_track=in_track)
    wanted = everything(database, library, things, unwanted, in_track=in_track)[:5]
    assert [hit.similarity for hit in found] == pytest.approx(wanted, abs=1e-5)


def everything(
    database: Database,
    library: Library,
    things: Sequence[Mapping[int, float]],
    unwanted: Mapping[int, float],
    *,
    in_track: bool,
    only: Container[str] | None = None,
) -> list[float]:
    """The scores of all windows, or tracks, the best first; with ``only`` of these tracks."""
    with database.transaction() as session:
        every = session.execute(_KEPT, {"owner_id": library.owner_id}).all()
    rows = [row for row in every if only is None or row.track_id in only]
    heard = [dict(pair.split(":") for pair in row.heard[1 : row.heard.index("}")].split(",") if pair) for row in rows]

    def summed(weights: Mapping[int, float]) -> NDArray[np.float64]:
        return np.array([sum(float(of.get(str(label), 0.0)) * each for label, each in weights.items()) for of in heard])

    each, against = np.stack([summed(thing) for thing in things]), summed(unwanted)
    tracks, starts = np.array([row.track_id for row in rows]), np.array([row.start_s for row in rows])
    scores, best = np.zeros(len(rows)), dict[str, tuple[tuple[float, int], float]]()
    for number, (track, start_s) in enumerate(zip(tracks, starts, strict=True)):
        own = (tracks == track) & (each > 0.0).any(axis=0)
        if not own[number]:
            continue
        near = own & (np.abs(starts - start_s) <= 5.0)
        scores[number] = mean(*each[:, near].max(axis=1)) - against[number]
        of_track = mean(*each[:, own].max(axis=1)) - against[number]
        key = (scores[number], -number)
        if track not in best or key > best[track][0]:
            best[track] = key, of_track
    found = [of_track for _, of_track in best.values()] if in_track else scores.tolist()
    return sorted((score for score in found if score > 0.0), reverse=True)
