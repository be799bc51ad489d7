"""Clips of searches in the database: who holds them, whose share they take, and when they are abandoned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.clips import abandoned_clips, clips_owner
from phonoscope.db.library.tracks import add_track, list_tracks
from phonoscope.db.schema.tables import OwnerRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.usage import Limits, check_held
from phonoscope.db.tasks.cancel import cancel_open_jobs
from phonoscope.db.tasks.create import create_job
from phonoscope.errors import QueuedJobsQuotaExceeded
from phonoscope.states import Status, TaskName
from tests.integration.life import claimed, empty, new_job, new_track, read
from tests.support import columns_of

_LOGGED = text("SELECT subject FROM audit_log WHERE owner_id = :owner_id AND action = 'job.cancelled'")
_AGED = text("UPDATE tracks SET created_at = now() - interval '1 hour'")


def test_an_owner_s_clips_have_one_holder_of_their_own(database: Database) -> None:
    """However often it is asked for; it goes with the owner, and what it holds is not among the owner's tracks."""
    empty(database)
    track, other = new_track(database), new_track(database)
    with database.transaction() as session:
        holder = clips_owner(session, track.owner_id)
        assert clips_owner(session, track.owner_id) == holder
        assert len({holder, track.owner_id, other.owner_id, clips_owner(session, other.owner_id)}) == 4
        session.add(TrackRow(**columns_of(track) | {"id": "trk_clip", "owner_id": holder}))
        session.flush()
        assert [row.id for row in list_tracks(session, track.owner_id, cursor=None, limit=9)[0]] == [track.id]
        session.delete(session.get_one(OwnerRow, track.owner_id))
        session.flush()
        session.expire_all()
        assert session.get(OwnerRow, holder) is None
        assert session.get(TrackRow, "trk_clip") is None


def test_only_old_clips_are_abandoned(database: Database) -> None:
    """Neither young ones, nor tracks of any age."""
    empty(database)
    track = new_track(database)
    values = {name: value for name, value in columns_of(track).items() if name != "created_at"}
    with database.transaction() as session:
        holder = clips_owner(session, track.owner_id)
        session.execute(_AGED)
        session.add(TrackRow(**values | {"id": "trk_clip", "owner_id": holder}))
        session.flush()
        assert abandoned_clips(session, timedelta(minutes=10), 10) == []
        session.execute(_AGED)
        assert abandoned_clips(session, timedelta(minutes=10), 10) == [(holder, "trk_clip")]


def clip_of(database: Database, track: TrackRow, number: int = 0) -> TrackRow:
    """A clip that the track's owner searches by."""
    values = {name: value for name, value in columns_of(track).items() if name != "created_at"}
    with database.transaction() as session:
        own = {"id": f"{track.id}_clip{number}", "owner_id": clips_owner(session, track.owner_id)}
        row = TrackRow(**values | own | {"sha256": own["id"], "object_key": own["id"]})
        add_track(session, row)
    return row


def test_searches_by_files_take_their_owner_s_turns(database: Database) -> None:
    """Who queues jobs and searches by files gets every other turn beside another owner, no more."""
    empty(database)
    greedy, modest = new_track(database), new_track(database)
    for number in range(6):
        new_job(database, greedy if number % 2 else clip_of(database, greedy, number))
        new_job(database, modest)
    tracks = [claimed(database).track for _ in range(8)]
    assert sum(track.owner_id == modest.owner_id for track in tracks) == 4
    assert [track.is_clip for track in tracks] == ["_clip" in track.id for track in tracks]
    assert any(track.is_clip for track in tracks)
    empty(database)


def test_searches_by_files_count_among_what_their_owner_has_queued(database: Database) -> None:
    """Neither side has a quota beside the other's."""
    empty(database)
    track = new_track(database)
    clip = clip_of(database, track)
    for asking, other in ((track, clip), (clip, track)):
        for row in (asking, other):
            new_job(database, row)
        with database.transaction() as session:
            for row in (asking, other):
                check_held(session, row.owner_id, Limits(queued_jobs=2), new_job=True)
                with pytest.raises(QueuedJobsQuotaExceeded):
                    check_held(session, row.owner_id, Limits(queued_jobs=1), new_job=True)
        empty_of_jobs(database)


def test_many_searches_by_files_at_once_exceed_no_quota(database: Database) -> None:
    """Beside jobs of their owner: both are compared under one lock."""
    empty(database)
    track = new_track(database)
    rows = [track, *(clip_of(database, track, number) for number in range(7))]
    together = Barrier(len(rows))

    def ask(row: TrackRow) -> bool:
        together.wait()
        try:
            with database.transaction() as session:
                create_job(session, row, [TaskName.EMBED], {}, {})
                check_held(session, row.owner_id, Limits(queued_jobs=3), new_job=True)
        except QueuedJobsQuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(len(rows)) as pool:
        assert sum(pool.map(ask, rows)) == 3
    empty(database)


def test_what_a_key_searches_by_is_cancelled_with_its_jobs(database: Database) -> None:
    """Its clips' jobs, and not those of another key; the owner's log tells of the owner's jobs alone."""
    empty(database)
    track = new_track(database)
    clip, others = clip_of(database, track), clip_of(database, track, 1)
    with database.transaction() as session:
        jobs = [create_job(session, row, [TaskName.EMBED], {}, {}, key_id="one") for row in (track, clip)]
        kept = create_job(session, others, [TaskName.EMBED], {}, {}, key_id="two")
    actor = Actor(track.owner_id, "admin")
    assert cancel_open_jobs(database, actor, "one")[0] == 2
    states = [read(database, job).status for job in (*jobs, kept)]
    assert states == [Status.CANCELLED, Status.CANCELLED, Status.QUEUED]
    with database.transaction() as session:
        named = session.scalars(_LOGGED, {"owner_id": track.owner_id}).all()
    assert named == [jobs[0].id]
    assert cancel_open_jobs(database, actor)[0] == 1
    empty(database)


def empty_of_jobs(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("DELETE FROM jobs"))
