"""Teachings from the request to the version: one at a time, fenced by the lease, without what was erased meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.queue import to_ask
from phonoscope.db.classifiers.rounds import AT_ONCE, Due, go_on
from phonoscope.db.classifiers.teaching import delete_classifier, find_classifier
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.usage import Limits
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.family import lock_subject
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.db.tasks.rollup import settle
from phonoscope.errors import (
    BrokerUnavailable,
    LimitReached,
    NotFound,
    OutdatedTeaching,
    WorkerLost,
)
from phonoscope.states import TaskName
from phonoscope.waker import Waker
from phonoscope.work import NotedWindow, Outcome
from phonoscope_courier.teaching import Teacher
from tests.integration.lessons import NO, YES, Owner, counts, new_owner
from tests.integration.life import CPU, claim, claimed, empty
from tests.integration.rounds import EMBEDDING, FAILED, READY, TEACHING, end, erase, made, quiet, step

NOTES = ("classifier_doubts", "classifier_queue")
PROBLEM = {"type": "about:blank", "title": "no", "status": 422, "code": "too_few_examples", "detail": "labels: few"}


_FAIL = text(
    "UPDATE tasks SET status = 'failed', finished_at = now() WHERE name = 'embed' AND status = 'queued' RETURNING id"
)

_EMBEDDERS = text(
    "SELECT options #>> '{classify,model}' FROM jobs JOIN tasks ON job_id = jobs.id "
    "WHERE name = 'embed' AND tasks.status = 'queued'"
)


@pytest.fixture
def owner(database: Database) -> Owner:
    empty(database)
    return new_owner(database)


def noted(track_id: str, note: str = "uncertain", start_s: float = 0.0) -> NotedWindow:
    return NotedWindow(track_id, start_s, start_s + 5.0, "low", 0.5, note)


def test_a_version_comes_with_the_end(owner: Owner) -> None:
    """With its doubts and its queue, in the place of those before."""
    tracks = owner.two_labels()
    other = owner.track("noise")
    assert owner.asks() == [CPU]
    assert owner.sees().state is TEACHING
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, doubts=(noted(tracks[0], "high"),)))
    seen = owner.sees()
    assert (seen.state, seen.row.version, [each["given"] for each in seen.doubts]) == (READY, 1, ["high"])
    owner.asks_again()
    asked = (noted(other), noted(other, "new", 2.5), noted("trk_gone"))
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, 2, queue=asked))
    seen = owner.sees()
    assert (seen.row.version, seen.doubts, seen.queue) == (2, [], 2)
    with owner.database.transaction() as session:
        rows, left = to_ask(session, seen.row, 1)
    assert (left, [(row.track_id, row.reason) for row in rows]) == (2, [(other, "uncertain")])


def test_what_was_answered_is_not_asked_again(owner: Owner) -> None:
    """By a span, a point or of the whole recording; what is said of other labels does not count."""
    tracks = owner.two_labels()
    others = [owner.track("noise", 3) for _ in range(4)]
    owner.asks()
    queue = tuple(noted(track, start_s=2.5) for track in others)
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, queue=queue))
    owner.says(others[0], Annotation("low", NO, 2.5, 7.5))
    owner.says(others[1], Annotation("high", YES, 5.0))
    owner.says(others[2], Annotation("low", YES))
    owner.says(others[3], Annotation("loud", YES), Annotation("low", YES, 0.0, 3.0))
    assert owner.sees().queue == 1


def test_who_lost_the_lease_writes_no_version(owner: Owner) -> None:
    """Another attempt does, once."""
    tracks = owner.two_labels()
    owner.asks()
    lost = claimed(owner.database, CPU)
    with owner.database.transaction() as session:
        hand_back(session, {lost.token}, WorkerLost("killed"))
        session.execute(text("UPDATE tasks SET available_at = now()"))
    again = claimed(owner.database, CPU)
    assert not end(owner, lost, made(owner, tracks))
    assert owner.sees().newest is None
    assert end(owner, again, made(owner, tracks))
    assert not end(owner, again, made(owner, tracks, 2))
    assert owner.sees().row.version == 1


def test_a_track_that_was_erased_meanwhile(owner: Owner) -> None:
    """The version that was taught from it is not kept, and the lease stays; one without it is."""
    tracks = owner.two_labels(3)
    owner.asks()
    held = claimed(owner.database, CPU)
    erase(owner, tracks[0])
    with pytest.raises(OutdatedTeaching, match="erased"):
        end(owner, held, made(owner, tracks))
    assert owner.sees().state is TEACHING
    with owner.database.transaction() as session:
        assert counts(session, owner.id, ("classifier_versions",)) == {"classifier_versions": 0}
    assert end(owner, held, made(owner, tracks[1:]))


def test_another_version_came_first(owner: Owner) -> None:
    """Such as an import: the worker reads the number anew."""
    tracks = owner.two_labels()
    owner.asks()
    held = claimed(owner.database, CPU)
    with owner.database.transaction() as session:
        session.execute(text("UPDATE classifiers SET version = 4"))
    with pytest.raises(OutdatedTeaching, match="another version"):
        end(owner, held, made(owner, tracks))
    assert end(owner, held, made(owner, tracks, 5))


def test_an_erased_track_is_in_no_doubt_and_no_queue(owner: Owner) -> None:
    tracks = owner.two_labels()
    owner.asks()
    outcome = made(owner, tracks, doubts=(noted(tracks[0], "high"),), queue=(noted(tracks[0]),))
    assert end(owner, claimed(owner.database, CPU), outcome)
    erase(owner, tracks[0])
    with owner.database.transaction() as session:
        assert counts(session, owner.id, NOTES) == dict.fromkeys(NOTES, 0)
    assert owner.sees().row.version == 1


def test_doubts_and_what_is_left_out_have_shown_names(owner: Owner) -> None:
    """As lists of recordings have them; an erased one is in neither."""
    tracks = owner.two_labels()
    lost, mute = owner.track("lost", 0), owner.track("mute", 0)
    owner.asks()
    figures = {"left_out": [{"track_id": track, "silent": track == mute} for track in (mute, lost)]}
    doubts = tuple(noted(track, "high") for track in tracks[:2])
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, doubts=doubts, figures=figures))
    with owner.database.transaction() as session:
        for track_id, name in ((tracks[0], "Wren"), (mute, "Night")):
            session.execute(update(TrackRow).where(TrackRow.id == track_id).values(filename="a.wav", name=name))
    erase(owner, tracks[1])
    erase(owner, lost)
    seen = owner.sees()
    assert [each["filename"] for each in seen.doubts] == ["Wren.wav"]
    assert seen.left_out == ["Night.wav is silent"]


def test_what_was_erased_while_it_was_taught_is_not_noted_as_left_out(owner: Owner) -> None:
    """Nothing would take its id away later."""
    tracks = owner.two_labels()
    lost, kept = owner.track("lost", 0), owner.track("kept", 0)
    owner.asks()
    held = claimed(owner.database, CPU)
    erase(owner, lost)
    figures = {"left_out": [{"track_id": track, "silent": False} for track in (lost, kept)]}
    assert end(owner, held, made(owner, tracks, figures=figures))
    newest = owner.sees().newest
    assert newest is not None
    assert newest.figures == {"left_out": [{"track_id": kept, "silent": False}]}


def test_one_teaching_at_a_time(owner: Owner) -> None:
    """A request joins the one that waits; while one runs another follows, once, however often it is asked for."""
    tracks = owner.two_labels()
    owner.asks()
    assert owner.asks_again() == []
    held = claimed(owner.database, CPU)
    assert [owner.asks_again(), owner.asks_again()] == [[], []]
    assert claim(owner.database, CPU) is None
    assert step(owner) == 0
    assert end(owner, held, made(owner, tracks))
    assert owner.sees().state is TEACHING
    assert step(owner) == 1
    second = claimed(owner.database, CPU)
    assert end(owner, second, made(owner, tracks, 2))
    assert (owner.sees().state, step(owner), claim(owner.database, CPU)) == (READY, 0, None)


def test_many_at_once(owner: Owner) -> None:
    """Of parallel requests one makes the job, and the others join it."""
    owner.two_labels()
    owner.asks()
    assert end(owner, claimed(owner.database, CPU), made(owner, [], 1))
    with ThreadPoolExecutor(4) as threads:
        queues = [future.result() for future in [threads.submit(owner.asks_again) for _ in range(8)]]
    assert [queue for found in queues for queue in found] == [CPU]
    with owner.database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM tasks WHERE status = 'queued'")) == 1


def test_a_broker_that_is_away_only_delays(owner: Owner) -> None:
    """The courier's job is committed, and sent by the sweeper later."""
    owner.two_labels()
    owner.labelled("low", windows=0)
    owner.asks(space="mobilenet")
    teacher = Teacher(owner.database, Waker("redis://127.0.0.1:1"), Limits())
    with pytest.raises(BrokerUnavailable):
        teacher.teach(Event())
    assert ended(owner) == 1
    with pytest.raises(BrokerUnavailable):
        teacher.teach(Event())
    assert claimed(owner.database, CPU).tasks.keys() == {TaskName.TEACH}
    assert teacher.teach(Event()) == 0


@pytest.mark.parametrize("how", ["failed", "cancelled", "gone"])
def test_a_teaching_that_ends_badly(owner: Owner, how: str) -> None:
    """That is seen at once, and noted by the courier; the version of before stays, and it can be taught again."""
    tracks = owner.two_labels()
    owner.asks()
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks))
    owner.asks_again()
    held = claimed(owner.database, CPU)
    if how == "failed":
        assert end(owner, held, Outcome(problem=PROBLEM))
    with owner.database.transaction() as session:
        if how == "cancelled":
            cancel_job(session, owner.id, held.job_id)
        if how == "gone":
            session.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": held.job_id})
    code = {"failed": "too_few_examples", "cancelled": "cancelled", "gone": "worker_lost"}[how]
    for _ in range(2):
        seen = owner.sees()
        assert seen.problem is not None
        assert (seen.state, seen.problem["code"], seen.row.version) == (FAILED, code, 1)
        step(owner)
    assert step(owner) == 0
    owner.asks_again()
    assert owner.sees().state is TEACHING
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, 2))
    assert (owner.sees().state, owner.sees().problem) == (READY, None)


def test_examples_are_embedded_first(owner: Owner) -> None:
    """A few at a time, each once; those that fail are left out, and it is taught when all have ended."""
    owner.two_labels()
    missing = [owner.labelled("low", windows=0) for _ in range(AT_ONCE + 2)]
    assert owner.asks(space="mobilenet") == []
    assert owner.sees().state is EMBEDDING
    assert step(owner) == 1
    assert step(owner) == 1
    assert ended(owner) == AT_ONCE
    assert step(owner) == 1
    assert ended(owner) == 2
    assert step(owner) == 1
    assert owner.sees().state is TEACHING
    assert claimed(owner.database, CPU).tasks.keys() == {TaskName.TEACH}
    assert missing


def test_examples_of_a_classifier_that_chooses_are_embedded_by_the_default_model_first(owner: Owner) -> None:
    """It puts them into all spaces that may be compared; the model of its space those that are not in that one then."""
    owner.two_labels()
    owner.labelled("low", windows=0)
    owner.asks()
    embedders: list[str] = []
    while owner.sees().state is EMBEDDING:
        step(owner)
        with owner.database.transaction() as session:
            embedders += session.scalars(_EMBEDDERS)
        ended(owner)
    assert embedders == ["auto", "environment-50"]
    assert owner.sees().state is TEACHING


def ended(owner: Owner) -> int:
    """Fails all jobs that embed; returns how many there were."""
    with owner.database.transaction() as session:
        tasks = list(session.scalars(_FAIL))
        settle(session, list(session.scalars(text("SELECT id FROM jobs WHERE status = 'queued'"))))
    return len(tasks)


def test_an_embedding_that_waits_already_is_waited_for(owner: Owner) -> None:
    """It is not made twice; a track that is erased is not waited for."""
    tracks = owner.two_labels()
    missing = owner.labelled("low", windows=0)
    with owner.database.transaction() as session:
        add_embedding(session, missing)
    owner.asks()
    step(owner)
    with owner.database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM tasks WHERE name = 'embed'")) == 1
    erase(owner, missing)
    step(owner)
    assert owner.sees().state is TEACHING
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks))


def add_embedding(session: Session, track_id: str) -> None:
    create_job(session, session.get_one(TrackRow, track_id), [TaskName.EMBED], {}, {})


def test_a_full_queue_only_delays(owner: Owner) -> None:
    """The owner's quota holds for what the courier makes too; nothing is lost."""
    owner.two_labels()
    owner.labelled("low", windows=0)
    owner.asks()
    with owner.database.transaction() as session:
        add_embedding(session, owner.track("noise"))
    with pytest.raises(LimitReached):
        step(owner, Limits(queued_jobs=1))
    assert ended(owner) == 1
    assert step(owner, Limits(queued_jobs=1)) == 1
    assert ended(owner) == 1


def test_it_is_taught_again_when_labels_changed(owner: Owner) -> None:
    """Once they have been quiet, and only for labels that it has; a failure does not begin it again."""
    tracks = owner.two_labels()
    owner.asks(labels=["high", "low"], reteach=True)
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks))
    assert step(owner) == 0
    owner.labelled("loud")
    quiet(owner, 30.0)
    assert step(owner) == 0
    owner.labelled("low")
    assert step(owner) == 0
    quiet(owner, 11.0)
    assert step(owner) == 1
    held = claimed(owner.database, CPU)
    assert step(owner) == 0
    assert end(owner, held, Outcome(problem=PROBLEM))
    step(owner)
    assert (owner.sees().state, step(owner)) == (FAILED, 0)


def test_labels_that_change_while_it_is_taught_are_taught_after(owner: Owner) -> None:
    """One that nobody wants taught again is left alone."""
    tracks = owner.two_labels()
    owner.asks("still")
    assert end(owner, claimed(owner.database, CPU), made(owner, tracks, name="still"))
    owner.asks(reteach=True)
    held = claimed(owner.database, CPU)
    owner.labelled("low")
    quiet(owner, 11.0)
    assert step(owner) == 0
    assert end(owner, held, made(owner, tracks))
    assert step(owner) == 1
    assert [owner.sees(name).state for name in ("own", "still")] == [TEACHING, READY]


def test_a_removed_classifier(owner: Owner) -> None:
    """Its job is cancelled; what its worker made is not kept."""
    tracks = owner.two_labels()
    owner.asks()
    held = claimed(owner.database, CPU)
    outcome = made(owner, tracks)
    with owner.database.transaction() as session:
        lock_subject(session, owner.id)
        delete_classifier(session, owner.actor, find_classifier(session, owner.id, "own"))
    assert not end(owner, held, outcome)
    with pytest.raises(NotFound):
        owner.sees()
    assert step(owner) == 0
    assert go_on(owner.database, Due("cls_gone", owner.id), Limits()) == []
