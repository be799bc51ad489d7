"""A description against a genre's reference profile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import TrackLabelsRow
from phonoscope.states import Status
from phonoscope.tasks import Classify, Describe
from phonoscope.tasks.describe import Reference
from tests.classifiers import write_classifier
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
    assert found.reading.startswith("Bass is ")
    assert found.reading.endswith(" what *rock* usually has.")
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


@pytest.fixture
def heard_as_jazz(stack: RunningStack, client: Client) -> Iterator[None]:
    """Small models: *genre-10* hears jazz, *bells* a bell, and the one that tells kinds apart music, in everything."""
    folder = stack.pulled_models
    for seed, (name, label) in enumerate({"genre-10": "jazz", "bells": "bell", "kinds": "music"}.items()):
        write_classifier(folder / name, label, seed)
    yield
    for name in ("genre-10", "bells", "kinds"):
        shutil.rmtree(folder / name)
    assert "bells" not in {card.name for card in client.models()}


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "counting"), [("auto", "jazz"), (["bells", "genre-10"], "bell")], ids=["auto", "another model counts"]
)
@pytest.mark.usefixtures("heard_as_jazz")
def test_the_genre_that_any_model_hears(client: Client, tmp_path: Path, model: Any, counting: str) -> None:
    """In the same job, in a later one by the track's labels, unless one is named; and the track is found by it."""
    track_id = uploaded(client, tmp_path, 404 if model == "auto" else 405)
    options = {"classify": {"model": model}}
    job = client.wait(client.create_job(track_id, tasks=["classify", "describe"], options=options))
    assert job.result(Classify).label == counting
    later, named = described(client, track_id), described(client, track_id, "rock")
    found = [(each.genre, each.named) for each in map(told, (job, later, named)) if each is not None]
    assert found == [("jazz", False), ("jazz", False), ("rock", True)]
    assert client.track(track_id).label == counting
    assert client.track(track_id).labels["genre-10"] == ["jazz"]
    assert [track.id for track in client.tracks(label="jazz", model="genre-10").items] == [track_id]
    client.say_label(track_id, "rock")
    corrected = told(client.job(job.id))
    assert corrected is not None
    assert corrected.genre == "rock"
    assert client.track(track_id).label == "rock"


def test_an_unknown_genre_is_refused(client: Client, tmp_path: Path) -> None:
    """422 before anything is done, with those there are."""
    track_id = uploaded(client, tmp_path, 403)
    with pytest.raises(ApiError) as refusal:
        client.create_job(track_id, tasks=["describe"], options={"describe": {"genre": "polka"}})
    assert (refusal.value.status_code, refusal.value.code) == (422, "invalid_request")
    assert refusal.value.problem["errors"][0]["field"] == "options.describe.genre"
    assert "blues" in refusal.value.problem["detail"]
    assert client.jobs(track_id=track_id).items == []
