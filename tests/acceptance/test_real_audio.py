"""The served model on real recordings."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from scipy.io import wavfile

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import Catalogue
from phonoscope.states import Status, TaskName
from phonoscope.tasks import Classify, Separate
from phonoscope_cli.stems import sdr_db
from phonoscope_training.separation.songs import read_stems
from tests.support import RunningStack

RATE_HZ = 44_100


def sounds(data: Path) -> list[tuple[Path, str]]:
    """Two clips of each of the ten sounds."""
    with (data / "esc10" / "meta.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["category"] for row in rows})
    chosen = [row for label in labels for row in [row for row in rows if row["category"] == label][:2]]
    return [(data / "esc10" / "audio" / row["filename"], row["category"]) for row in chosen]


def music(data: Path) -> list[tuple[Path, str]]:
    """Two excerpts of each genre."""
    genres = sorted(folder for folder in (data / "gtzan-clips").iterdir() if folder.is_dir())
    return [(path, genre.name) for genre in genres for path in sorted(genre.iterdir())[:2]]


@pytest.mark.main
@pytest.mark.parametrize(("model", "clips"), [("environment-50", sounds), ("genre-10", music)])
def test_serving_hears_what_training_taught(
    stack: RunningStack, data: Path, model: str, clips: Callable[[Path], list[tuple[Path, str]]]
) -> None:
    """The model was fitted on these clips: through the whole service nearly all must come out right.

    It says nothing about how good the model is on others; it says that serving prepares audio as training did.
    """
    options = {"classify": {"model": model}}
    with stack.client(f"owner-{uuid4()}") as client:
        jobs = [(client.analyze(path, options=options), label) for path, label in clips(data)]
        results = [(client.wait(job).result(Classify), label) for job, label in jobs]
    right = sum(result.top[0].label == label for result, label in results)
    assert len(results) == 20
    assert right >= 0.9 * len(results)


def test_a_whole_song_is_heard_window_by_window(stack: RunningStack, data: Path) -> None:
    """Two minutes of stereo Vorbis: windows cover it without a gap, but for a rest under a tenth of a window."""
    path = next((data / "songs").glob("Karissa*.ogg"))
    with stack.client(f"owner-{uuid4()}") as client:
        job = client.wait(client.analyze(path))
    assert job.status is Status.SUCCEEDED
    windows = job.result(Classify).windows
    assert windows[0].start_s == 0.0
    assert 132.99 - windows[-1].end_s < 0.5
    assert all(after.start_s < before.end_s for before, after in itertools.pairwise(windows))


@pytest.mark.main
def test_stems_come_out_of_the_box(stack: RunningStack, data: Path, tmp_path: Path) -> None:
    """Nothing was pulled: songs that were held out are taken apart by the model that ships, and the result names it.

    Each stem is nearer to the true one than the mixture is, by what the card says on the mean, give or take the songs.
    """
    card = Catalogue(stack.settings.models_dir).separators["demucs-mini"]
    gains = []
    with stack.client(f"owner-{uuid4()}") as client:
        for song in card.metrics["songs_held_out"][:4]:
            parts = read_stems(data / "musdb7s" / f"{song}.stem.mp4", RATE_HZ).numpy()
            path = tmp_path / f"{uuid4()}.wav"
            wavfile.write(path, RATE_HZ, parts.sum(axis=0).T)
            job = client.wait(client.analyze(path, [TaskName.SEPARATE], {"separate": {"format": "wav32f"}}))
            result = job.result(Separate)
            assert result.model.name == "demucs-mini"
            for stem, part in zip(result.stems, parts, strict=True):
                with Recording(io.BytesIO(client.download(stem.audio))) as recording:
                    found = np.concatenate(list(recording.stereo(RATE_HZ)), axis=1)
                assert found.shape == part.shape
                gains.append(sdr_db(part, found) - sdr_db(part, parts.sum(axis=0)))
    assert abs(np.mean(gains) - card.metrics["improvement_of_all"]) < 3.0
