"""Owners' own classifiers, which jobs, searches and maps name as they name served models."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job, ModelCard
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.schema.tables import TrackRow
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Embed, Explain, Features
from tests.classifiers import write_classifier
from tests.own_heads import LABELS, OwnFiles, keep_head, own_head
from tests.support import RunningStack, tone_wav


@pytest.fixture
def database(stack: RunningStack) -> Iterator[Database]:
    """The stack's own."""
    found = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield found
    found.close()


@pytest.fixture
def track_id(client: Client, tmp_path: Path) -> str:
    return uploaded(client, tmp_path, 901)


def uploaded(client: Client, folder: Path, seed: int, seconds: float = 2.0) -> str:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(seconds, hertz=300.0 + seed, rate_hz=8_000, seed=seed))
    return client.upload(path).id


def teach(database: Database, track_id: str, files: OwnFiles) -> None:
    """Gives the track's owner a head."""
    with database.transaction() as session:
        keep_head(session, session.get_one(TrackRow, track_id).owner_id, files)


def heard_by(client: Client, track_id: str, *tasks: str, model: str = "shades") -> Job:
    options = {"classify": {"model": model}, "explain": {"artifacts": []}, "features": {"artifacts": []}}
    job = client.wait(client.create_job(track_id, list(tasks or ["classify"]), options))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job


def test_an_own_classifier_is_a_model_to_its_owner_alone(
    client: Client, stranger: Client, database: Database, track_id: str, tmp_path: Path
) -> None:
    """It is listed with its card; to another owner it does not exist, in the words for any unknown name."""
    files = own_head()
    teach(database, track_id, files)
    card = client.model("shades")
    assert isinstance(card, ModelCard)
    assert (card.kind, card.yours, card.labels) == ("own", True, list(LABELS))
    assert (card.digest, card.metrics) == (f"sha256:{files[0].on[0].weights.sha256}", {"accuracy": 0.9})
    assert [one.name for one in client.models() if getattr(one, "yours", False)] == ["shades"]
    assert "shades" not in {one.name for one in stranger.models()}
    theirs = uploaded(stranger, tmp_path, 902)
    for ask in (
        lambda: stranger.create_job(theirs, ["classify"], {"classify": {"model": "shades"}}),
        lambda: stranger.create_job(None, ["map"], {"map": {"model": "shades"}}),
        lambda: stranger.similar(theirs, model="shades"),
        lambda: stranger.library_map("shades"),
        lambda: stranger.model("shades"),
    ):
        with pytest.raises(ApiError, match="no model 'shades'") as refusal:
            ask()
        assert (refusal.value.status_code, refusal.value.code) in {(422, "unknown_model"), (404, "not_found")}


def test_an_own_classifier_is_run_as_any(client: Client, database: Database, track_id: str) -> None:
    """One job classifies, embeds, explains and shows feature maps by it; each result names the head's weights."""
    files = own_head(thresholds=[0.0])
    teach(database, track_id, files)
    job = heard_by(client, track_id, "classify", "embed", "explain", "features")
    found, digest = job.result(Classify), f"sha256:{files[0].on[0].weights.sha256}"
    assert (found.model.name, found.model.digest) == ("shades", digest)
    assert {each.label for each in found.top} == set(LABELS)
    assert sum(each.probability for each in found.top) == pytest.approx(1.0, abs=1e-3)
    assert job.result(Embed).model.name == "mobilenet"
    explained = job.result(Explain)
    assert (explained.model.digest, explained.label, explained.layer) == (digest, found.label, "last")
    assert max(window.probability for window in explained.windows) > 0.0
    assert (job.result(Features).model.digest, job.result(Features).label) == (digest, found.label)
    assert found.label is not None
    track = client.track(track_id)
    assert (track.label, track.labels) == (found.label, {"shades": [found.label]})
    assert [each.id for each in client.tracks(label=found.label, model="shades").items] == [track_id]
    with pytest.raises(ApiError, match="there is no purple; there are bright, dark, dull"):
        client.create_job(track_id, ["explain"], {"classify": {"model": "shades"}, "explain": {"label": "purple"}})


def test_what_it_says_is_what_its_numbers_say(client: Client, database: Database, track_id: str) -> None:
    """The probabilities of a window are those of its stored vector, by the head's weights."""
    weights = 4.0 * np.random.default_rng(5).standard_normal((3, 512)).astype(np.float32)
    teach(database, track_id, own_head(weights=weights, bias=[0.1, 0.0, -0.1]))
    job = heard_by(client, track_id, "classify", "embed")
    kept = client.vectors(track_id, model="shades").windows
    logits = np.array([each.vector for each in kept]) @ weights.T + [0.1, 0.0, -0.1]
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    windows = job.result(Classify).windows
    assert len(windows) == len(kept)
    for window, row in zip(windows, wanted, strict=True):
        said = {each.label: each.probability for each in window.top}
        np.testing.assert_allclose([said[label] for label in LABELS], row, atol=2e-2)


def test_another_version_answers_anew(client: Client, database: Database, track_id: str) -> None:
    """The worker that has the first in memory takes the second; the first's result stays what it was."""
    first, second = own_head(bias=[9.0, 0.0, 0.0]), own_head(version=2, bias=[0.0, 9.0, 0.0])
    teach(database, track_id, first)
    before = heard_by(client, track_id)
    assert heard_by(client, track_id).task(TaskName.CLASSIFY).cached
    teach(database, track_id, second)
    after = heard_by(client, track_id)
    assert not after.task(TaskName.CLASSIFY).cached
    assert [one.result(Classify).model.digest for one in (client.job(before.id), after)] == [
        f"sha256:{files[0].on[0].weights.sha256}" for files in (first, second)
    ]
    assert (client.job(before.id).result(Classify).label, after.result(Classify).label) == ("bright", "dark")


def test_two_owners_may_give_one_name(
    client: Client, stranger: Client, database: Database, track_id: str, tmp_path: Path
) -> None:
    """Each is answered by its own, whichever the worker loaded first."""
    theirs = uploaded(stranger, tmp_path, 901)
    teach(database, track_id, own_head(bias=[9.0, 0.0, 0.0]))
    teach(database, theirs, own_head(labels=["loud", "soft"], bias=[9.0, 0.0]))
    found = [heard_by(owner, id_).result(Classify).label for owner, id_ in 2 * [(client, track_id), (stranger, theirs)]]
    assert found == ["bright", "loud", "bright", "loud"]
    client.search("a tone", filters={"labels": [{"label": "bright"}]})
    with pytest.raises(ApiError, match="no served model has the label 'loud'"):
        client.search("a tone", filters={"labels": [{"label": "loud"}]})


@pytest.mark.long
def test_a_served_model_takes_its_name(client: Client, database: Database, stack: RunningStack, track_id: str) -> None:
    """From then on it answers; the own classifier is there again once the served one is gone."""
    teach(database, track_id, own_head("newcomer", bias=[9.0, 0.0, 0.0]))
    folder = stack.pulled_models / "newcomer"
    try:
        write_classifier(folder, "bell", 1)
        assert getattr(client.model("newcomer"), "yours", None) is False
        assert heard_by(client, track_id, model="newcomer").result(Classify).label == "bell"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert heard_by(client, track_id, model="newcomer").result(Classify).label == "bright"


@pytest.mark.long
def test_neighbours_and_maps_are_those_of_its_space(
    client: Client, database: Database, track_id: str, tmp_path: Path
) -> None:
    """By its name the space of its body is meant."""
    other = uploaded(client, tmp_path, 903)
    teach(database, track_id, own_head())
    for each in (track_id, other):
        heard_by(client, each, "embed", "classify")
    assert [near.track.id for near in client.similar(track_id, model="shades")] == [other]
    drawn = client.wait(client.create_job(None, ["map"], {"map": {"model": "shades"}}))
    assert drawn.status is Status.SUCCEEDED
    points = client.library_map("shades").points
    assert {point.track_id for point in points} == {track_id, other}
    assert all(point.label in LABELS for point in points if point.label)


@pytest.mark.long
def test_a_classifier_that_is_gone_is_unknown_to_workers(
    client: Client, database: Database, track_id: str, tmp_path: Path
) -> None:
    """A job that waited for it fails with a typed error that names it, and the worker goes on."""
    teach(database, track_id, own_head())
    long = uploaded(client, tmp_path, 905, seconds=900.0)
    busy = client.create_job(long, ["classify"])
    wait_until(lambda: client.job(busy.id).task(TaskName.CLASSIFY).status is Status.RUNNING)
    waiting = client.create_job(track_id, ["classify"], {"classify": {"model": "shades"}})
    with database.transaction() as session:
        owner_id = session.get_one(TrackRow, track_id).owner_id
        session.execute(delete(ClassifierRow).where(ClassifierRow.owner_id == owner_id))
    assert client.cancel(busy.id).status is Status.CANCELLED
    done = client.wait(waiting)
    error = done.tasks[0].error
    assert error is not None
    assert (done.status, error["code"], error["retryable"]) == (Status.FAILED, "unknown_model", False)
    assert "no model 'shades'" in error["detail"]
    assert client.wait(client.create_job(track_id, ["classify"])).status is Status.SUCCEEDED


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
