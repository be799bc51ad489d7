"""Clips of searches in the database: who holds them, and when they are abandoned."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.clips import abandoned_clips, clips_owner
from phonoscope.db.library.tracks import list_tracks
from phonoscope.db.schema.tables import OwnerRow, TrackRow, given
from tests.integration.life import empty, new_track

_AGED = text("UPDATE tracks SET created_at = now() - interval '1 hour'")


def test_an_owner_s_clips_have_one_holder_of_their_own(database: Database) -> None:
    """However often it is asked for; it goes with the owner, and what it holds is not among the owner's tracks."""
    empty(database)
    track, other = new_track(database), new_track(database)
    with database.transaction() as session:
        holder = clips_owner(session, track.owner_id)
        assert clips_owner(session, track.owner_id) == holder
        assert len({holder, track.owner_id, other.owner_id, clips_owner(session, other.owner_id)}) == 4
        values = {name: value for name, value in given(track).items() if name != "words"}
        session.add(TrackRow(**values | {"id": "trk_clip", "owner_id": holder}))
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
    values = {name: value for name, value in given(track).items() if name not in ("words", "created_at")}
    with database.transaction() as session:
        holder = clips_owner(session, track.owner_id)
        session.execute(_AGED)
        session.add(TrackRow(**values | {"id": "trk_clip", "owner_id": holder}))
        session.flush()
        assert abandoned_clips(session, timedelta(minutes=10), 10) == []
        session.execute(_AGED)
        assert abandoned_clips(session, timedelta(minutes=10), 10) == [(holder, "trk_clip")]
