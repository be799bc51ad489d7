"""Spaces that are dropped: which may be, and what is written into them meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.service.audit import Actor
from phonoscope.db.spaces.dropping import drop_space
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.errors import NotFound, SpaceInUse
from phonoscope.states import TaskName
from tests.integration.life import (
    claimed,
    empty,
    new_job,
    wait_for_a_lock,
)
from tests.integration.spaces_of import (
    BEFORE,
    NOW,
    embedded,
    ended,
    further_track,
    id_of,
    library,
    listed,
    outcome_in,
)


@pytest.fixture(autouse=True)
def _nothing_before(database: Database) -> None:
    empty(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM spaces"))


def test_a_space_that_is_used_is_not_dropped(database: Database) -> None:
    """Neither the served one nor the one that is read; the old one once nobody reads it, with its windows."""
    (track,), (foreign,) = library(database, BEFORE, tracks=1), library(database, BEFORE, tracks=1)
    embedded(database, track, NOW)
    old, new = id_of(database, BEFORE), id_of(database, NOW)
    actor, stranger = Actor(track.owner_id), Actor(foreign.owner_id)
    for who in (actor, None):
        with pytest.raises(SpaceInUse, match="new tracks get vectors in it"):
            drop_space(database, new, {NOW}, who)
    for who, words in ((stranger, "is read until"), (None, "is read by 1 owners until")):
        with pytest.raises(SpaceInUse, match=words):
            drop_space(database, old, {NOW}, who)
    with pytest.raises(NotFound, match="no space 32767"):
        drop_space(database, 32_767, {NOW}, actor)
    drop_space(database, old, {NOW}, actor)
    assert listed(database, track.owner_id).keys() == {NOW}
    assert (listed(database, foreign.owner_id)[BEFORE].tracks, listed(database, foreign.owner_id)[BEFORE].windows) == (
        1,
        1,
    )
    embedded(database, foreign, NOW)
    drop_space(database, old, {NOW})
    assert listed(database).keys() == {NOW}
    with database.transaction() as session:
        counted = "SELECT (SELECT count(*) FROM spaces), (SELECT count(*) FROM window_embeddings WHERE space_id = :old)"
        assert tuple(session.connection().execute(text(counted), {"old": old}).one()) == (1, 0)


def test_a_space_into_which_a_worker_writes_stays(database: Database) -> None:
    """Its drop waits for the worker, and sees what it has written."""
    (first,) = library(database, BEFORE, NOW, tracks=1)
    new_job(database, further_track(database, first), [TaskName.EMBED])
    held, old = claimed(database), id_of(database, BEFORE)
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            end_tasks(session, held, {TaskName.EMBED: outcome_in(BEFORE)}, {})
            dropped = threads.submit(drop_space, database, old, {NOW}, Actor(first.owner_id))
            wait_for_a_lock(database)
        assert dropped.result(60) > 0
    kept = listed(database, first.owner_id)[BEFORE]
    assert (kept.row.id, kept.tracks, kept.windows) == (old, 1, 1)


def test_a_worker_makes_a_space_again_that_is_dropped_meanwhile(database: Database) -> None:
    """It waits for the drop, and its windows are kept."""
    (first,) = library(database, BEFORE, tracks=1)
    new_job(database, further_track(database, first), [TaskName.EMBED])
    held, old = claimed(database), id_of(database, BEFORE)
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            session.execute(text("DELETE FROM embeddings"))
            session.execute(text("DELETE FROM spaces"))
            written = threads.submit(ended, database, held, BEFORE)
            wait_for_a_lock(database)
        written.result(60)
    kept = listed(database, first.owner_id)[BEFORE]
    assert kept.row.id != old
    assert (kept.tracks, kept.windows) == (1, 1)


def test_a_large_space_is_dropped_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction holds more than some thousand rows; the count is of all."""
    monkeypatch.setattr("phonoscope.db.spaces.dropping._AT_A_TIME", 2)
    tracks = library(database, BEFORE, NOW, tracks=3)
    dropped = drop_space(database, id_of(database, BEFORE), {NOW}, Actor(tracks[0].owner_id))
    assert dropped > 6
    assert listed(database).keys() == {NOW}
