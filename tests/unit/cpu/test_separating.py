"""The ``separate`` task: stems as artifacts, whatever comes in."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.decode import Recording
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.audio.samples import Samples
from phonoscope.catalogue import LiveCatalogue
from phonoscope.contract import JobOptions
from phonoscope.states import TaskName
from phonoscope.work import Claim, ClaimedTrack, Outcome
from phonoscope_cpu.handler import CpuHandler
from phonoscope_cpu.separating import _recorded
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Work
from tests.separators import RATE_HZ, SOURCES, network, write_separator
from tests.unit.audio.maker import Maker
from tests.unit.audio.stamps import paused, restamped


def noise(seconds: float, channels: int = 2, loudness: float = 0.1) -> Samples:
    generator = np.random.default_rng(1)
    return (loudness * generator.standard_normal((channels, round(seconds * RATE_HZ)))).astype(np.float32)


def recording(samples: Samples, name: str = "wav32f", rate_hz: int = RATE_HZ) -> bytes:
    file = io.BytesIO()
    with Encoder(file, rate_hz, len(samples), FORMATS[name]) as encoder:
        encoder.write(samples)
    return file.getvalue()


def separated(
    separators: Separators, content: bytes, tasks: tuple[TaskName, ...] = (TaskName.SEPARATE,), **options: Any
) -> tuple[dict[TaskName, Outcome], list[tuple[float, str]]]:
    told: list[tuple[float, str]] = []
    claim = Claim("lse_1", "job_1", ClaimedTrack("trk_1", "own_1", "k", 1.0), {task: task for task in tasks}, {}, 1)
    asked = JobOptions.model_validate({"separate": options})
    work = Work(claim, asked, io.BytesIO(content), lambda *progress: told.append(progress))
    return CpuHandler(separators, LiveCatalogue(*separators.folders), separators.cache)(work), told


def stems_of(outcome: Outcome) -> dict[str, Samples]:
    assert outcome.problem is None, outcome.problem
    found = {}
    for artifact in outcome.artifacts:
        with artifact.open() as file:
            file.seek(0)
            with Recording(io.BytesIO(file.read())) as stem:
                found[artifact.name.partition(".")[0]] = np.concatenate(list(stem.stereo(RATE_HZ)), axis=1)
    return found


def body_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.body is not None, outcome.problem
    return outcome.body


def test_stems_are_files_of_the_recording_s_length(separators: Separators) -> None:
    """Four of them by name, to the sample, told in the result; progress rises to the end."""
    outcomes, told = separated(separators, recording(noise(1.7)))
    outcome = outcomes[TaskName.SEPARATE]
    assert {name: stem.shape for name, stem in stems_of(outcome).items()} == dict.fromkeys(SOURCES, (2, 74_970))
    body = body_of(outcome)
    assert [(stem["name"], stem["format"], stem["duration_s"]) for stem in body["stems"]] == [
        (name, "flac", 1.7) for name in SOURCES
    ]
    assert (body["model"]["name"], body["sample_rate_hz"], body["precision"]) == ("tiny", RATE_HZ, "fast")
    assert body["provenance"]["compiled"]
    shares = [share for share, stage in told if stage == "separating"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_two_stems_add_up_to_the_recording(separators: Separators) -> None:
    """One stem, and the recording without it."""
    samples = noise(2.3)
    outcome = separated(separators, recording(samples), two_stems="vocals", format="wav32f")[0][TaskName.SEPARATE]
    stems = stems_of(outcome)
    assert list(stems) == ["vocals", "accompaniment"]
    np.testing.assert_allclose(stems["vocals"] + stems["accompaniment"], samples, atol=1e-6)


def test_stems_have_the_recording_s_gaps(separators: Separators) -> None:
    """Of a recording with a pause in its time stamps stems are as long, and together they are it, gap and all."""
    content = restamped(recording(noise(1.0), "opus"), "webm", paused(0.5, 1.25))
    with Recording(io.BytesIO(content)) as heard:
        samples = np.concatenate(list(heard.stereo(RATE_HZ)), axis=1)
    assert samples.shape[1] / RATE_HZ == pytest.approx(1.75, abs=0.02)
    outcome = separated(separators, content, two_stems="vocals", format="wav32f")[0][TaskName.SEPARATE]
    stems = stems_of(outcome)
    np.testing.assert_allclose(stems["vocals"] + stems["accompaniment"], samples, atol=1e-6)
    assert not samples[:, round(0.6 * RATE_HZ) : round(1.2 * RATE_HZ)].any()
    assert "no sound from 0.5" in body_of(outcome)["warnings"][0]


def copy_of(described: Outcome) -> Samples:
    """The sound of the copy to play that was made; closes all files."""
    (copy,) = [artifact for artifact in described.artifacts if artifact.kind == "playback"]
    file = copy.open()
    file.seek(0)
    content = io.BytesIO(file.read())
    close(described)
    with Recording(content) as played:
        return np.concatenate(list(played.stereo(RATE_HZ)), axis=1)


def close(outcome: Outcome) -> None:
    """Closes the files of what was made, which no worker stores here."""
    for artifact in outcome.artifacts:
        artifact.open().close()


def test_a_copy_to_play_has_the_gaps(separators: Separators) -> None:
    """Where time stamps leave gaps, ``describe`` makes a copy with silence in their place; elsewhere none."""
    whole = recording(noise(1.0), "opus")
    content = restamped(whole, "webm", paused(0.5, 1.25))
    described = separated(separators, content, (TaskName.DESCRIBE,))[0][TaskName.DESCRIBE]
    assert body_of(described)["duration_s"] == pytest.approx(1.75, abs=0.02)
    ((gap),) = body_of(described)["gaps"]
    assert (gap["start_s"], gap["end_s"]) == pytest.approx((0.5, 1.25), abs=0.03)
    samples = copy_of(described)
    assert samples.shape[1] / RATE_HZ == pytest.approx(1.75, abs=0.02)
    assert np.abs(samples[:, round(0.6 * RATE_HZ) : round(1.2 * RATE_HZ)]).max() < 1e-3
    plain = separated(separators, whole, (TaskName.DESCRIBE,))[0][TaskName.DESCRIBE]
    assert (body_of(plain)["gaps"], "playback" in body_of(plain)) == ([], False)
    close(plain)


def test_a_copy_to_play_is_made_of_what_browsers_do_not_play(separators: Separators) -> None:
    """It is as long and as loud as the recording."""
    make = Maker()
    described = separated(separators, make.recording("aiff"), (TaskName.DESCRIBE,))[0][TaskName.DESCRIBE]
    assert body_of(described)["gaps"] == []
    samples = copy_of(described)
    assert samples.shape[1] / RATE_HZ == pytest.approx(1.0, abs=0.02)
    assert np.abs(samples).max() == pytest.approx(make.level, abs=0.05)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_asked_for(separators: Separators, name: str) -> None:
    """With its own name and media type."""
    outcome = separated(separators, recording(noise(0.6)), format=name)[0][TaskName.SEPARATE]
    assert {artifact.media_type for artifact in outcome.artifacts} == {FORMATS[name].media_type}
    assert all(artifact.name.endswith(FORMATS[name].suffix) for artifact in outcome.artifacts)
    assert all(abs(stem.shape[1] - 26_460) <= 1 for stem in stems_of(outcome).values())


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 44_100), (2, 48_000), (1, 8_000)])
def test_other_rates_and_mono_come_in(separators: Separators, channels: int, rate_hz: int) -> None:
    """Stems have 44.1 kHz and two sides, and the recording's length in seconds."""
    samples = noise(1.0, channels)
    outcome = separated(separators, recording(samples, rate_hz=rate_hz))[0][TaskName.SEPARATE]
    wanted = samples.shape[1] / rate_hz * RATE_HZ
    assert all(abs(stem.shape[1] - wanted) <= 2 for stem in stems_of(outcome).values())


def test_two_dozen_channels_are_two_sides(separators: Separators) -> None:
    """Of the recording's length, whatever its channels stand for."""
    file, samples = io.BytesIO(), (32_767 * noise(1.0, 24)).astype("<i2")
    with wave.open(file, "wb") as written:
        written.setparams((24, 2, RATE_HZ, samples.shape[1], "NONE", "not compressed"))
        written.writeframes(samples.T.tobytes())
    outcome = separated(separators, file.getvalue(), format="wav")[0][TaskName.SEPARATE]
    assert {stem.shape for stem in stems_of(outcome).values()} == {(2, samples.shape[1])}


@pytest.mark.parametrize("length", [1, 300, 8_820])
def test_the_shortest_recordings_have_stems(separators: Separators, length: int) -> None:
    """Down to one sample."""
    outcome = separated(separators, recording(noise(1.0)[:, :length]), format="wav")[0][TaskName.SEPARATE]
    assert {stem.shape for stem in stems_of(outcome).values()} == {(2, length)}


def test_silence_has_silent_stems(separators: Separators) -> None:
    """And costs nothing."""
    outcome = separated(separators, recording(np.zeros((2, 50_000), np.float32)))[0][TaskName.SEPARATE]
    assert not any(stem.any() for stem in stems_of(outcome).values())


def test_what_is_too_loud_is_told(separators: Separators) -> None:
    """Whole numbers hold it at full scale and the result says so; floats keep it."""
    content = recording(noise(0.6, loudness=30.0))
    held = separated(separators, content)[0][TaskName.SEPARATE]
    assert any("wav32f" in warning for warning in body_of(held)["warnings"])
    assert max(stem["peak"] for stem in body_of(held)["stems"]) > 1.0
    assert max(np.abs(stem).max() for stem in stems_of(held).values()) <= 1.0
    kept = separated(separators, content, format="wav32f")[0][TaskName.SEPARATE]
    assert not body_of(kept)["warnings"]
    assert max(np.abs(stem).max() for stem in stems_of(kept).values()) > 1.0


def test_a_damaged_file_is_taken_apart_up_to_the_damage(separators: Separators) -> None:
    """The warning of the decoder comes with the stems."""
    content = recording(noise(3.0), "flac")
    outcome = separated(separators, content[: len(content) // 2])[0][TaskName.SEPARATE]
    assert body_of(outcome)["warnings"]
    assert 40_000 < stems_of(outcome)["drums"].shape[1] < 90_000


def test_a_missing_model_fails_this_task_alone(separators: Separators, tmp_path: Path) -> None:
    """It may be tried again, and the error names the command to run; the description is there."""
    bare = Separators((tmp_path,), tmp_path, "cpu")
    outcomes, _ = separated(bare, recording(noise(0.6)), (TaskName.SEPARATE, TaskName.DESCRIBE))
    problem = outcomes[TaskName.SEPARATE].problem
    assert problem is not None
    assert (problem["code"], problem["retryable"]) == ("model_not_pulled", True)
    assert "phonoscope models pull htdemucs" in problem["detail"]
    assert outcomes[TaskName.DESCRIBE].body is not None
    close(outcomes[TaskName.DESCRIBE])


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"model": "htdemucs_6s"}, "model_not_pulled", "phonoscope models pull htdemucs_6s"),
        ({"model": "spleeter"}, "unknown_model", "there are: tiny"),
        ({"two_stems": "flute"}, "invalid_request", "there are drums, bass, other, vocals"),
    ],
)
def test_what_cannot_be_done_is_told(separators: Separators, options: dict[str, Any], code: str, says: str) -> None:
    """By a typed problem."""
    problem = separated(separators, recording(noise(0.6)), **options)[0][TaskName.SEPARATE].problem
    assert problem is not None
    assert problem["code"] == code
    assert says in problem["detail"]


def test_the_best_model_there_is_comes_first(separators: Separators, tmp_path: Path) -> None:
    """``htdemucs`` where it was pulled, then ``demucs-mini``; another only when there is no other."""
    folder = tmp_path / "models"
    chosen = Separators((folder, *separators.folders), separators.cache, "cpu")
    assert chosen.get(None, "exact")[0].name == "tiny"
    write_separator(folder / "demucs-mini", network(2))
    assert chosen.get(None, "exact")[0].name == "demucs-mini"
    write_separator(folder / "htdemucs", network(3))
    assert chosen.get(None, "exact")[0].name == "htdemucs"
    assert chosen.get("tiny", "exact")[0].name == "tiny"


def test_a_stream_can_be_read_twice() -> None:
    """Piece by piece, later than its first reader; zeros when it has ended."""
    buffer = StreamBuffer(channels=2)
    reader = _recorded([np.full((2, size), size, np.float32) for size in (3, 1, 4)], buffer)
    next(reader)
    next(reader)
    assert buffer.take(2)[0].tolist() == [3.0, 3.0]
    list(reader)
    assert buffer.take(4)[0].tolist() == [3.0, 1.0, 4.0, 4.0]
    assert buffer.take(4)[1].tolist() == [4.0, 4.0, 0.0, 0.0]
