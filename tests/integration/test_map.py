"""The map of a library: written with the end of its task, read over HTTP, seen by its owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from phonoscope.client import ApiError, Client
from phonoscope.contract import TrackChange
from phonoscope.db.access.engine import Database
from phonoscope.db.library.maps import count_missing, library_stamp, newest_map, placed_tracks, vectors_to_place
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.states import Status, TaskName
from phonoscope.work import Library, Outcome, Space
from tests.integration.life import CPU, ONE, claimed, empty, end, new_job, new_track
from tests.support import RunningStack, tone_wav

MODEL = "environment-50"
SPACE = Space(MODEL, "d")


def drawn(database: Database, owner_id: str, points: dict[str, tuple[float, float]], *, lose: bool = False) -> bool:
    """A map job from its creation to its end; whether the end was written."""
    with database.transaction() as session:
        create_job(session, Library(owner_id), [TaskName.MAP], {"map": {"model": MODEL}}, {})
    claim = claimed(database, CPU)
    if lose:
        with database.transaction() as session:
            session.execute(
                text("UPDATE tasks SET lease_token = 'another' WHERE id = ANY(:ids)"), {"ids": [*claim.tasks.values()]}
            )
    with database.autocommit() as session:
        outcome = Outcome({}, None, MODEL, SPACE.digest, points=points)
        ended = end_tasks(session, claim, {TaskName.MAP: outcome}, {})
    return ended is not None


def placed(database: Database, owner_id: str) -> dict[str, tuple[float, float]]:
    with database.autocommit() as session:
        return {place.track.id: (place.x, place.y) for place in placed_tracks(session, owner_id, SPACE)}


def test_points_come_with_the_end(database: Database) -> None:
    """Those of a later map take their place, and what that leaves out is off the map."""
    empty(database)
    track = new_track(database)
    assert drawn(database, track.owner_id, {track.id: (0.5, -0.5)})
    assert placed(database, track.owner_id) == {track.id: (0.5, -0.5)}
    assert drawn(database, track.owner_id, {track.id: (0.25, 1.0)})
    assert placed(database, track.owner_id) == {track.id: (0.25, 1.0)}
    assert drawn(database, track.owner_id, {})
    assert placed(database, track.owner_id) == {}


def test_who_lost_the_lease_moves_no_point(database: Database) -> None:
    """Nor does a track that is gone get one."""
    empty(database)
    track = new_track(database)
    assert drawn(database, track.owner_id, {track.id: (0.5, 0.5), "trk_gone": (0.0, 0.0)})
    empty_handed = not drawn(database, track.owner_id, {track.id: (0.0, 0.0)}, lose=True)
    assert empty_handed
    assert placed(database, track.owner_id) == {track.id: (0.5, 0.5)}


@pytest.mark.long
def test_what_is_embedded_anew_is_missing(database: Database) -> None:
    """A map shows where it was, and says that it has to be drawn again."""
    empty(database)
    track = new_track(database)

    def embedded() -> list[str]:
        new_job(database, track, [TaskName.EMBED])
        end(database, claimed(database), embed=Outcome({}, None, MODEL, "d", vectors={Space(MODEL, "d"): {"": ONE}}))
        with database.autocommit() as session:
            return library_stamp(session, track.owner_id, SPACE)

    before = embedded()
    drawn(database, track.owner_id, {track.id: (0.5, 0.5)})
    with database.autocommit() as session:
        task = newest_map(session, track.owner_id, MODEL)
        assert count_missing(session, track.owner_id, SPACE, task) == 0
    assert embedded() != before
    with database.autocommit() as session:
        assert count_missing(session, track.owner_id, SPACE, task) == 1


def test_vectors_of_another_digest_are_not_drawn(database: Database) -> None:
    """Nor do they change what a map is drawn from; until they are embedded again they are missing from it."""
    empty(database)
    track = new_track(database)
    new_job(database, track, [TaskName.EMBED])
    end(database, claimed(database), embed=Outcome({}, None, MODEL, "old", vectors={Space(MODEL, "old"): {"": ONE}}))
    drawn(database, track.owner_id, {track.id: (0.5, 0.5)})

    def seen() -> tuple[list[str], list[str], int]:
        with database.autocommit() as session:
            task = newest_map(session, track.owner_id, MODEL)
            vectors = vectors_to_place(session, track.owner_id, SPACE, 10)
            stamp = library_stamp(session, track.owner_id, SPACE)
            return list(vectors), stamp, count_missing(session, track.owner_id, SPACE, task)

    assert seen() == ([], ["d", "0", "None"], 1)
    new_job(database, track, [TaskName.EMBED])
    end(database, claimed(database), embed=Outcome({}, None, MODEL, "d", vectors={Space(MODEL, "d"): {"": ONE}}))
    drawn(database, track.owner_id, {track.id: (0.5, 0.5)})
    vectors, (digest, count, _), missing = seen()
    assert (vectors, digest, count, missing) == ([track.id], "d", "1", 0)


@pytest.mark.long
def test_a_map_shows_the_labels_of_the_model_that_is_named(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """Whatever another model recognised later; without a model it shows the newest."""
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(seconds=2.0, seed=5))
    for model in (MODEL, "environment-10"):
        job = client.wait(client.analyze(path, ["classify", "embed"], {"classify": {"model": model}}))
    assert client.wait(client.create_job(None, ["map"], {"map": {"model": MODEL}})).status is Status.SUCCEEDED
    labels = client.track(job.recording).labels
    (named,), (newest,) = (client.library_map(model).points for model in (MODEL, None))
    assert named.labels == labels.get(MODEL, [])
    assert named.label == next(iter(named.labels), None)
    assert newest.label == client.track(job.recording).label
    assert named.classified_by == newest.classified_by == client.track(job.recording).classified_by


@pytest.mark.long
def test_a_map_tells_what_nobody_listened_to(client: Client, tmp_path: Path) -> None:
    """From what was listened to without a likely label."""
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(seconds=2.0, seed=6))
    client.wait(client.analyze(path, ["embed"]))
    assert client.wait(client.create_job(None, ["map"])).status is Status.SUCCEEDED
    (point,) = client.library_map().points
    assert (point.label, point.classified_by) == (None, [])


@pytest.mark.long
def test_a_map_tells_what_could_not_be_listened_to(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """From what was listened to before, though that failed later."""
    jobs = []
    for seed in (7, 8):
        path = tmp_path / f"{seed}.wav"
        path.write_bytes(tone_wav(seconds=2.0, seed=seed))
        jobs.append(client.wait(client.analyze(path, ["classify", "embed"])))
    assert client.wait(client.create_job(None, ["map"])).status is Status.SUCCEEDED
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        failed = text("UPDATE tasks SET status = 'failed' WHERE name = 'classify' AND job_id = ANY(:jobs)")
        session.execute(failed, {"jobs": [job.id for job in jobs]})
        session.execute(text("DELETE FROM track_labels WHERE track_id = :track"), {"track": jobs[0].recording})
    database.close()
    points = {point.track_id: point for point in client.library_map().points}
    assert [points[job.recording].classification_failed for job in jobs] == [True, False]


def _outdate(stack: RunningStack, job_id: str) -> None:
    """The job's results are of a shape that this version of the service does not know."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        stored = text("UPDATE results SET body = '{}' FROM tasks WHERE task_id = tasks.id AND job_id = :job")
        session.execute(stored, {"job": job_id})
    database.close()


@pytest.mark.long
def test_a_library_is_drawn_and_read(client: Client, stranger: Client, stack: RunningStack, tmp_path: Path) -> None:
    """Two tracks, a map of both; nothing new is not drawn again; a deleted track is off it; nobody else sees it.

    Its points are there although another version of the service drew it.
    """
    tracks = []
    for seed in (1, 2):
        path = tmp_path / f"{seed}.wav"
        path.write_bytes(tone_wav(seconds=2.0, seed=seed))
        tracks.append(client.wait(client.analyze(path)).recording)
    before = client.library_map()
    assert (before.points, before.drawn_at, before.missing, before.job_id) == ([], None, 2, None)
    job = client.wait(client.create_job(None, ["map"]))
    assert (job.status, job.track_id) == (Status.SUCCEEDED, None)
    found = client.library_map(MODEL)
    assert (found.model, found.method, found.missing, found.job_id) == ("mobilenet", "pca", 0, None)
    assert {point.track_id for point in found.points} == set(tracks)
    assert {point.filename for point in found.points} == {"1.wav", "2.wav"}
    client.change_track(tracks[0], TrackChange(name="Zoe\u0308"))
    for words, ids in {"ZOË": [tracks[0]], "2.wav": [tracks[1]], "wav": tracks, "zoo": []}.items():
        assert set(client.found_on_map(words, MODEL).track_ids) == set(client.found_on_map(words).track_ids) == set(ids)
        assert stranger.found_on_map(words).track_ids == []
    client.change_track(tracks[0], TrackChange(name=None))
    again = client.create_job(None, ["map"])
    assert (again.status, again.tasks[0].cached) == (Status.SUCCEEDED, True)
    _outdate(stack, again.id)
    assert client.library_map().points == found.points
    assert client.library_map().method is None
    client.delete_track(tracks[0])
    assert [point.track_id for point in client.library_map().points] == [tracks[1]]
    assert stranger.library_map().points == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"tasks": ["map", "embed"]}, "tasks"),
        ({"tasks": ["map"], "track_id": "trk_1"}, "tasks"),
        ({"tasks": ["embed"]}, "track_id"),
        ({"tasks": ["map"], "options": {"map": {"model": "nobody"}}}, "nobody"),
    ],
)
def test_what_is_no_map_is_refused(client: Client, request_: dict[str, Any], field: str) -> None:
    """Each with the field, or the name, that is wrong."""
    asked = {"track_id": None} | request_
    with pytest.raises(ApiError) as at:
        client.create_job(asked["track_id"], asked["tasks"], asked.get("options"))
    assert 400 <= at.value.status_code < 500
    assert field in str(at.value)
