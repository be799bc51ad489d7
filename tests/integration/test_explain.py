"""Asking why over HTTP: what comes back, what is refused, and who may see it."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.client import ApiError, Client
from phonoscope.states import Status
from phonoscope.tasks import Explain, Features
from tests.support import tone_wav


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds of a tone in noise."""
    path = tmp_path / "clip.wav"
    path.write_bytes(tone_wav(6.0, 1_000.0, seed=77))
    return path


@pytest.mark.long
def test_a_job_says_why(client: Client, clip: Path) -> None:
    """Bands, sentence and artifacts, each by a link that works."""
    job = client.wait(client.analyze(clip, ["classify", "explain", "features"]))
    assert job.status is Status.SUCCEEDED
    explained, shown = job.result(Explain), job.result(Features)
    assert explained.reading
    assert explained.heatmap is not None
    with np.load(io.BytesIO(client.download(explained.heatmap)), allow_pickle=False) as arrays:
        assert arrays["heatmap"].shape == (128, len(arrays["seconds"]))
    for link, media_type in ((explained.overlay, "image/png"), (explained.listen, "audio/flac")):
        assert link is not None
        assert link.media_type == media_type
        assert len(client.download(link)) == link.size_bytes
    assert [layer.name for layer in shown.layers] == list(ARCHITECTURES["mobilenet"].depths)
    for layer in shown.layers:
        assert layer.image is not None
        assert Image.open(io.BytesIO(client.download(layer.image))).format == "PNG"


@pytest.mark.long
def test_a_stretch_is_explained_beside_the_whole(client: Client, clip: Path) -> None:
    """Both are in the track's state; each result says what it is of, and how coarsely its layer sees."""
    job = client.wait(client.analyze(clip, ["classify", "explain"], {"explain": {"artifacts": []}}))
    whole, label = job.result(Explain), job.result(Explain).label
    asked = {"label": label, "start_s": 1.0, "end_s": 3.5, "artifacts": []}
    part = client.wait(client.create_job(job.recording, ["explain"], {"explain": asked})).result(Explain)
    assert whole.stretch is None
    assert part.stretch is not None
    assert (part.stretch.start_s, part.stretch.end_s) == (part.start_s, part.end_s) == (1.0, 3.5)
    assert (whole.start_s, whole.end_s) == (0.0, 6.0)
    assert whole.cell_s == pytest.approx(0.32, abs=0.02)
    assert whole.cell_bands == 4
    kept = [item.result for item in client.results(job.recording).items if item.task == "explain"]
    assert kept == [part, whole]


@pytest.mark.long
def test_what_was_made_goes_with_its_track(client: Client, clip: Path) -> None:
    """No link outlives the recording."""
    job = client.wait(client.analyze(clip, ["explain"]))
    overlay = job.result(Explain).overlay
    assert overlay is not None
    client.delete_track(job.recording)
    with pytest.raises(ApiError) as at:
        client.download(overlay)
    assert at.value.status_code == 404


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"explain": {"label": "unicorn"}}, "there is no unicorn; there are "),
        ({"explain": {"layer": "stage9"}}, "there is no stage9; there are stage1, stage2"),
        ({"explain": {"layer": "stem"}}, "there is no stem; there are stage1, stage2"),
        ({"explain": {"method": "lime"}}, "options.explain.method"),
        ({"explain": {"artifacts": ["video"]}}, "options.explain.artifacts"),
        ({"explain": {"start_s": 3.0, "end_s": 2.0}}, "end_s must be after start_s"),
        ({"explain": {"start_s": 0.0, "end_s": 31.0}}, "by at most 30 s"),
        ({"explain": {"start_s": -1.0}}, "options.explain.start_s"),
        ({"explain": {"start_s": 6.5, "end_s": 7.0}}, "the recording lasts 6.000 s"),
        ({"explain": {"why": True}}, "options.explain.why"),
        ({"features": {"layers": ["layer9"]}}, "there is no layer9; there are stem, stage1, stage1.0"),
        ({"features": {"layers": ["stage4.4"]}}, "there is no stage4.4"),
        ({"features": {"layers": ["stem", "stem"]}}, "each layer at most once"),
        ({"features": {"layers": []}}, "options.features.layers"),
    ],
)
def test_what_cannot_be_explained_is_refused(client: Client, clip: Path, options: dict[str, object], says: str) -> None:
    """422 before any work, naming the field or what there is; no job is made."""
    track = client.upload(clip)
    with pytest.raises(ApiError) as at:
        client.create_job(track.id, ["explain", "features"], options)
    assert at.value.status_code == 422
    assert says in str(at.value)


def test_a_refused_upload_leaves_nothing(client: Client, http: httpx.Client, clip: Path) -> None:
    """The stretch can only be checked once the recording was probed: then it is not kept either."""
    form = {"tasks": "explain", "options": '{"explain": {"start_s": 60.0}}'}
    answer = http.post("/v1/jobs", files={"file": clip.read_bytes()}, data=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert http.get("/v1/tracks").json()["items"] == []
