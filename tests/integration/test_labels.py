"""Labels that owners confirm and reject, as the database keeps them and as they count beside predictions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Vocabulary
from phonoscope.db.access.engine import Database
from phonoscope.db.library.annotations import (
    MOST_CHANGES,
    apply_changes,
    labelled_tracks,
    list_changes,
    lock_tracks,
    revision_of,
    undone,
)
from phonoscope.db.library.counts import commonest_labels
from phonoscope.db.library.erase import delete_track
from phonoscope.db.library.labels import TrackLabels, count_labels, labels_of
from phonoscope.db.library.shown import failed_of, shown_of
from phonoscope.db.library.tracks import list_tracks
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.create import create_job
from phonoscope.errors import NothingToUndo
from phonoscope.states import LabelState, TaskName
from phonoscope.work import Outcome
from tests.integration.life import claimed, empty, end, heard_by, new_job, new_track

NO, YES = LabelState.REJECTED, LabelState.CONFIRMED
KNOWN = {
    "genre": Vocabulary(frozenset({"jazz", "rock", "disco"}), several=False),
    "tags": Vocabulary(frozenset({"jazz", "guitar", "sad"}), several=True),
}


@pytest.fixture(autouse=True)
def nothing_else(database: Database) -> None:
    """No other test's tasks queue here."""
    empty(database)


def said(*labels: tuple[str, LabelState] | str) -> list[Annotation]:
    """Of the whole track; a text alone is a confirmed label."""
    return [Annotation(each, YES) if isinstance(each, str) else Annotation(*each) for each in labels]


def put(database: Database, track: TrackRow, wanted: list[Annotation], key_id: str = "key") -> int:
    """Makes these the whole set; returns the revision."""
    with database.transaction() as session:
        labelled = labelled_tracks(session, lock_tracks(session, track.owner_id, [track.id]))[track.id]
        apply_changes(session, Actor(track.owner_id, key_id), "replaced", [labelled.change_to(wanted)])
        return revision_of(session, track.id)


def undo(database: Database, track: TrackRow) -> None:
    with database.transaction() as session:
        labelled = labelled_tracks(session, lock_tracks(session, track.owner_id, [track.id]))[track.id]
        apply_changes(session, Actor(track.owner_id), "undone", [undone(session, labelled)])


def kept(database: Database, track: TrackRow) -> list[Annotation]:
    with database.transaction() as session:
        return labelled_tracks(session, {track.id: track})[track.id].annotations


def heard(database: Database, track: TrackRow, *answers: tuple[str, list[str]]) -> None:
    new_job(database, track, [TaskName.CLASSIFY])
    end(database, claimed(database), classify=heard_by(*answers))


def labels(database: Database, track: TrackRow) -> TrackLabels:
    with database.transaction() as session:
        return labels_of(session, [track.id], KNOWN)[track.id]


def found(session: Session, track: TrackRow, label: str, model: str | None = None) -> bool:
    rows, _ = list_tracks(session, track.owner_id, cursor=None, limit=1, label=label, model=model, vocabularies=KNOWN)
    return [row.id for row in rows] == [track.id]


def filters(database: Database, track: TrackRow) -> dict[tuple[str, str | None], bool]:
    """By which labels, of which models, the track is found."""
    with database.transaction() as session:
        return {
            (label, model): found(session, track, label, model)
            for label in ("jazz", "rock", "guitar", "sad", "mine")
            for model in (None, "genre", "tags")
        }


def counted(database: Database, track: TrackRow, model: str | None) -> dict[str, int]:
    """How many of the owner's tracks have each label."""
    with database.transaction() as session:
        return dict(commonest_labels(session, track.owner_id, model, KNOWN, 100))


def agrees(database: Database, track: TrackRow) -> TrackLabels:
    """The track's labels; fails unless the filters find it by exactly these, and they are counted."""
    shown = labels(database, track)
    for (label, model), is_found in filters(database, track).items():
        assert is_found == (label in shown.all_of(model)), (label, model, shown)
    for model in (None, "genre", "tags"):
        assert counted(database, track, model) == dict.fromkeys(shown.all_of(model), 1)
    return shown


def test_a_confirmed_label_wins(database: Database) -> None:
    """It is shown; where a model has one label at a time it takes the predicted one's place, which finds no more."""
    track = new_track(database)
    heard(database, track, ("genre", ["jazz"]), ("tags", ["sad", "jazz"]))
    assert agrees(database, track).newest == "jazz"
    put(database, track, said("rock"))
    shown = agrees(database, track)
    assert (shown.newest, shown.confirmed) == ("rock", ("rock",))
    assert shown.by_model == {"genre": ["rock"], "tags": ["sad", "jazz"]}
    put(database, track, said("rock", ("jazz", NO)))
    assert agrees(database, track).by_model == {"genre": ["rock"], "tags": ["sad"]}


def test_a_label_of_ones_own_takes_no_prediction_away(database: Database) -> None:
    """No model knows it, so it says nothing of their labels; of several it is the first that was confirmed."""
    track = new_track(database)
    heard(database, track, ("genre", ["jazz"]), ("tags", ["sad"]))
    put(database, track, said("mine", "guitar"))
    shown = agrees(database, track)
    assert (shown.newest, shown.by_model) == ("mine", {"genre": ["jazz"], "tags": ["guitar", "sad"]})
    put(database, track, said("guitar"))
    put(database, track, said("mine", "guitar"))
    assert agrees(database, track).newest == "guitar"


def test_a_rejected_label_is_not_the_tracks(database: Database) -> None:
    """Of several labels the next one is; nothing finds the track by it."""
    track = new_track(database)
    heard(database, track, ("tags", ["sad", "jazz"]), ("genre", ["jazz"]))
    put(database, track, said(("sad", NO)))
    assert agrees(database, track).newest == "jazz"
    put(database, track, said(("sad", NO), ("jazz", NO)))
    shown = agrees(database, track)
    assert (shown.newest, shown.by_model, shown.rejected) == (None, {}, ("sad", "jazz"))


def test_how_probable_a_label_is(database: Database) -> None:
    """Of each model's first label while it is the predicted one; another answer takes its place, also an empty one."""

    def known() -> dict[str, float]:
        with database.transaction() as session:
            return dict(shown_of(session, [track.id], KNOWN)[track.id].probabilities)

    track = new_track(database)
    assert known() == {}
    heard(database, track, ("genre", ["jazz"]), ("tags", ["sad", "jazz"]), ("env", []))
    assert known() == pytest.approx({"genre": 0.9, "tags": 0.9})
    put(database, track, said(("sad", LabelState.REJECTED), "rock"))
    assert known() == {}
    put(database, track, said("jazz"))
    assert known() == pytest.approx({"genre": 0.9})
    heard(database, track, ("genre", []))
    assert known() == {}


def test_whether_the_newest_classification_failed(database: Database) -> None:
    """As long as no later one succeeds; what else fails, or is asked of another audio track, does not count."""

    def failed(task: TaskName | None = None, outcome: Outcome | None = None, **options: int) -> bool:
        with database.transaction() as session:
            if task:
                create_job(session, track, [task], options, {})
        if task:
            end(database, claimed(database), **({task: outcome} if outcome else {}))
        with database.transaction() as session:
            known = shown_of(session, [track.id], KNOWN)[track.id].failed
            assert failed_of(session, {track.id}, TaskName.CLASSIFY) == ({track.id} if known else set())
            return known

    bad = Outcome(problem={"code": "x"})
    empty(database)
    track = new_track(database)
    assert not failed()
    assert not failed(TaskName.EMBED, bad)
    assert not failed(TaskName.CLASSIFY, bad, audio_track=1)
    assert failed(TaskName.CLASSIFY, bad)
    assert failed(TaskName.EMBED)
    assert not failed(TaskName.CLASSIFY, heard_by(("genre", [])))
    assert failed(TaskName.CLASSIFY, bad)


def test_spans_and_points_say_nothing_of_the_whole(database: Database) -> None:
    """What is confirmed in a part finds the track and is not its label; what is rejected there changes nothing."""
    track = new_track(database)
    heard(database, track, ("genre", ["jazz"]))
    put(database, track, [Annotation("rock", YES, 0.1, 0.2), Annotation("jazz", NO, 0.5), Annotation("mine", YES, 0.7)])
    shown = agrees(database, track)
    assert (shown.newest, shown.in_parts, shown.rejected) == ("jazz", ("rock", "mine"), ())


def test_labels_count_before_any_model_has_answered(database: Database) -> None:
    """And a later classification leaves them as they are."""
    track = new_track(database)
    put(database, track, said("rock"))
    assert agrees(database, track) == TrackLabels("rock", {}, ("rock",))
    heard(database, track, ("genre", []))
    assert agrees(database, track).by_model == {"genre": ["rock"]}
    heard(database, track, ("genre", ["jazz"]))
    assert agrees(database, track).newest == "rock"


def test_every_change_is_a_revision_and_nothing_is_none(database: Database) -> None:
    """With who, when, what was added and what was removed; a change of state is both."""
    track = new_track(database)
    assert put(database, track, said("a", ("b", NO)), "key1") == 1
    assert put(database, track, said(("b", NO), "a"), "key2") == 1
    assert put(database, track, said("b", "c"), "key3") == 2
    with database.transaction() as session:
        changes, _ = list_changes(session, track.id, cursor=None, limit=10)
    assert [(each.revision, each.key_id, len(each.added), len(each.removed)) for each in changes] == [
        (2, "key3", 2, 2),
        (1, "key1", 2, 0),
    ]
    assert changes[0].created_at > changes[1].created_at
    assert {(each["label"], each["state"]) for each in changes[0].removed} == {("a", "confirmed"), ("b", "rejected")}


def test_undo_is_a_change_and_undoing_it_is_redoing(database: Database) -> None:
    """What was there comes back exactly, as what counts too."""
    track = new_track(database)
    with pytest.raises(NothingToUndo):
        undo(database, track)
    first = [*said("a"), Annotation("b", NO, 0.25, 0.5)]
    second = [*said(("a", NO), "c"), Annotation("b", YES, 0.5)]
    for wanted in (first, second):
        put(database, track, wanted)
    for expected in (first, second, first):
        undo(database, track)
        assert set(kept(database, track)) == set(expected)
        assert set(agrees(database, track).confirmed) == {"a"} if expected is first else {"c"}
    with database.transaction() as session:
        assert revision_of(session, track.id) == 5


def test_the_first_change_can_be_undone(database: Database) -> None:
    """To nothing, by which the track is not found either."""
    track = new_track(database)
    put(database, track, said("mine"))
    undo(database, track)
    with database.transaction() as session:
        assert labels_of(session, [track.id]) == {}
        assert not found(session, track, "mine")
        assert session.scalar(text("SELECT count(*) FROM track_labels WHERE track_id = :id"), {"id": track.id}) == 0


@pytest.mark.long
def test_the_newest_changes_are_kept(database: Database) -> None:
    """However often labels change, a track's history is bounded; revisions go on."""
    track = new_track(database)
    for number in range(MOST_CHANGES + 3):
        put(database, track, said(str(number)))
    with database.transaction() as session:
        counted = text("SELECT count(*), max(revision) FROM label_changes WHERE track_id = :id")
        assert tuple(session.execute(counted, {"id": track.id}).one()) == (MOST_CHANGES, MOST_CHANGES + 3)


def test_changes_at_the_same_time_come_one_after_another(database: Database) -> None:
    """No revision is lost or made twice, and the set is what the last one said."""
    track, ready = new_track(database), Barrier(4)

    def change(number: int) -> int:
        ready.wait()
        return put(database, track, said(f"label {number}"))

    with ThreadPoolExecutor(4) as threads:
        revisions = list(threads.map(change, range(4)))
    assert sorted(revisions) == [1, 2, 3, 4]
    assert kept(database, track) == said(f"label {revisions.index(4)}")


def test_labels_go_with_their_track(database: Database) -> None:
    """Rows, history and what the track was found by."""
    track = new_track(database)
    put(database, track, said("mine"))
    with database.transaction() as session:
        delete_track(session, Actor(track.owner_id), track.id)
        left = "SELECT (SELECT count(*) FROM annotations) + (SELECT count(*) FROM label_changes)"
        assert session.scalar(text(left)) == 0


def test_labels_are_counted_for_their_owner(database: Database) -> None:
    """In pages, in one order, whatever their characters; another owner's do not count."""
    track, other = new_track(database), new_track(database)
    heard(database, track, ("genre", ["jazz"]), ("tags", ["sad", "jazz"]))
    put(database, track, [*said("rock", ("jazz", NO), "ärger", "Zebra"), Annotation("rock", NO, 0.1, 0.5)])
    put(database, other, said("rock", "theirs"))
    seen, cursor = [], None
    while True:
        with database.transaction() as session:
            counts, cursor = count_labels(session, track.owner_id, cursor=cursor, limit=2)
        seen += counts
        if cursor is None:
            break
    assert [tuple(each) for each in seen] == [
        ("Zebra", 1, 0, 0, 0),
        ("jazz", 0, 1, 0, 1),
        ("rock", 1, 1, 1, 0),
        ("sad", 0, 0, 0, 1),
        ("ärger", 1, 0, 0, 0),
    ]


def test_another_owners_track_is_not_locked(database: Database) -> None:
    """It is not there."""
    track, other = new_track(database), new_track(database)
    with database.transaction() as session:
        assert set(lock_tracks(session, track.owner_id, [track.id, other.id])) == {track.id}
