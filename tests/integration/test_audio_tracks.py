"""A file with several audio tracks, over HTTP: which one is read, and what a job that names another one leaves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import av
import httpx
import numpy as np
import pytest

from phonoscope.client import Client
from phonoscope.contract import ClassifyOptions, EmbedOptions, JobOptions
from phonoscope.tasks import Describe, Embed
from tests.support import RunningStack, tone_wav

RATE_HZ = 22_050


def several(*levels: float, seconds: float = 1.0) -> bytes:
    """A Matroska file with an audio track of each level; the second one is the default, all but the first are named."""
    buffer = io.BytesIO()
    tone = np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    with av.open(buffer, "w", format="matroska") as output:
        streams = []
        for index, _ in enumerate(levels):
            stream: Any = output.add_stream("pcm_s16le", rate=RATE_HZ, layout="mono")
            stream.disposition = av.stream.Disposition.default if index == 1 else av.stream.Disposition(0)
            stream.metadata.update({"title": f"stem {index}", "language": "deu"} if index else {})
            streams.append(stream)
        for stream, level in zip(streams, levels, strict=True):
            samples = np.rint(level * 32_767 * tone).astype("<i2")
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE_HZ, 0
            output.mux(stream.encode(frame))
    return buffer.getvalue()


@pytest.fixture
def owner() -> str:
    """An owner who has nothing yet."""
    return f"owner-{uuid4()}"


@pytest.fixture
def client(stack: RunningStack, owner: str) -> Iterator[Client]:
    """Its client."""
    with stack.client(owner) as client:
        yield client


@pytest.fixture
def http(stack: RunningStack, owner: str) -> Iterator[httpx.Client]:
    """Its bare HTTP client."""
    with stack.http(owner) as client:
        yield client


def upload(http: httpx.Client, content: bytes) -> dict[str, Any]:
    answer = http.post("/v1/tracks", files={"file": ("several.mka", content)})
    assert answer.status_code == 201, answer.text
    track: dict[str, Any] = answer.json()
    return track


def ask(http: httpx.Client, track_id: str, options: dict[str, Any], tasks: list[str]) -> httpx.Response:
    return http.post("/v1/jobs", json={"track_id": track_id, "tasks": tasks, "options": options})


def loudest(client: Client, track_id: str, audio_track: int | None) -> float | None:
    """The true peak that ``describe`` finds, in decibels of full scale."""
    job = client.create_job(track_id, ["describe"], options=JobOptions(audio_track=audio_track))
    return client.wait(job).result(Describe).true_peak_dbfs


def test_the_track_names_its_audio_tracks(http: httpx.Client) -> None:
    """Each with what the file says of it; the default one is read."""
    track = upload(http, several(0.5, 0.25, 0.125))
    assert track["audio_track"] == 1
    assert [each["index"] for each in track["audio_tracks"]] == [0, 1, 2]
    assert [each["default"] for each in track["audio_tracks"]] == [False, True, False]
    assert [each["title"] for each in track["audio_tracks"]] == [None, "stem 1", "stem 2"]
    assert [each["language"] for each in track["audio_tracks"]] == [None, "deu", "deu"]
    assert {(each["codec"], each["channels"]) for each in track["audio_tracks"]} == {("pcm_s16le", 1)}
    assert track["audio_tracks"][1]["duration_s"] == pytest.approx(track["duration_s"])
    (alone,) = upload(http, tone_wav(0.5, seed=4711))["audio_tracks"]
    assert (alone["index"], alone["duration_s"]) == (0, 0.5)


def test_a_job_reads_the_audio_track_that_it_names(client: Client, http: httpx.Client) -> None:
    """Every one by its own level; the default by its index is the default, and answered from the ledger."""
    track_id = upload(http, several(0.5, 0.26, 0.126))["id"]
    peaks = [loudest(client, track_id, index) for index in (None, 0, 2)]
    assert peaks == pytest.approx([-11.7, -6.02, -18.0], abs=0.2)
    again = client.create_job(track_id, ["describe"], options=JobOptions(audio_track=1))
    assert again.task("describe").cached
    other = client.create_job(track_id, ["describe"], options=JobOptions(audio_track=2))
    assert other.task("describe").cached


def test_results_of_other_audio_tracks_are_kept_beside(client: Client, http: httpx.Client) -> None:
    """The track's own result stays the newest of its own; the other says of which audio track it is."""
    track_id = upload(http, several(0.5, 0.27, 0.127))["id"]
    own = client.wait(client.create_job(track_id, ["describe"]))
    loudest(client, track_id, 0)
    found = client.results(track_id)
    assert {item.audio_track for item in found.items} == {None, 0}
    assert found.newest("describe").job_id == own.id  # type: ignore[union-attr]
    other = found.newest("describe", audio_track=0)
    assert other is not None
    assert other.variant is None
    assert other.result.true_peak_dbfs == pytest.approx(-6.02, abs=0.2)  # type: ignore[union-attr]


def test_an_outline_is_of_the_audio_track_asked_for(client: Client, http: httpx.Client) -> None:
    """Another one is measured when it is first asked for."""
    track_id = upload(http, several(0.5, 0.28, 0.128))["id"]
    for index, level in ((None, 0.28), (0, 0.5), (1, 0.28)):
        query = {} if index is None else {"audio_track": index}
        answer = http.get(f"/v1/tracks/{track_id}/waveform", params=query)
        if answer.status_code == 202:
            client.wait(client.job(answer.json()["id"]))
            answer = http.get(f"/v1/tracks/{track_id}/waveform", params=query)
        assert max(answer.json()["max"]) == pytest.approx(level, abs=0.01)
    for name in ("waveform", "spectrogram", "stems"):
        assert http.get(f"/v1/tracks/{track_id}/{name}", params={"audio_track": 9}).status_code == 422
    assert http.get(f"/v1/tracks/{track_id}/spectrogram", params={"audio_track": 0}).status_code == 200
    assert client.spectrogram(track_id, audio_track=0) != client.spectrogram(track_id)
    assert http.get(f"/v1/tracks/{track_id}/stems", params={"audio_track": 0}).status_code == 404


def test_the_library_is_of_the_tracks_own_audio(client: Client, http: httpx.Client) -> None:
    """Labels and vectors of another audio track are in the job's result, and nowhere else."""
    track_id = upload(http, several(0.5, 0.29, seconds=2.0))["id"]
    options = JobOptions(audio_track=0, embed=EmbedOptions(return_vector=True), classify=ClassifyOptions())
    job = client.wait(client.create_job(track_id, ["classify", "embed"], options=options))
    embedded = job.result(Embed)
    assert (len(embedded.vector or []), embedded.spaces) == (512, [])
    assert client.track(track_id).labels == {}
    assert http.get(f"/v1/tracks/{track_id}/similar").status_code == 404
    client.wait(client.create_job(track_id, ["classify", "embed"]))
    assert http.get(f"/v1/tracks/{track_id}/similar").status_code == 200
    assert client.create_job(track_id, ["embed"], options=options).task("embed").cached


@pytest.mark.parametrize(
    ("options", "tasks", "why"),
    [
        ({"audio_track": 3}, ["describe"], "there are 0, 1, 2"),
        ({"audio_track": -1}, ["describe"], "greater"),
        ({"audio_track": 64}, ["describe"], "less"),
        ({"audio_track": True}, ["describe"], "integer"),
        ({"audio_track": "1"}, ["describe"], "integer"),
        ({"audio_track": 0}, ["map"], "library"),
    ],
)
def test_an_audio_track_that_is_not_there(http: httpx.Client, options: Any, tasks: list[str], why: str) -> None:
    """422, with the field's name and what there is."""
    track_id = upload(http, several(0.5, 0.3, 0.13, seconds=0.5 + np.random.default_rng().random()))["id"]
    body = {"tasks": tasks, "options": options} | ({} if tasks == ["map"] else {"track_id": track_id})
    answer = http.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert "options.audio_track" in answer.text
    assert why in answer.text
