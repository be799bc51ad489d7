"""Spaces beside each other: which is read, how a new one is filled, what is dropped."""

from __future__ import annotations

from threading import Event

import pytest
from sqlalchemy import text

from phonoscope.contract import SpaceState
from phonoscope.db.access.engine import Database
from phonoscope.db.library.embeddings import own_space, search_from
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.usage import Limits, check_held
from phonoscope.db.spaces.dropping import drop_space
from phonoscope.db.spaces.listing import list_spaces
from phonoscope.db.spaces.reembedding import AT_ONCE, Reembedding, cancel, go_on, mark_complete, under_way
from phonoscope.db.tasks.requeue import hand_back
from phonoscope.errors import LockTimeout, NotFound, WorkerLost
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, Status, TaskName, TaskQueue
from phonoscope.work import Outcome
from tests.integration.life import (
    ONE,
    claim,
    claimed,
    empty,
    end,
    events_of,
    nearest_to,
    new_job,
    new_track,
    read,
)
from tests.integration.spaces_of import (
    BEFORE,
    BROKEN,
    LATER,
    NOW,
    asked,
    embedded,
    ended,
    further_track,
    id_of,
    library,
    listed,
    read_by,
    reembedder,
    rounds,
    waiting_jobs,
)


@pytest.fixture(autouse=True)
def _nothing_before(database: Database) -> None:
    empty(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM spaces"))


def test_an_old_space_is_read_until_the_new_one_has_all_its_tracks(database: Database) -> None:
    """Of each owner by itself: what one lacks does not hold up another."""
    (first, second), (other,) = library(database, BEFORE, tracks=2), library(database, BEFORE, tracks=1)
    assert read_by(database, first.owner_id) == BEFORE
    embedded(database, first, NOW)
    embedded(database, other, NOW)
    assert (read_by(database, first.owner_id), read_by(database, other.owner_id)) == (BEFORE, NOW)
    embedded(database, second, NOW)
    assert read_by(database, first.owner_id) == NOW


def test_a_new_track_does_not_switch_searches(database: Database) -> None:
    """It is compared with those that are there already, the others in the old space; both say what they leave out."""
    first, second = library(database, BEFORE, tracks=2)
    new, newer = (embedded(database, further_track(database, first), NOW) for _ in range(2))
    with database.transaction() as session:
        owner_id = first.owner_id
        assert own_space(session, owner_id, first.id, [NOW]) == BEFORE
        assert own_space(session, owner_id, new.id, [NOW]) == NOW
        old, ahead = search_from(session, owner_id, first.id, BEFORE), search_from(session, owner_id, new.id, NOW)
        assert nearest_to(session, old) == [second.id]
        assert nearest_to(session, ahead) == [newer.id]
        assert (old.left_out(session).outdated, ahead.left_out(session).outdated) == (2, 2)
        with pytest.raises(NotFound, match="was embedded by an earlier 'm': embed it again"):
            search_from(session, owner_id, first.id, NOW)


def test_a_space_that_is_put_back_is_read_once_it_has_the_new_tracks(database: Database) -> None:
    """Whether or not it was noted as complete before."""
    (track,) = library(database, BEFORE, NOW, tracks=1)
    with database.transaction() as session:
        mark_complete(session)
    embedded(database, further_track(database, track), NOW)
    assert read_by(database, track.owner_id, served=BEFORE) == NOW
    assert read_by(database, track.owner_id, served=NOW) == NOW


def test_of_several_old_spaces_the_fullest_is_read(database: Database) -> None:
    """One that was replaced before it was filled does not take its place."""
    first, *_ = library(database, BEFORE, tracks=3)
    embedded(database, first, NOW)
    assert read_by(database, first.owner_id, served=LATER) == BEFORE


def test_stems_are_read_where_they_are(database: Database) -> None:
    """A track that was embedded without them is complete as a whole, and not for its stems."""
    track = embedded(database, new_track(database), BEFORE, stems=("", "drums"))
    embedded(database, track, NOW)
    assert (read_by(database, track.owner_id), read_by(database, track.owner_id, stem="drums")) == (NOW, BEFORE)


def test_what_is_complete_is_noted_and_taken_back(database: Database) -> None:
    """By the slow round of the courier, so that searches need not ask; a vector elsewhere takes it back at once."""
    (track,) = library(database, BEFORE, tracks=1)
    marks = text("SELECT digest FROM spaces WHERE complete_at IS NOT NULL")

    def noted() -> set[str]:
        with database.transaction() as session:
            mark_complete(session)
            return set(session.connection().scalars(marks))

    assert noted() == set()
    embedded(database, track, NOW)
    assert noted() == {BEFORE.digest, NOW.digest}
    embedded(database, further_track(database, track), BEFORE)
    with database.transaction() as session:
        assert set(session.connection().scalars(marks)) == {BEFORE.digest}
    assert noted() == {BEFORE.digest}


def test_a_reembedding_fills_the_new_space(database: Database) -> None:
    """Of the owner who asked alone; nothing to do is nothing asked for."""
    tracks, (foreign,) = library(database, BEFORE), library(database, BEFORE, tracks=1)
    owner_id = tracks[0].owner_id
    assert asked(database, Actor(owner_id)) == [NOW.digest]
    assert listed(database, owner_id)[NOW].missing == 3
    rounds(database)
    for _ in tracks:
        ended(database, claimed(database), NOW)
    assert claim(database) is None
    rounds(database)
    found = listed(database, owner_id)
    assert (found[NOW].state, found[NOW].tracks, found[NOW].read) == (SpaceState.CURRENT, 3, True)
    assert (found[BEFORE].state, found[BEFORE].tracks, found[BEFORE].read) == (SpaceState.OLD, 3, False)
    progress = found[NOW].reembedding
    assert progress is not None
    assert (progress.finished_at is not None, progress.failed) == (True, 0)
    assert listed(database, foreign.owner_id)[NOW].missing == 1
    assert read_by(database, foreign.owner_id) == BEFORE
    assert asked(database, Actor(owner_id)) == []
    assert (listed(database)[NOW].missing, listed(database)[BEFORE].read) == (1, True)


def test_tracks_without_windows_are_embedded_again(database: Database) -> None:
    """Those of releases before there were windows, and none that is silent."""
    track, silent = new_track(database), new_track(database)
    for each, vector in ((track, ONE), (silent, None)):
        new_job(database, each, [TaskName.EMBED])
        end(database, claimed(database), embed=Outcome({"b": 2}, None, "m", "d", vectors={NOW: {"": vector}}))
    assert (listed(database, track.owner_id)[NOW].missing, listed(database, silent.owner_id)[NOW].missing) == (1, 0)
    assert read_by(database, track.owner_id) == NOW
    asked(database)
    rounds(database)
    held = claimed(database)
    assert (held.track.id, claim(database)) == (track.id, None)


def test_a_reembedding_comes_after_all_other_work(database: Database) -> None:
    """What is asked for later by anybody goes first, and its turn is as if there were no reembedding."""
    (track,) = library(database, BEFORE, tracks=1)
    asked(database)
    rounds(database)
    later = new_job(database, further_track(database, track), [TaskName.EMBED])
    with database.transaction() as session:
        turn = session.scalar(text("SELECT turn FROM tasks WHERE job_id = :id"), {"id": later.id})
    assert turn == 0.0
    assert claimed(database).job_id == later.id
    assert claimed(database).track.id == track.id
    assert new_job(database, track, [TaskName.CLASSIFY]).tasks[0].turn < 1.0


def test_a_reembedding_is_the_service_s_own_work(database: Database) -> None:
    """No quota counts its jobs, and no event tells of them."""
    (track,) = library(database, BEFORE, tracks=1)
    asked(database)
    rounds(database)
    with database.transaction() as session:
        check_held(session, track.owner_id, Limits(queued_jobs=1, queued_audio_s=0.1), new_job=True)
    held = claimed(database)
    ended(database, held, NOW)
    with database.transaction() as session:
        told = session.connection().scalar(text("SELECT count(*) FROM events WHERE job_id = :id"), {"id": held.job_id})
    assert told == 0
    assert events_of(database, new_job(database, track, known_by={})) == []


def test_few_jobs_of_a_reembedding_wait_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the library is; each round makes up for those that ended."""
    monkeypatch.setattr("phonoscope.db.spaces.reembedding.AT_ONCE", 2)
    assert AT_ONCE > 2
    library(database, BEFORE, tracks=3)
    asked(database)
    assert len(rounds(database)) == 2
    assert rounds(database) == []
    ended(database, claimed(database), NOW)
    assert len(rounds(database)) == 1
    assert rounds(database) == []


def test_a_reembedding_goes_on_after_a_worker_and_a_courier_died(database: Database, server_settings: Settings) -> None:
    """Its state is in the tables alone: a lost task is handed back, and another courier makes the next jobs."""
    tracks = library(database, BEFORE)
    asked(database)
    reembedder(database, server_settings).reembed(Event())
    ended(database, claimed(database), NOW)
    lost = claimed(database)
    with database.transaction() as session:
        hand_back(session, [lost.token], WorkerLost("killed"))
        session.execute(text("UPDATE tasks SET available_at = now()"))
    with database.transaction() as session:
        # A courier that was killed before it had made all jobs: those that wait are gone.
        session.execute(text("DELETE FROM jobs WHERE status = 'queued' AND id <> :id"), {"id": lost.job_id})
    reembedder(database, server_settings).reembed(Event())
    for _ in range(2):
        ended(database, claimed(database), NOW)
    reembedder(database, server_settings).reembed(Event())
    assert claim(database) is None
    assert (listed(database)[NOW].tracks, read_by(database, tracks[0].owner_id)) == (3, NOW)


def test_a_round_that_ends_early_goes_on_with_the_next_owner(database: Database, server_settings: Settings) -> None:
    """Each round serves one reembedding at least, and nobody waits for one that comes again."""
    owners = [library(database, BEFORE, tracks=1)[0].owner_id for _ in range(3)]
    asked(database)
    courier = reembedder(database, server_settings)
    for served in (1, 2, 3):
        assert courier.reembed(Event(), lasts_s=0.0) == 1
        assert len(waiting_jobs(database)) == served
    assert waiting_jobs(database) == set(owners)
    stopped = Event()
    stopped.set()
    with database.transaction() as session:
        session.execute(text("DELETE FROM jobs WHERE status = 'queued'"))
    assert courier.reembed(stopped) == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), LockTimeout("held")])
def test_a_reembedding_that_fails_keeps_no_other_waiting(
    database: Database, server_settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whoever comes after it gets jobs in the same round, and workers are woken for them at once."""
    broken, *others = [library(database, BEFORE, tracks=1)[0].owner_id for _ in range(3)]
    asked(database)

    def failing(database: Database, reembedding: Reembedding) -> list[TaskQueue]:
        if reembedding.owner_id == broken:
            raise error
        return go_on(database, reembedding)

    monkeypatch.setattr("phonoscope_courier.reembedding.go_on", failing)
    courier, woken = reembedder(database, server_settings), list[TaskQueue]()
    monkeypatch.setattr(courier.waker, "wake", woken.extend)
    assert courier.reembed(Event(), lasts_s=60.0) == 2
    assert waiting_jobs(database) == set(others)
    assert woken == [TaskQueue(Pool.GPU, Lane.SHORT)] * 2
    monkeypatch.undo()
    assert courier.reembed(Event(), lasts_s=60.0) == 1


def test_a_track_that_cannot_be_embedded_does_not_keep_the_old_space(database: Database) -> None:
    """It is tried once, counted, and left out from then on; asking again tries it again."""
    first, second = library(database, BEFORE, tracks=2)
    asked(database)
    rounds(database)
    held = claimed(database)
    end(database, held, embed=Outcome(None, BROKEN))
    ended(database, claimed(database), NOW)
    assert read_by(database, first.owner_id) == BEFORE
    rounds(database)
    assert read_by(database, first.owner_id) == NOW
    found = listed(database, first.owner_id)[NOW]
    assert found.reembedding is not None
    assert (found.reembedding.failed, found.missing, found.read) == (1, 1, True)
    with database.transaction() as session:
        mark_complete(session)
    assert read_by(database, first.owner_id) == NOW
    asked(database)
    assert len(rounds(database)) == 1
    assert claimed(database).track.id == held.track.id
    assert second.owner_id == first.owner_id


def test_a_reembedding_can_be_cancelled(database: Database) -> None:
    """Its jobs go, what it made stays, another owner cannot, and another one goes on from there."""
    tracks, (foreign,) = library(database, BEFORE), library(database, BEFORE, tracks=1)
    owner_id = tracks[0].owner_id
    asked(database, Actor(owner_id))
    rounds(database)
    ended(database, claimed(database), NOW)
    running = claimed(database)
    space_id = id_of(database, NOW)
    with pytest.raises(NotFound, match="no reembedding into space"):
        cancel(database, space_id, Actor(foreign.owner_id))
    cancel(database, space_id, Actor(owner_id, "key"))
    assert (claim(database), rounds(database)) == (None, [])
    assert end(database, running) is None
    assert listed(database, owner_id)[NOW].tracks == 1
    assert listed(database, owner_id)[NOW].reembedding is None
    asked(database, Actor(owner_id))
    assert len(rounds(database)) == 2
    with pytest.raises(NotFound):
        cancel(database, 32_767, None)
    cancel(database, space_id, None)
    assert claim(database) is None


def test_a_track_that_is_erased_meanwhile_is_passed_over(database: Database) -> None:
    """And the reembedding ends."""
    (track,) = library(database, BEFORE, tracks=1)
    asked(database)
    rounds(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM tracks WHERE id = :id"), {"id": track.id})
    rounds(database)
    with database.transaction() as session:
        assert under_way(session) == []


def test_a_space_of_a_model_that_is_gone_is_old(database: Database) -> None:
    """It is listed and can be dropped."""
    (track,) = library(database, BEFORE, tracks=1)
    with database.transaction() as session:
        (held,) = list_spaces(session, set(), track.owner_id)
    assert (held.state, held.read, held.missing) == (SpaceState.OLD, False, 0)
    drop_space(database, held.row.id, set(), Actor(track.owner_id))
    assert listed(database) == {}


def test_jobs_of_a_reembedding_are_ordinary_ones(database: Database) -> None:
    """Of the short or the long lane by the length of the recording, with the stems where the old space has some."""
    track = embedded(database, new_track(database), BEFORE, stems=("", "drums"))
    asked(database)
    assert rounds(database) == [TaskQueue(Pool.GPU, Lane.SHORT)]
    held = claimed(database)
    assert (held.options["classify"]["model"], held.options["embed"]["stems"]) == ("m", False)
    assert track.id == held.track.id
    assert read(database, new_job(database, track)).status is Status.QUEUED
