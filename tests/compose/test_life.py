"""A recording's way through the containers, and what outlives them."""

from pathlib import Path

import pytest

from phonoscope.client import Client
from phonoscope.contract import ModelCard
from phonoscope.states import Status
from phonoscope.tasks import Classify, Describe
from tests.compose.jobs import TASKS, ended, without_links
from tests.compose.project import Project
from tests.support import tone_wav

pytestmark = pytest.mark.timeout(4500)


def test_a_recording_gets_its_label_and_everything_outlives_the_containers(
    project: Project, api_key: str, recording: Path, tmp_path: Path
) -> None:
    """Upload, label; then `down` and `up`: key, track, bytes, result are there, and accepted work is done."""
    with Client(project.url, api_key) as client:
        done = ended(client, client.analyze(recording, TASKS))
        assert done.status is Status.SUCCEEDED, done.model_dump_json()
        result = done.result(Classify)
        card = client.model(result.model.name)
        assert isinstance(card, ModelCard)
        assert result.top[0].label in card.labels

    project.compose("stop", "gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker")
    late = tmp_path / "late.wav"
    late.write_bytes(tone_wav(3.0, seed=2))
    with Client(project.url, api_key) as client:
        accepted = client.analyze(late)
    project.compose("down")
    project.up()

    with Client(project.url, api_key) as client:
        assert client.audio(done.recording) == recording.read_bytes()
        kept = client.job(done.id)
        assert without_links(kept) == without_links(done)
        outline = kept.result(Describe).waveform
        assert outline is not None
        assert len(client.download(outline)) == outline.size_bytes
        assert ended(client, accepted).status is Status.SUCCEEDED
        assert [near.track.id for near in client.similar(done.recording)] == [accepted.recording]
