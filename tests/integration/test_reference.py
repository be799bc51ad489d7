"""A description against a genre's reference profile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import TrackLabelsRow
from phonoscope.states import Status
from phonoscope.tasks import Describe
from phonoscope.tasks.describe import Reference
from tests.support import RunningStack, tone_wav


def described(client: Client, track_id: str, genre: str | None = None) -> Job:
    options = {"describe": {"genre": genre}} if genre else {}
    job = client.wait(client.create_job(track_id, tasks=["describe"], options=options))
    assert job.status is Status.SUCCEEDED
    return job


def told(job: Job) -> Reference | None:
    return job.result(Describe).reference


def uploaded(client: Client, folder: Path, seed: int) -> str:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(2.0, hertz=120.0, seed=seed))
    return client.upload(path).id


def test_the_genre_that_is_named(client: Client, tmp_path: Path) -> None:
    """A tone at 120 Hz in noise has far more bass than rock, and the sentence says so; listed jobs tell it too."""
    job = described(client, uploaded(client, tmp_path, 401), "rock")
    found = told(job)
    assert found is not None
    assert (found.genre, found.named) == ("rock", True)
    assert "GTZAN" in found.source
    differences = {band.name: band.difference_db for band in found.bands if band.difference_db is not None}
    assert len(differences) == len(found.bands)
    assert differences["bass"] == max(differences.values()) > 5.0
    assert found.reading.startswith("Against *rock*, ")
    assert "bass" in found.reading
    (listed,) = client.jobs(track_id=job.recording).items
    assert told(listed) == found


def test_the_genre_that_was_heard(client: Client, stack: RunningStack, tmp_path: Path) -> None:
    """The track's label takes its place where none is named, as soon as there is one with a profile."""
    track_id = uploaded(client, tmp_path, 402)
    job = described(client, track_id)
    assert told(job) is None
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        kept = {"model": "genre-10", "position": 1, "labels": ["jazz"]}
        session.add(TrackLabelsRow(track_id=track_id, finished_at=datetime.now(UTC), **kept))
    database.close()
    found = told(client.job(job.id))
    assert found is not None
    assert (found.genre, found.named) == ("jazz", False)


def test_an_unknown_genre_is_refused(client: Client, tmp_path: Path) -> None:
    """422 before anything is done, with those there are."""
    track_id = uploaded(client, tmp_path, 403)
    with pytest.raises(ApiError) as refusal:
        client.create_job(track_id, tasks=["describe"], options={"describe": {"genre": "polka"}})
    assert (refusal.value.status_code, refusal.value.code) == (422, "invalid_request")
    assert refusal.value.problem["errors"][0]["field"] == "options.describe.genre"
    assert "blues" in refusal.value.problem["detail"]
    assert client.jobs(track_id=track_id).items == []
