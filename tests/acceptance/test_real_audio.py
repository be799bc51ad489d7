"""The served model on real recordings."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import torch

from phonoscope.ml.registry import load_model
from phonoscope.states import Status, TaskName
from tests.support import RunningStack


@pytest.fixture(scope="module")
def clips(data: Path) -> list[tuple[Path, str]]:
    """Two clips of each of the ten sounds."""
    with (data / "esc10" / "meta.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["category"] for row in rows})
    chosen = [row for label in labels for row in [row for row in rows if row["category"] == label][:2]]
    return [(data / "esc10" / "audio" / row["filename"], row["category"]) for row in chosen]


def test_serving_hears_what_training_taught(stack: RunningStack, clips: list[tuple[Path, str]]) -> None:
    """The model was fitted on these clips: through the whole service nearly all must come out right.

    It says nothing about how good the model is on others; it says that serving prepares audio as training did.
    """
    with stack.client(f"owner-{uuid4()}") as client:
        jobs = [(client.analyze(path), label) for path, label in clips]
        results = [(client.wait(job).task(TaskName.CLASSIFY).result or {}, label) for job, label in jobs]
    right = sum(result["top"][0]["label"] == label for result, label in results)
    assert right >= 0.9 * len(clips)


def test_audio_is_heard_as_its_published_picture_is(stack: RunningStack, data: Path) -> None:
    """environment-50 has learned from published spectrograms: on the audio of the same clips, through the whole
    service, it says what it says of the picture.
    """
    published = np.load(data / "esc50-spectrograms" / "folds-1-3.npz", allow_pickle=False)
    rows = {name.rpartition("-")[0]: row for row, name in enumerate(published["clip"].tolist())}
    clips = [clip for clip in sorted((data / "esc10" / "audio").glob("*.ogg")) if clip.stem in rows]
    model = load_model(stack.settings.models_dir / "environment-50", torch.device("cpu"))
    with stack.client(f"owner-{uuid4()}") as client:
        options = {"classify": {"model": "environment-50", "top_k": 1}}
        jobs = [client.analyze(clip, [TaskName.CLASSIFY], options=options) for clip in clips]
        heard = [(client.wait(job).task(TaskName.CLASSIFY).result or {})["top"][0]["label"] for job in jobs]
    with torch.inference_mode():
        pictures = torch.from_numpy(published["x"][[rows[clip.stem] for clip in clips]])[:, None] / 255.0
        seen = torch.cat([model.network(part).logits.argmax(1) for part in torch.split(pictures, 16)])
    alike = [label == model.manifest.labels[index] for label, index in zip(heard, seen.tolist(), strict=True)]
    assert len(clips) == 240
    assert np.mean(alike) >= 0.97


def test_a_whole_song_is_heard_window_by_window(stack: RunningStack, data: Path) -> None:
    """Two minutes of stereo Vorbis: windows cover it without a gap, but for a rest under a tenth of a window."""
    path = next((data / "songs").glob("Karissa*.ogg"))
    with stack.client(f"owner-{uuid4()}") as client:
        job = client.wait(client.analyze(path))
    assert job.status is Status.SUCCEEDED
    windows = (job.task(TaskName.CLASSIFY).result or {})["windows"]
    assert windows[0]["start_s"] == 0.0
    assert 132.99 - windows[-1]["end_s"] < 0.5
    assert all(after["start_s"] < before["end_s"] for before, after in itertools.pairwise(windows))
