"""The shipped models name every recording of the demo as a person would, in the files that a newcomer gets."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import LiveCatalogue
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from tests.unit.gpu.test_handler import body_of, run


@pytest.fixture(scope="module")
def handler() -> GpuHandler:
    """The handler with the shipped models alone."""
    return GpuHandler(LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu")), "auto")


def test_each_clip_is_named(handler: GpuHandler, script: ModuleType, made: Path) -> None:
    """Its intended label is first, a tenth or more above the probability from which a label counts."""
    for file, label in script.LABELS.items():
        body = _classified(handler, made / file)
        best, threshold = body["top"][0], body["answers"][0]["thresholds"][0]
        assert (body["kind"], best["label"]) == ("sound", label), file
        assert best["probability"] > threshold + 0.1, file


def test_the_song_is_disco(handler: GpuHandler, made: Path) -> None:
    """It is heard as music without being told so, and the genre it imitates is first."""
    body = _classified(handler, made / "song.flac")
    assert (body["kind"], body["model"]["name"], body["unknown"]) == ("music", "genre-10", False)
    assert body["top"][0]["label"] == "disco"


def test_each_scene_of_the_day_is_named(handler: GpuHandler, script: ModuleType, made: Path) -> None:
    """The window that lies most within a scene has its label."""
    _, scenes = script.day()
    windows = _classified(handler, made / "day.opus")["windows"]
    for scene in scenes:
        inside = [min(each["end_s"], scene.end_s) - max(each["start_s"], scene.start_s) for each in windows]
        window = windows[inside.index(max(inside))]
        assert (window["top"][0]["label"], window["unknown"]) == (scene.clip.label, False)


def _classified(handler: GpuHandler, path: Path) -> dict[str, Any]:
    with path.open("rb") as file, Recording(file) as recording:
        seconds = sum(len(block) for block in recording.mono(44_100)) / 44_100
    return body_of(run(handler, (TaskName.CLASSIFY,), seconds, path.read_bytes())[0][TaskName.CLASSIFY])
