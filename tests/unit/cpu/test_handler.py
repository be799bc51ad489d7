"""The pool's handler."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pytest

from phonoscope.audio.beats import Beats
from phonoscope.audio.pyramid import Pyramid
from phonoscope.audio.spectrogram import MelSpectrogram
from phonoscope.audio.waveform import Waveform
from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.contract import JobOptions
from phonoscope.paths import bundled
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS, Map
from phonoscope.work import Claim, ClaimedTrack, Library
from phonoscope_cpu.handler import CpuHandler, prepare
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Work
from tests.support import tone_wav

if TYPE_CHECKING:
    from tests.unit.cpu.signals import MakeClicks, MakeWav


@pytest.fixture
def settings() -> Settings:
    """Addresses that nothing listens at: preparing needs none of them."""
    return Settings(
        environment="development",
        database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none",
        broker_url="redis://127.0.0.1:1/0",
        s3_endpoint_url="http://127.0.0.1:1",
        s3_access_key="none",
        s3_secret_key="none",
        signing_secret="nothing that is signed",
    )


def test_describe_task(settings: Settings, wav: MakeWav, clicks: MakeClicks) -> None:
    """The outcome is the description and what pictures are drawn from; progress is told as true fractions."""
    told: list[tuple[float, str]] = []
    track = ClaimedTrack("trk_1", "own_1", "tracks/trk_1/original", 6.0)
    claim = Claim("lease_1", "job_1", track, {TaskName.DESCRIBE: "task_1"}, {}, 1)
    work = Work(claim, JobOptions(), wav(clicks(120.0, 6.0)), lambda *progress: told.append(progress))
    device, handler = prepare(settings)
    outcomes = handler(work)
    assert device == "cpu"
    assert set(outcomes) == {TaskName.DESCRIBE}
    body = outcomes[TaskName.DESCRIBE].body
    assert body is not None
    assert body["tempo_bpm"] == pytest.approx(120.0, abs=1.0)
    assert body["beats_s"] == pytest.approx(np.arange(0.0, 6.0, 0.5), abs=0.03)
    assert body["beat_count"] == 12
    assert outcomes[TaskName.DESCRIBE].problem is None
    made = {artifact.kind: artifact for artifact in outcomes[TaskName.DESCRIBE].artifacts}
    assert {name: body[name] for name in made} == {name: artifact.reference for name, artifact in made.items()}
    outline, picture = made["waveform"].content, made["spectrogram"].content
    assert isinstance(outline, bytes)
    assert isinstance(picture, bytes)
    assert Waveform.from_npz(outline).duration_s == MelSpectrogram.from_npz(picture).duration_s == 6.0
    for kind in ("waveform_pyramid", "spectrogram_pyramid"):
        with made[kind].open() as file:
            file.seek(0)
            assert Pyramid.unpack(file.read(Pyramid.HEADER.size)).samples == 6 * 22_050
    beats = made["beats"].content
    assert isinstance(beats, bytes)
    np.testing.assert_allclose(Beats.from_npz(beats).beats_s, body["beats_s"], atol=1e-3)
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == pytest.approx(1.0 / 6.0, abs=0.1)
    assert fractions[-1] == pytest.approx(1.0, abs=0.01)
    assert {stage for _, stage in told} == {"measuring"}
    assert work.timings["describe_s"] > 0.0


@pytest.mark.parametrize(
    "content",
    [
        tone_wav(0.0005, seed=1),
        tone_wav(0.5, hertz=0.0),
        tone_wav(4.0, rate_hz=8_000, seed=2),
        tone_wav(3.0, rate_hz=96_000, seed=3),
        tone_wav(5.0)[:-2_000],
    ],
    ids=["22 samples", "silence", "8 kHz", "96 kHz", "cut off"],
)
def test_odd_recordings_have_results_that_clients_can_read(separators: Separators, content: bytes) -> None:
    """Every task's: nothing in a body is lost to a client, and every number is one that JSON can hold."""
    tasks = (TaskName.DESCRIBE, TaskName.SEPARATE, TaskName.MIXDOWN)
    claim = Claim("lease_1", "job_1", ClaimedTrack("trk_1", "own_1", "k", 1.0), {task: task for task in tasks}, {}, 1)
    stems: dict[str, BinaryIO] = {"drums": io.BytesIO(content), "vocals": io.BytesIO(tone_wav(1.0))}
    work = Work(claim, JobOptions(), io.BytesIO(content), lambda *_: None, lambda: stems)
    outcomes = CpuHandler(separators, LiveCatalogue(*separators.folders), separators.cache)(work)
    for name in tasks:
        body = outcomes[name].body
        for artifact in outcomes[name].artifacts:
            artifact.open().close()
        assert body is not None, outcomes[name].problem
        json.dumps(body, allow_nan=False)
        assert set(body) <= set(TASKS[name].result.model_fields), name


@pytest.mark.parametrize("tracks", [0, 1, 2, 5])
def test_a_map_of_few_recordings_is_a_result_that_clients_can_read(separators: Separators, tracks: int) -> None:
    """Of none too."""
    claim = Claim("lease_1", "job_1", Library("own_1"), {TaskName.MAP: "task_1"}, {}, 1)
    vectors = {f"trk_{number}": np.eye(512, dtype=np.float32)[number] for number in range(tracks)}
    options = JobOptions.model_validate({"map": {"model": "environment-50"}})
    work = Work(claim, options, io.BytesIO(), lambda *_: None, vectors=lambda space: (space, vectors))
    outcome = CpuHandler(separators, LiveCatalogue(bundled("models")), separators.cache)(work)[TaskName.MAP]
    assert outcome.body is not None, outcome.problem
    result = Map.read(outcome.body)
    space = Catalogue(bundled("models")).get("environment-50").space
    assert (result.method, result.tracks, result.model) == ("pca", tracks, space.model)
    assert set(outcome.points) == set(vectors)
