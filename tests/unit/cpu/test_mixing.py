"""The ``mixdown`` task: what the mixer plays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from phonoscope.audio.samples import Samples
from phonoscope.catalogue import LiveCatalogue
from phonoscope.contract import JobOptions
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack, Outcome
from phonoscope_cpu.handler import CpuHandler
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Work
from tests.separators import RATE_HZ
from tests.unit.cpu.test_separating import body_of, recording, stems_of

NOWHERE = Path("/nowhere")
HANDLER = CpuHandler(Separators((), NOWHERE, "cpu"), LiveCatalogue(), NOWHERE)


def tone(hertz: float, seconds: float = 1.5, amplitude: float = 0.2) -> Samples:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hertz * time_s) * np.ones((2, 1))).astype(np.float32)


STEMS = {"drums": tone(200.0), "vocals": tone(500.0)}


def mixed(stems: dict[str, Samples] | None = None, **options: Any) -> Outcome:
    files: dict[str, BinaryIO] = {
        name: io.BytesIO(recording(samples)) for name, samples in (STEMS if stems is None else stems).items()
    }
    claim = Claim("lse_1", "job_1", ClaimedTrack("trk_1", "own_1", "k", 1.0), {TaskName.MIXDOWN: "t"}, {}, 1)
    asked = JobOptions.model_validate({"mixdown": {"format": "wav32f"} | options})
    outcome = HANDLER(Work(claim, asked, io.BytesIO(), lambda *_: None, lambda: files))[TaskName.MIXDOWN]
    assert all(file.closed for file in files.values())
    return outcome


def test_an_untouched_mix_is_the_sum() -> None:
    """Neither louder nor softer, and as long."""
    outcome = mixed()
    np.testing.assert_allclose(stems_of(outcome)["mix"], STEMS["drums"] + STEMS["vocals"], atol=1e-6)
    body = body_of(outcome)
    assert (body["duration_s"], body["stems"], body["lowered_db"]) == (1.5, ["drums", "vocals"], 0.0)


def test_gains_are_in_decibels() -> None:
    """6 dB is twice as loud; -60 is silence."""
    found = stems_of(mixed(gains_db={"drums": 6.0206, "vocals": -60.0}))["mix"]
    np.testing.assert_allclose(found, 2.0 * STEMS["drums"], atol=1e-5)


def test_stems_can_be_moved_aside() -> None:
    """All the way: gone on the other side, and with the power of both; in the middle as they were."""
    left = stems_of(mixed({"drums": STEMS["drums"]}, pan={"drums": -1.0}))["mix"]
    assert np.abs(left[1]).max() < 1e-6
    np.testing.assert_allclose(left[0], np.sqrt(2.0) * STEMS["drums"][0], atol=1e-6)
    middle = stems_of(mixed({"drums": STEMS["drums"]}, pan={"drums": 0.0}))["mix"]
    np.testing.assert_allclose(middle, STEMS["drums"], atol=1e-6)


def test_a_mix_never_clips() -> None:
    """It is brought down as a whole, and the result says by how much."""
    outcome = mixed(gains_db={"drums": 20.0})
    found = stems_of(outcome)["mix"]
    assert np.abs(found).max() == pytest.approx(1.0, abs=1e-5)
    assert body_of(outcome)["lowered_db"] == pytest.approx(20.0 * np.log10(np.abs(_sum(10.0)).max()), abs=0.01)


def test_a_soft_mix_can_be_brought_to_full_scale() -> None:
    """When that is asked for; silence stays silence."""
    assert np.abs(stems_of(mixed(normalise=True))["mix"]).max() == pytest.approx(1.0, abs=1e-5)
    silence = {"drums": np.zeros((2, 9_000), np.float32)}
    assert not stems_of(mixed(silence, normalise=True))["mix"].any()


def test_everything_muted_is_silence_of_that_length() -> None:
    """Not an empty file."""
    found = stems_of(mixed(gains_db=dict.fromkeys(STEMS, -60.0)))["mix"]
    assert found.shape == (2, 66_150)
    assert not found.any()


def test_stems_of_other_lengths_are_mixed_to_the_longest() -> None:
    """As a lossy format may give one of them a sample more."""
    found = stems_of(mixed({"drums": tone(200.0, 1.0), "vocals": tone(500.0, 2.2)}))["mix"]
    assert found.shape == (2, 97_020)


@pytest.mark.parametrize("field", ["gains_db", "pan"])
def test_an_unknown_stem_is_refused(field: str) -> None:
    """With those there are."""
    asked: dict[str, Any] = {field: {"flute": 0.5}}
    problem = mixed(**asked).problem
    assert problem is not None
    assert f"options.mixdown.{field}: there is no flute; there are drums, vocals" in problem["detail"]


def test_without_stems_there_is_no_mix() -> None:
    """The problem says what makes them."""
    problem = mixed({}).problem
    assert problem is not None
    assert problem["code"] == "no_stems"
    assert "separate" in problem["detail"]


def _sum(gain: float) -> Samples:
    return gain * STEMS["drums"] + STEMS["vocals"]
