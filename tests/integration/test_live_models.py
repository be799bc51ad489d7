"""Classifiers that come, change and go while the stack runs, without a restart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Embed, Explain, Map
from tests.classifiers import write_classifier
from tests.support import RunningStack, tone_wav


@pytest.fixture
def folder(stack: RunningStack) -> Iterator[Path]:
    """Where a model can be put that the running gateway and workers look for."""
    place = stack.pulled_models / "newcomer"
    yield place
    shutil.rmtree(place, ignore_errors=True)


def uploaded(client: Client, folder: Path, seed: int, seconds: float = 2.0) -> str:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(seconds, seed=seed))
    return client.upload(path).id


def heard_by(client: Client, track_id: str, model: str) -> Job:
    job = client.wait(client.create_job(track_id, ["classify", "embed"], {"classify": {"model": model}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job


def refused(client: Client, track_id: str, model: str) -> list[tuple[int, str]]:
    """How everything that names the model is refused."""
    found = []
    for ask in (
        lambda: client.create_job(track_id, ["classify"], {"classify": {"model": model}}),
        lambda: client.create_job(None, ["map"], {"map": {"model": model}}),
        lambda: client.similar(track_id, model=model),
        lambda: client.library_map(model),
    ):
        with pytest.raises(ApiError) as refusal:
            ask()
        found.append((refusal.value.status_code, refusal.value.code))
    return found


@pytest.mark.long
def test_a_classifier_that_is_added_can_be_used_at_once(client: Client, folder: Path, tmp_path: Path) -> None:
    """It is listed, and jobs, neighbours and map take its name; before, each of them refuses it."""
    tracks = [uploaded(client, tmp_path, seed) for seed in (801, 802)]
    assert set(refused(client, tracks[0], folder.name)) == {(422, "unknown_model")}
    write_classifier(folder, "bell", 1)
    assert folder.name in {card.name for card in client.models()}
    for track_id in tracks:
        job = heard_by(client, track_id, folder.name)
        assert job.result(Classify).label == "bell"
        assert job.result(Embed).model == job.result(Classify).model
        assert job.result(Classify).model.digest == client.model(folder.name).digest
    assert [near.track.id for near in client.similar(tracks[0], model=folder.name)] == [tracks[1]]
    drawn = client.wait(client.create_job(None, ["map"], {"map": {"model": folder.name}}))
    assert (drawn.result(Map).model, drawn.result(Map).tracks) == (folder.name, 2)
    assert {point.track_id for point in client.library_map(folder.name).points} == set(tracks)


@pytest.mark.long
def test_a_classifier_that_is_replaced_answers_at_once(client: Client, folder: Path, tmp_path: Path) -> None:
    """The worker that holds the earlier one in memory uses the later one, and no earlier result stands for it."""
    track_id = uploaded(client, tmp_path, 803)
    write_classifier(folder, "bell", 1)
    before = heard_by(client, track_id, folder.name)
    assert heard_by(client, track_id, folder.name).task(TaskName.CLASSIFY).cached
    write_classifier(folder, "dog", 2)
    after = heard_by(client, track_id, folder.name)
    assert (before.result(Classify).label, after.result(Classify).label) == ("bell", "dog")
    assert not after.task(TaskName.CLASSIFY).cached
    assert after.result(Classify).model.digest == client.model(folder.name).digest
    assert after.result(Classify).model.digest != before.result(Classify).model.digest
    options = {"classify": {"model": folder.name}, "explain": {"label": "dog", "artifacts": []}}
    assert client.wait(client.create_job(track_id, ["explain"], options)).result(Explain).label == "dog"
    with pytest.raises(ApiError, match="there is no bell; there are dog"):
        client.create_job(track_id, ["explain"], options | {"explain": {"label": "bell"}})


def test_a_classifier_that_is_removed_is_refused_at_once(client: Client, folder: Path, tmp_path: Path) -> None:
    """What it found stays."""
    track_id = uploaded(client, tmp_path, 804)
    write_classifier(folder, "bell", 1)
    job = heard_by(client, track_id, folder.name)
    shutil.rmtree(folder)
    assert set(refused(client, track_id, folder.name)) == {(422, "unknown_model")}
    assert folder.name not in {card.name for card in client.models()}
    assert client.job(job.id).result(Classify).label == "bell"


@pytest.mark.long
def test_a_worker_without_the_model_says_so(client: Client, folder: Path, tmp_path: Path) -> None:
    """It was removed while the job waited: a typed error that names the model, not an unknown one; others go on."""
    long, short = uploaded(client, tmp_path, 805, 900.0), uploaded(client, tmp_path, 806)
    write_classifier(folder, "bell", 1)
    busy = client.create_job(long, ["classify"])
    deadline = time.monotonic() + 60.0
    while client.job(busy.id).task(TaskName.CLASSIFY).status is not Status.RUNNING:
        assert time.monotonic() < deadline, client.job(busy.id)
        time.sleep(0.1)
    waiting = client.create_job(short, ["classify", "embed"], {"classify": {"model": folder.name}})
    shutil.rmtree(folder)
    assert client.cancel(busy.id).status is Status.CANCELLED
    done = client.wait(waiting)
    assert done.status is Status.FAILED
    for task in done.tasks:
        assert task.error is not None
        assert (task.error["code"], task.error["retryable"]) == ("unknown_model", False)
        assert f"no model '{folder.name}'" in task.error["detail"]
    assert client.wait(client.create_job(short, ["classify"])).status is Status.SUCCEEDED
