"""``embed`` keeps windows in the space of sentences too, where a body for it is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from phonoscope.catalogue import LiveCatalogue
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS
from phonoscope.text.clap import LiveTextTower
from phonoscope.work import Outcome, Space
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from tests.clap import pull_clap, small_clap
from tests.support import tone_wav
from tests.unit.gpu.test_handler import SILENCE, body_of, run

MODEL = "environment-10"
EMBED = (TaskName.EMBED,)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pulled models with a small CLAP; changed by no test."""
    folder = tmp_path_factory.mktemp("models")
    pull_clap(folder, small_clap())
    return folder


@pytest.fixture(scope="module")
def handler(pulled: Path) -> GpuHandler:
    return handler_of(pulled)


def handler_of(pulled: Path, model: str = MODEL) -> GpuHandler:
    """A handler with the shipped models, and those in a folder."""
    return GpuHandler(LoadedModels(LiveCatalogue(pulled, bundled("models")), torch.device("cpu")), model)


def clap_of(outcome: Outcome) -> Space:
    (space,) = (space for space in outcome.vectors if space.model == "clap")
    return space


def test_windows_are_kept_in_both_spaces(handler: GpuHandler, pulled: Path) -> None:
    """That of the model that counts first; sentences are compared with the other's, of length 1 too."""
    content = tone_wav(25.0, 1_000.0, seed=3)
    outcome = run(handler, EMBED, 25.0, content)[0][TaskName.EMBED]
    body, space = body_of(outcome), clap_of(outcome)
    assert [each["name"] for each in body["spaces"]] == ["mobilenet", "clap"]
    assert body["model"]["name"] == "mobilenet"
    assert body["warnings"] == []
    windows = outcome.windows[space][""]
    assert windows.spans_s.tolist() == [[0.0, 10.0], [10.0, 20.0], [15.0, 25.0]]
    assert windows.heads == ()
    assert body["windows"] == sum(len(by_stem[""]) for by_stem in outcome.windows.values())
    np.testing.assert_allclose(np.linalg.norm(windows.vectors, axis=1), 1.0, atol=1e-3)
    of_words, vector = LiveTextTower(LiveCatalogue(pulled)).vector("a tone")
    assert of_words == space
    assert windows.vectors.shape[1:] == vector.shape


def test_the_kinds_of_sound_do_not_matter(pulled: Path) -> None:
    """With the models that are chosen by what is heard, too."""
    outcome = run(handler_of(pulled, "auto"), EMBED)[0][TaskName.EMBED]
    assert [each["name"] for each in body_of(outcome)["spaces"]][-1] == "clap"


def test_nothing_is_heard_that_nothing_is_kept_of(handler: GpuHandler) -> None:
    """Neither without windows, nor of another audio track, nor of what is searched by, nor for other tasks."""
    every: tuple[dict[str, Any], ...] = ({"embed": {"windows": False}}, {"audio_track": 0}, {"is_clip": True})
    for options in every:
        outcome = run(handler, EMBED, **options)[0][TaskName.EMBED]
        assert [space.model for space in outcome.vectors] in (["mobilenet"], [])
    outcomes, _ = run(handler, (TaskName.CLASSIFY,))
    assert body_of(outcomes[TaskName.CLASSIFY])["model"]["name"] == MODEL


def test_silence_has_no_window(handler: GpuHandler) -> None:
    """In either space."""
    outcome = run(handler, EMBED, content=SILENCE)[0][TaskName.EMBED]
    assert body_of(outcome)["silent"]
    assert all(len(by_stem[""]) == 0 for by_stem in outcome.windows.values())


def test_stems_are_kept_there_too(handler: GpuHandler) -> None:
    """Each as a recording of its own; a silent one has no window."""
    stems = {"drums": tone_wav(5.0, 200.0, seed=7), "bass": SILENCE}
    outcome = run(handler, EMBED, stems=stems, embed={"stems": True})[0][TaskName.EMBED]
    by_stem = outcome.windows[clap_of(outcome)]
    assert {stem: len(found) for stem, found in by_stem.items()} == {"": 1, "drums": 1, "bass": 0}


def test_without_the_extra_only_that_space_is_left_out(pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the result says what to install."""
    monkeypatch.delitem(sys.modules, "phonoscope_ml.networks.clap", raising=False)
    monkeypatch.setitem(sys.modules, "transformers", None)
    outcome = run(handler_of(pulled), EMBED)[0][TaskName.EMBED]
    body = body_of(outcome)
    assert [each["name"] for each in body["spaces"]] == ["mobilenet"]
    (why,) = body["warnings"]
    assert why.startswith("clap cannot be used: transformers is not installed here")
    assert "pip install 'phonoscope[clap]'" in why


def test_damaged_weights_leave_only_that_space_out(tmp_path: Path) -> None:
    """And the result says which file."""
    place = pull_clap(tmp_path, small_clap())
    path = place / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    body = body_of(run(handler_of(tmp_path), EMBED)[0][TaskName.EMBED])
    assert [each["name"] for each in body["spaces"]] == ["mobilenet"]
    assert "weights.safetensors" in body["warnings"][0]


def asked(handler: GpuHandler, labels: list[str], content: bytes | None = None, top_k: int = 3) -> dict[str, Any]:
    """``asked`` of a classification by labels in the client's own words."""
    options: dict[str, Any] = {"classify": {"labels": labels, "top_k": top_k}}
    outcome = run(handler, (TaskName.CLASSIFY,), 25.0, content, **options)[0][TaskName.CLASSIFY]
    found: dict[str, Any] = TASKS[TaskName.CLASSIFY].result.model_validate(body_of(outcome)).model_dump()["asked"]
    return found


def test_labels_of_the_client_s_own_are_compared_with_sounds(handler: GpuHandler) -> None:
    """As ``transformers`` does: a softmax over the scaled cosines of a sentence for each; the whole is the mean."""
    labels, content = ["a chainsaw", "rain", "a dog barking"], tone_wav(25.0, 1_000.0, seed=3)
    found = asked(handler, labels, content, top_k=2)
    assert found["way"] == "clap"
    assert found["missing"] == []
    assert [(window["start_s"], window["end_s"]) for window in found["windows"]] == [(0, 10), (10, 20), (15, 25)]
    assert {len(window["top"]) for window in found["windows"]} == {2}
    assert sum(each["score"] for each in found["top"]) == pytest.approx(1.0, abs=1e-3)
    sentences = handler.models.text_tower.tower()[1]([f"This is a sound of {label}." for label in labels])
    windows = run(handler, EMBED, 25.0, content)[0][TaskName.EMBED]
    vectors = windows.windows[clap_of(windows)][""].vectors
    scale = torch.tensor(3.0).exp()
    wanted = torch.softmax(scale * torch.from_numpy(vectors @ sentences.T), dim=1).mean(dim=0)
    scores = {each["label"]: each["score"] for each in found["top"]}
    np.testing.assert_allclose([scores[label] for label in labels], wanted.numpy(), atol=1e-3)
    assert [each["score"] for each in found["top"]] == sorted(scores.values(), reverse=True)


def test_silence_is_near_to_no_label(handler: GpuHandler) -> None:
    """Every score is 0."""
    found = asked(handler, ["rain", "wind"], SILENCE)
    assert {each["score"] for each in found["top"]} == {0.0}


def test_labels_do_not_write_windows(handler: GpuHandler) -> None:
    """Those are of ``embed``, and only where it keeps windows."""
    options: dict[str, Any] = {"classify": {"labels": ["rain"]}, "embed": {"windows": False}}
    outcomes, _ = run(handler, (TaskName.CLASSIFY, TaskName.EMBED), **options)
    assert body_of(outcomes[TaskName.CLASSIFY])["asked"]["way"] == "clap"
    assert [space.model for space in outcomes[TaskName.EMBED].vectors] == ["mobilenet"]


@pytest.mark.parametrize("name", ["weights.safetensors", "text.safetensors", "tokenizer.json"])
def test_without_it_labels_are_found_another_way(tmp_path: Path, name: str) -> None:
    """And the answer says so, and why."""
    place = pull_clap(tmp_path, small_clap())
    path = place / name
    path.write_bytes(path.read_bytes()[:-1])
    options: dict[str, Any] = {"classify": {"labels": ["rain", "a dog"]}}
    body = body_of(run(handler_of(tmp_path), (TaskName.CLASSIFY,), **options)[0][TaskName.CLASSIFY])
    assert body["asked"]["way"] != "clap"
    assert any(why.startswith("clap cannot be used") and name in why for why in body["warnings"])
