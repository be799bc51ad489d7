"""A track's results over HTTP: its state, whichever jobs asked."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Job
from phonoscope.states import Status, TaskName
from phonoscope.tasks.classify import ClassifyResult
from phonoscope.tasks.describe import DescribeResult
from tests.support import tone_wav


@pytest.fixture
def track_id(client: Client, tmp_path: Path) -> str:
    """A recording that nothing was asked of."""
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(2.0, hertz=120.0, seed=601))
    return client.upload(path).id


def asked(client: Client, track_id: str, *tasks: str, genre: str | None = None) -> Job:
    job = client.wait(client.create_job(track_id, tasks, {"describe": {"genre": genre}}))
    assert job.status is Status.SUCCEEDED, job.model_dump_json()
    return job


def test_the_newest_of_each_task_is_there(client: Client, track_id: str) -> None:
    """As the jobs have it, with links that can be followed and a description's genre."""
    assert client.results(track_id).items == []
    first = asked(client, track_id, "classify", "embed")
    second = asked(client, track_id, "describe", genre="rock")
    found = client.results(track_id)
    assert {item.task: item.job_id for item in found.items} == {
        TaskName.DESCRIBE: second.id,
        TaskName.CLASSIFY: first.id,
        TaskName.EMBED: first.id,
    }
    assert found.items[0].task is TaskName.DESCRIBE
    classified, described = found.newest("classify"), found.newest("describe")
    assert classified is not None
    assert described is not None
    assert classified.result == first.task("classify").result
    assert isinstance(classified.result, ClassifyResult)
    assert (classified.model, classified.digest) == (classified.result.model.name, classified.result.model.digest)
    assert classified.finished_at == first.task("classify").finished_at
    assert (described.model, described.digest, described.variant) == (None, None, None)
    assert isinstance(described.result, DescribeResult)
    assert described.result.reference is not None
    assert described.result.reference.genre == "rock"
    assert described.result.waveform is not None
    assert len(client.download(described.result.waveform)) == described.result.waveform.size_bytes
    assert found.newest("classify", "genre-10") is None
    assert found.newest("separate") is None


def test_the_same_again_is_the_same_result_of_another_job(client: Client, track_id: str) -> None:
    """An answer from the ledger, and one that followed a job under way: whoever asked last is named."""
    first, second = (client.create_job(track_id, ["describe"]) for _ in range(2))
    for job in (first, second):
        assert client.wait(job).status is Status.SUCCEEDED
    assert [item.job_id for item in client.results(track_id).items] == [second.id]
    third = asked(client, track_id, "describe", genre="jazz")
    assert third.task("describe").cached
    (found,) = client.results(track_id).items
    assert (found.job_id, found.task_id != third.id) == (third.id, True)
    assert isinstance(found.result, DescribeResult)
    assert found.result.reference is not None
    assert found.result.reference.genre == "jazz"
    assert found.result.waveform is not None
    assert client.download(found.result.waveform)


def test_who_has_it_is_not_sent_it_again(http: httpx.Client) -> None:
    """304 until something changes; an answer from the ledger is a change, reading is none."""
    track_id = http.post("/v1/tracks", files={"file": ("tone.wav", tone_wav(1.0, seed=602))}).json()["id"]
    url, tags = f"/v1/tracks/{track_id}/results", []
    for _ in range(2):
        job = http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["describe"]}).json()
        assert http.get(f"/v1/jobs/{job['id']}", params={"wait": 60}).json()["status"] == "succeeded"
        answer = http.get(url)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
        tags.append(answer.headers["ETag"])
        same = http.get(url, headers={"If-None-Match": f'"other", {tags[-1]}'})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tags[-1])
    assert tags[0] != tags[1]
    assert http.get(url, headers={"If-None-Match": tags[0]}).status_code == 200


def test_nobody_else_sees_it_and_it_goes_with_the_track(client: Client, stranger: Client, track_id: str) -> None:
    """404 for both."""
    asked(client, track_id, "describe")
    with pytest.raises(ApiError) as refusal:
        stranger.results(track_id)
    assert refusal.value.status_code == 404
    client.delete_track(track_id)
    with pytest.raises(ApiError) as refusal:
        client.results(track_id)
    assert refusal.value.status_code == 404
