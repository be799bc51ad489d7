"""The pool's handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phonoscope.audio.spectrogram import MelSpectrogram
from phonoscope.audio.waveform import Waveform
from phonoscope.contract import JobOptions
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack
from phonoscope_cpu.handler import prepare
from phonoscope_worker import Work

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
    assert outcomes[TaskName.DESCRIBE].problem is None
    made = {artifact.kind: artifact for artifact in outcomes[TaskName.DESCRIBE].artifacts}
    assert {name: body[name] for name in made} == {name: artifact.reference for name, artifact in made.items()}
    outline, picture = made["waveform"].content, made["spectrogram"].content
    assert isinstance(outline, bytes)
    assert isinstance(picture, bytes)
    assert Waveform.from_npz(outline).duration_s == MelSpectrogram.from_npz(picture).duration_s == 6.0
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == pytest.approx(1.0 / 6.0, abs=0.1)
    assert fractions[-1] == pytest.approx(1.0, abs=0.01)
    assert {stage for _, stage in told} == {"measuring"}
    assert work.timings["describe_s"] > 0.0
