"""``auto`` with the models that ship, where nothing was pulled, on real audio."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import LiveCatalogue
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from phonoscope_training.separation.songs import SOURCES, read_stems
from tests.unit.gpu.test_handler import SILENCE, body_of, run

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def handler() -> GpuHandler:
    """The handler with the shipped models alone."""
    return GpuHandler(LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu")), "auto")


def classified(handler: GpuHandler, samples: np.ndarray[Any, np.dtype[np.float32]]) -> dict[str, Any]:
    """What ``classify`` says of mono samples."""
    buffer = io.BytesIO()
    wavfile.write(buffer, RATE_HZ, samples.astype(np.float32))
    tasks, seconds = (TaskName.CLASSIFY,), len(samples) / RATE_HZ
    return body_of(run(handler, tasks, seconds, buffer.getvalue())[0][TaskName.CLASSIFY])


def heard(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    with path.open("rb") as file, Recording(file) as recording:
        return np.concatenate(list(recording.mono(RATE_HZ)))


def test_a_song_is_music(handler: GpuHandler, data: Path) -> None:
    """Its genre answers, nothing else, and no warning says that kinds were not told apart."""
    song = heard(data / "songs" / "Kevin_MacLeod_-_Vibe_Ace.ogg")
    body = classified(handler, song[20 * RATE_HZ : 40 * RATE_HZ])
    assert (body["kind"], body["model"]["name"]) == ("music", "genre-10")
    assert {window["kind"] for window in body["windows"]} == {"music"}
    assert not any("told" in warning for warning in body["warnings"])


def test_a_voice_alone_is_singing(handler: GpuHandler, data: Path) -> None:
    """And is answered as music."""
    stems = read_stems(data / "musdb7s" / "Leaf - Summerghost.stem.mp4", RATE_HZ)
    body = classified(handler, stems[SOURCES.index("vocals")].mean(0).numpy())
    assert (body["kind"], body["model"]["name"]) == ("singing", "genre-10")


def test_a_dog_is_a_sound(handler: GpuHandler, data: Path) -> None:
    """The environmental model answers."""
    with (data / "esc10" / "meta.csv").open(newline="") as file:
        clip = next(row["filename"] for row in csv.DictReader(file) if row["category"] == "dog")
    body = classified(handler, heard(data / "esc10" / "audio" / clip))
    assert (body["kind"], body["model"]["name"], body["top"][0]["label"]) == ("sound", "environment-50", "dog")


def test_silence_is_silence(handler: GpuHandler) -> None:
    """Whatever the model that tells kinds apart says of it."""
    body = body_of(run(handler, (TaskName.CLASSIFY,), content=SILENCE)[0][TaskName.CLASSIFY])
    assert (body["kind"], body["unknown"]) == ("silence", True)
