"""The GPU pool's handler: every task from one pass, and what each of them gives."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import LiveCatalogue
from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.contract import JobOptions
from phonoscope.errors import UnknownModel
from phonoscope.paths import bundled
from phonoscope.states import Status, TaskName
from phonoscope.tasks import TASKS
from phonoscope.work import Artifact, Claim, ClaimedTrack, Outcome
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from phonoscope_worker import Handler, Work
from tests.corpus.alike import melody
from tests.support import tone_wav

MODEL = "environment-10"
SILENCE = tone_wav(5.0, hertz=0.0)
ALL = (TaskName.CLASSIFY, TaskName.EMBED, TaskName.EXPLAIN, TaskName.FEATURES)


@pytest.fixture(scope="module")
def handler() -> GpuHandler:
    """The handler with the shipped model."""
    return GpuHandler(LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu")), MODEL)


def run(
    handler: Handler,
    tasks: tuple[TaskName, ...] = ALL,
    seconds: float = 5.0,
    content: bytes | None = None,
    stems: dict[str, bytes] | None = None,
    *,
    is_clip: bool = False,
    **options: Any,
) -> tuple[dict[TaskName, Outcome], Work]:
    """What the tasks give for a tone in noise, or for another recording."""
    track = ClaimedTrack("trk_1", "own_1", "tracks/trk_1/original", seconds, is_clip)
    claim = Claim("lease_1", "job_1", track, {task: f"tsk_{task}" for task in tasks}, {}, 1)
    file = io.BytesIO(content or tone_wav(seconds, 1_000.0, seed=3))
    fetched: dict[str, BinaryIO] = {name: io.BytesIO(stem) for name, stem in (stems or {}).items()}
    work = Work(claim, JobOptions.model_validate(options), file, lambda *_: None, lambda: fetched)
    return handler(work), work


def body_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.problem is None, outcome.problem
    assert outcome.body is not None
    return outcome.body


def content_of(outcome: Outcome, name: str) -> bytes:
    (found,) = (artifact for artifact in outcome.artifacts if artifact.name == name)
    assert isinstance(found, Artifact)
    with found.open() as file:
        return file.read()


def test_one_pass_serves_every_task(handler: GpuHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network sees each window once, whatever is asked of it."""
    network = handler.models.get(MODEL).network
    seen: list[int] = []
    hook = network.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    outcomes, work = run(handler, seconds=10.0)
    hook.remove()
    assert set(outcomes) == set(ALL)
    assert all(outcome.status is Status.SUCCEEDED for outcome in outcomes.values())
    assert seen == [3]
    assert {"model_s", "explain_s", "features_s", "draw_s"} <= set(work.timings)


def test_explain_gives_what_the_contract_says(handler: GpuHandler) -> None:
    """Label, bands whose shares add to 1, windows, and three artifacts that can be opened."""
    outcomes, _ = run(handler, seconds=10.0)
    body, top = body_of(outcomes[TaskName.EXPLAIN]), body_of(outcomes[TaskName.CLASSIFY])["top"][0]
    assert (body["label"], body["probability"]) == (top["label"], top["probability"])
    assert (body["method"], body["layer"], body["start_s"], body["end_s"]) == ("grad-cam++", "last", 0.0, 10.0)
    assert sum(band["share"] for band in body["bands"]) == pytest.approx(1.0, abs=1e-3)
    assert f"*{top['label']}*" in body["reading"]
    assert [(window["start_s"], window["end_s"]) for window in body["windows"]] == [(0, 5), (2.5, 7.5), (5, 10)]
    assert body["trust"] is None
    with np.load(io.BytesIO(content_of(outcomes[TaskName.EXPLAIN], "heatmap.npz")), allow_pickle=False) as arrays:
        assert arrays["heatmap"].shape == (len(arrays["hertz"]), len(arrays["seconds"]))
        assert arrays["seconds_edges"][[0, -1]].tolist() == [0.0, 10.0]
        assert len(arrays["windows"]) == 3
    with Image.open(io.BytesIO(content_of(outcomes[TaskName.EXPLAIN], "overlay.png"))) as picture:
        assert picture.width > 800
    with Recording(io.BytesIO(content_of(outcomes[TaskName.EXPLAIN], "listen.flac"))) as recording:
        assert sum(map(len, recording.mono(44_100))) == 441_000


def test_a_model_that_is_not_there_is_a_typed_error(handler: GpuHandler) -> None:
    """It names the model and those there are."""
    with pytest.raises(UnknownModel, match=r"no model 'absent'; served: .*environment-10"):
        run(handler, (TaskName.CLASSIFY,), classify={"model": "absent"})


@pytest.mark.parametrize(
    "content",
    [
        tone_wav(0.0005, seed=1),
        tone_wav(0.5, hertz=0.0),
        tone_wav(4.0, rate_hz=8_000, seed=2),
        tone_wav(3.0, rate_hz=96_000, seed=3),
        tone_wav(5.0)[:-2_000],
        SILENCE[:-100_000],
    ],
    ids=["22 samples", "half a second of silence", "8 kHz", "96 kHz", "cut off", "silence, cut off"],
)
def test_odd_recordings_have_results_that_clients_can_read(handler: GpuHandler, content: bytes) -> None:
    """Every task's: nothing in a body is lost to a client, and every number is one that JSON can hold."""
    options: dict[str, Any] = {"explain": {"trust": True}, "embed": {"return_vector": True}}
    outcomes, _ = run(handler, content=content, stems={"drums": content}, **options)
    for name, outcome in outcomes.items():
        body = body_of(outcome)
        json.dumps(body, allow_nan=False)
        assert set(body) <= set(TASKS[name].result.model_fields), name


def test_features_come_as_sheets_and_arrays(handler: GpuHandler) -> None:
    """The network's depths with their shapes, the mean and the strongest 16 of each."""
    outcome = run(handler, (TaskName.FEATURES,))[0][TaskName.FEATURES]
    layers = body_of(outcome)["layers"]
    assert [layer["name"] for layer in layers] == list(ARCHITECTURES["mobilenet"].depths)
    assert [layer["shape"][1:] for layer in layers[:2]] == [[64, 250], [64, 250]]
    with np.load(io.BytesIO(content_of(outcome, "features.npz")), allow_pickle=False) as arrays:
        for layer in layers:
            assert list(arrays[f"{layer['name']}.mean"].shape) == layer["shape"][1:]
            assert arrays[f"{layer['name']}.strongest"].shape == (min(16, layer["shape"][0]), *layer["shape"][1:])
            assert arrays[f"{layer['name']}.channels"].tolist() == layer["channels"]
    images = [Image.open(io.BytesIO(content_of(outcome, f"{layer['name']}.png"))) for layer in layers]
    assert len({(len(layer["channels"]), image.size) for layer, image in zip(layers, images, strict=True)}) == 2
    assert {len(layer["channels"]) for layer in layers} == {8, 16}


def test_single_blocks_can_be_asked_for(handler: GpuHandler) -> None:
    """By name, without pictures or without arrays."""
    asked = {"layers": ["stage4.2"], "artifacts": ["images"]}
    outcome = run(handler, (TaskName.FEATURES,), features=asked)[0][TaskName.FEATURES]
    assert [artifact.name for artifact in outcome.artifacts] == ["stage4.2.png"]
    assert body_of(outcome)["arrays"] is None


@pytest.mark.parametrize("artifacts", [[], ["heatmap"], ["listen", "overlay"]])
def test_only_the_artifacts_asked_for_are_made(handler: GpuHandler, artifacts: list[str]) -> None:
    """Bands and sentence come in any case; what was left out is null."""
    outcome = run(handler, (TaskName.EXPLAIN,), explain={"artifacts": artifacts})[0][TaskName.EXPLAIN]
    body = body_of(outcome)
    assert {name for name in ("heatmap", "overlay", "listen") if body[name] is not None} == set(artifacts)
    assert {artifact.kind for artifact in outcome.artifacts} == set(artifacts)
    assert body["reading"]


def test_any_label_layer_and_method_can_be_asked_for(handler: GpuHandler) -> None:
    """They are what the answer is about."""
    asked = {"label": "rain", "layer": "stage4", "method": "hirescam", "artifacts": []}
    body = body_of(run(handler, (TaskName.EXPLAIN,), explain=asked)[0][TaskName.EXPLAIN])
    assert {name: body[name] for name in ("label", "layer", "method")} == {
        name: asked[name] for name in ("label", "layer", "method")
    }


def test_trust_is_measured_when_asked_for(handler: GpuHandler) -> None:
    """Five figures of the strongest window's heatmap."""
    body = body_of(run(handler, (TaskName.EXPLAIN,), explain={"trust": True, "artifacts": []})[0][TaskName.EXPLAIN])
    assert set(body["trust"]) == {"deletion", "insertion", "random_deletion", "random_insertion", "randomised"}


def test_stems_are_asked_when_the_track_has_them(handler: GpuHandler) -> None:
    """The one that is the whole recording says alone what the recording says, and without it nothing is left."""
    content = tone_wav(5.0, 1_000.0, seed=3)
    silence = tone_wav(5.0)[:44] + bytes(2 * 5 * 44_100)
    options = {"stems": True, "artifacts": []}
    stems = {"drums": silence, "vocals": content}
    body = body_of(run(handler, (TaskName.EXPLAIN,), stems=stems, explain=options)[0][TaskName.EXPLAIN])
    drums, vocals = body["stems"]["parts"]
    assert vocals["alone"] == pytest.approx(body["stems"]["probability"], abs=1e-3)
    assert drums["without"] == pytest.approx(body["stems"]["probability"], abs=1e-3)
    assert vocals["without"] == pytest.approx(drums["alone"], abs=1e-3)
    assert f"*{body['label']}*" in body["stems"]["reading"]
    none = body_of(run(handler, (TaskName.EXPLAIN,), explain=options)[0][TaskName.EXPLAIN])
    assert none["stems"] is None


def test_a_long_recording_s_strongest_window_is_explained(handler: GpuHandler) -> None:
    """Not all of its minute; a stretch asked for is explained instead."""
    outcomes, _ = run(handler, (TaskName.EXPLAIN, TaskName.CLASSIFY), 60.0, explain={"artifacts": []})
    body = body_of(outcomes[TaskName.EXPLAIN])
    windows = body_of(outcomes[TaskName.CLASSIFY])["windows"]
    assert body["end_s"] - body["start_s"] == 5.0
    assert body["start_s"] in [window["start_s"] for window in windows]
    asked = {"start_s": 40.0, "end_s": 44.0, "artifacts": []}
    body = body_of(run(handler, (TaskName.EXPLAIN,), 60.0, explain=asked)[0][TaskName.EXPLAIN])
    assert (body["start_s"], body["end_s"]) == (40.0, 44.0)


def test_silence_says_so_in_every_task(handler: GpuHandler) -> None:
    """No NaN, no failure; what is played is silence."""
    silence = tone_wav(3.0)[:44] + bytes(2 * 3 * 44_100)
    outcomes, _ = run(handler, seconds=3.0, content=silence, explain={"trust": True})
    body = body_of(outcomes[TaskName.EXPLAIN])
    assert body["silent"]
    assert body["reading"].startswith("There is only silence")
    assert body["trust"] is None
    assert {band["share"] for band in body["bands"]} == {0.0}
    assert body_of(outcomes[TaskName.CLASSIFY])["unknown"]
    body_of(outcomes[TaskName.FEATURES])


@pytest.mark.parametrize(
    ("level", "offset"),
    [(0.0, 0.0), (1e-6, 0.0), (3e-5, 0.0), (3e-5, 0.25)],
    ids=["zeros", "-120 dB", "a step of 16 bits", "a step on an offset"],
)
def test_silence_has_no_vector(handler: GpuHandler, level: float, offset: float) -> None:
    """The result says so; of what is louder than -80 dB, and be it one click, there is one."""
    noise = offset + np.random.default_rng(1).uniform(-level, level, 2 * 44_100)
    outcome = run(handler, (TaskName.EMBED,), content=_float_wav(noise), embed={"return_vector": True})[0][
        TaskName.EMBED
    ]
    body = body_of(outcome)
    assert (body["silent"], body["spaces"], body["vector"]) == (True, [], None)
    assert list(outcome.vectors.values()) == [{"": None}]
    assert outcome.acoustic is not None
    assert outcome.acoustic.words == b""
    click = np.eye(1, 2 * 44_100, 44_100)[0]
    heard = run(handler, (TaskName.EMBED,), content=_float_wav(click))[0][TaskName.EMBED]
    assert not body_of(heard)["silent"]
    assert len(body_of(heard)["spaces"]) == 1


def _float_wav(samples: NDArray[np.float64]) -> bytes:
    """Mono, 44.1 kHz, 32 bits."""
    content = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 44_100, 4 * 44_100, 4, 32)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(content))
        + b"WAVE"
        + form
        + struct.pack("<4sI", b"data", len(content))
        + content
    )


def test_the_fingerprint_is_taken_from_the_pass_that_all_share(handler: GpuHandler) -> None:
    """Where the recording is to be embedded: the words of its whole length, the same in every format."""
    content = _float_wav(np.repeat(melody(1, 6.0), 2))
    outcomes, _ = run(handler, seconds=6.0, content=content)
    found = outcomes[TaskName.EMBED].acoustic
    assert found is not None
    assert found.duration_s == pytest.approx(6.0, abs=1e-3)
    assert len(found.words) == 2 * 86
    assert outcomes[TaskName.CLASSIFY].acoustic is None


def test_one_task_s_failure_leaves_the_others_their_results(handler: GpuHandler) -> None:
    """A stretch that turns out to lie behind the end fails the explanation alone."""
    outcomes, _ = run(handler, explain={"start_s": 9.0, "end_s": 10.0})
    problem = outcomes[TaskName.EXPLAIN].problem
    assert problem is not None
    assert problem["code"] == "invalid_request"
    assert outcomes[TaskName.CLASSIFY].status is Status.SUCCEEDED


def test_an_overlay_can_be_put_in_a_report(handler: GpuHandler, tmp_path: Path) -> None:
    """It is lit where the evidence is and has dark words beside it: neither empty nor one colour."""
    outcome = run(handler, (TaskName.EXPLAIN,))[0][TaskName.EXPLAIN]
    with Image.open(io.BytesIO(content_of(outcome, "overlay.png"))) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    margin, plot = pixels[:, :60], pixels[60:380, 90:830]
    assert (margin.min(), margin.max()) == (0, 255)
    assert len(np.unique(plot.reshape(-1, 3), axis=0)) > 500


def test_windows_that_are_not_silent_are_kept_with_their_labels(handler: GpuHandler) -> None:
    """At their places, each of length 1; their mean is the recording's vector. None where they are not asked for."""
    tone = np.sin(np.arange(5 * 44_100) / 20.0)
    content = _float_wav(np.concatenate([tone, np.zeros(10 * 44_100), tone]))
    outcome = run(handler, (TaskName.EMBED,), content=content)[0][TaskName.EMBED]
    (by_stem,), (vectors,) = outcome.windows.values(), outcome.vectors.values()
    windows = by_stem[""]
    assert body_of(outcome)["windows"] == len(windows)
    np.testing.assert_allclose(np.linalg.norm(windows.vectors, axis=1), 1.0, atol=1e-3)
    assert len(windows) < windows.positions[-1] + 1
    assert all(start_s < 6.0 or end_s > 14.0 for start_s, end_s in windows.spans_s)
    mean = windows.vectors.mean(axis=0)
    assert vectors[""] @ mean / np.linalg.norm(mean) > 0.9
    assert {head.model for head in windows.heads} >= {"environment-10", "environment-50"}
    assert all(head.probabilities.shape == (len(windows), len(head.labels)) for head in windows.heads)
    for options in ({"embed": {"windows": False}}, {"audio_track": 0}):
        outcome = run(handler, (TaskName.EMBED,), content=content, **options)[0][TaskName.EMBED]
        assert (outcome.windows, body_of(outcome)["windows"]) == ({}, None)


def test_stems_are_embedded_beside_the_track(handler: GpuHandler) -> None:
    """Each as a recording of its own would be; a silent one has no direction, and is named."""
    stems = {"drums": tone_wav(5.0, 200.0, seed=7), "vocals": tone_wav(5.0, 900.0, seed=8), "bass": SILENCE}
    outcome = run(handler, (TaskName.EMBED,), stems=stems, embed={"stems": True})[0][TaskName.EMBED]
    assert (body_of(outcome)["stems"], body_of(outcome)["silent_stems"]) == (["drums", "vocals"], ["bass"])
    (vectors,) = outcome.vectors.values()
    assert list(vectors) == ["", "drums", "vocals", "bass"]
    assert vectors["bass"] is None
    for name in ("drums", "vocals"):
        alone = run(handler, (TaskName.EMBED,), content=stems[name])[0][TaskName.EMBED]
        (own,) = alone.vectors.values()
        vector, alone_vector = vectors[name], own[""]
        assert vector is not None
        assert alone_vector is not None
        np.testing.assert_allclose(vector, alone_vector, atol=1e-5)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert vectors["drums"] != vectors["vocals"]
    (windows,) = outcome.windows.values()
    assert [name for name, kept in windows.items() if len(kept)] == ["", "drums", "vocals"]


def test_no_stems_to_embed_fails_that_task_alone(handler: GpuHandler) -> None:
    """With a sentence that says what makes them; without being asked for, nobody looks for them."""
    outcomes, _ = run(handler, (TaskName.CLASSIFY, TaskName.EMBED), embed={"stems": True})
    problem = outcomes[TaskName.EMBED].problem
    assert problem is not None
    assert (problem["code"], "name the task `separate`" in problem["detail"]) == ("no_stems", True)
    assert outcomes[TaskName.CLASSIFY].status is Status.SUCCEEDED
    assert "stems" not in body_of(run(handler, (TaskName.EMBED,))[0][TaskName.EMBED])
