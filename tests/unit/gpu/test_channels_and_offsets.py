"""What a recording is called does not depend on its channels' polarity, nor on what nobody hears."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from phonoscope.audio.decode import Recording
from phonoscope.states import TaskName
from phonoscope.work import WHOLE_TRACK
from phonoscope_gpu.handler import GpuHandler
from tests.unit.gpu.test_handler import body_of, handler, run

__all__ = ["handler"]

RATE_HZ = 44_100
Signal: TypeAlias = NDArray[np.float32]


@pytest.fixture(scope="module")
def bark(data: Path) -> Signal:
    """A dog, at -40 dB."""
    with (data / "esc10" / "meta.csv").open(newline="") as table:
        clip = next(row["filename"] for row in csv.DictReader(table) if row["category"] == "dog")
    with (data / "esc10" / "audio" / clip).open("rb") as file, Recording(file) as recording:
        return np.float32(0.01) * np.concatenate(list(recording.mono(RATE_HZ)))


def asked(handler: GpuHandler, channels: list[Any]) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """The answer, and the embedding, of a file with these channels."""
    buffer = io.BytesIO()
    wavfile.write(buffer, RATE_HZ, np.stack(channels, axis=1).astype(np.float32))
    tasks = (TaskName.CLASSIFY, TaskName.EMBED)
    outcomes, _ = run(handler, tasks, len(channels[0]) / RATE_HZ, buffer.getvalue())
    (vectors,) = outcomes[TaskName.EMBED].vectors.values()
    return body_of(outcomes[TaskName.CLASSIFY]), np.array(vectors[WHOLE_TRACK])


@pytest.mark.parametrize("shares", [(1.0, -1.0), (-0.6, 1.0), (1.0, -1.0, 1.0, -1.0)])
def test_a_channel_that_is_inverted_is_heard(handler: GpuHandler, bark: Signal, shares: tuple[float, ...]) -> None:
    """The dog is a dog, its embedding is its own, and a warning says what was done."""
    plain, own = asked(handler, [bark])
    found, vector = asked(handler, [share * bark for share in shares])
    assert found["top"][0]["label"] == plain["top"][0]["label"] == "dog"
    assert float(own @ vector) > 0.98
    assert any("cancel" in warning for warning in found["warnings"])
    assert not plain["warnings"]


@pytest.mark.parametrize(
    "added",
    [
        lambda _: 0.01,
        lambda time_s: 0.01 * np.cos(np.pi * time_s),
        lambda time_s: 0.02 * np.sin(2 * np.pi * 8.0 * time_s),
        lambda time_s: np.where(time_s < 5.0, 0.03, 0.0),
    ],
    ids=["offset", "drift", "rumble", "offset that ends"],
)
def test_what_nobody_hears_changes_nothing(handler: GpuHandler, bark: Signal, added: Callable[[Any], Any]) -> None:
    """An offset, a drift and rumble as strong as the sound or stronger leave label and embedding as they are."""
    plain, own = asked(handler, [bark])
    found, vector = asked(handler, [bark + added(np.arange(len(bark)) / RATE_HZ)])
    assert found["top"][0]["label"] == "dog"
    assert found["top"][0]["probability"] == pytest.approx(plain["top"][0]["probability"], abs=0.02)
    assert float(own @ vector) > 0.995
