"""Which models answer: those that are named, or those whose domain is heard."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import SecretStr

from phonoscope.catalogue import Kind, LiveCatalogue
from phonoscope.errors import UnknownModel, WeightsMismatch
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope_gpu.__main__ import check
from phonoscope_gpu.answers import Stretches
from phonoscope_gpu.handler import GpuHandler, prepare
from phonoscope_ml.inference import BodyPass
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.windows import Window
from tests.classifiers import write_classifier
from tests.unit.gpu.test_handler import SILENCE, body_of, run

LABELS = {"environment-50": "dog", "genre-10": "jazz", "music-100": "guitar"}


def models(folder: Path, kind: str | None, without: str = "") -> LiveCatalogue:
    """Small models that hear one label each; the one that tells kinds apart hears ``kind`` in everything."""
    for seed, (name, label) in enumerate(LABELS.items()):
        if name != without:
            write_classifier(folder / name, label, seed)
    if kind:
        write_classifier(folder / "kinds", kind, 7)
    return LiveCatalogue(folder)


def handler(catalogue: LiveCatalogue, default: str = "auto") -> GpuHandler:
    return GpuHandler(LoadedModels(catalogue, torch.device("cpu")), default)


@pytest.mark.parametrize(
    ("kind", "answering"),
    [
        ("music", ["genre-10", "music-100"]),
        ("singing", ["genre-10", "music-100"]),
        ("sound", ["environment-50"]),
        ("speech", ["kinds"]),
    ],
)
def test_a_kind_is_answered_by_the_models_whose_domain_it_is(tmp_path: Path, kind: str, answering: list[str]) -> None:
    """The first of them counts, in each window and for the whole, and its space holds the recording's vector."""
    outcomes, _ = run(handler(models(tmp_path, kind)), (TaskName.CLASSIFY, TaskName.EMBED))
    body, embedded = body_of(outcomes[TaskName.CLASSIFY]), body_of(outcomes[TaskName.EMBED])
    assert (body["kind"], body["model"]["name"]) == (kind, answering[0])
    assert [answer["model"]["name"] for answer in body["answers"]] == answering
    assert body["top"] == body["answers"][0]["top"]
    assert {(window["kind"], window["model"]) for window in body["windows"]} == {(kind, answering[0])}
    assert [space["name"] for space in embedded["spaces"]] == list(dict.fromkeys([answering[0], "kinds"]))
    assert {space.model for space in outcomes[TaskName.EMBED].vectors} == {answering[0], "kinds"}


def test_silence_is_no_domain(tmp_path: Path) -> None:
    """Whatever the models hear in it, the result says that it is silent and unknown."""
    body = body_of(run(handler(models(tmp_path, "music")), (TaskName.CLASSIFY,), content=SILENCE)[0][TaskName.CLASSIFY])
    assert (body["kind"], body["unknown"]) == ("silence", True)
    assert all(window["kind"] is Kind.SILENCE and window["silent"] for window in body["windows"])


def test_several_models_answer_each(tmp_path: Path) -> None:
    """In the order in which they are named; the first counts, and the result has no kind."""
    asked = {"model": ["music-100", "environment-50"]}
    body = body_of(run(handler(models(tmp_path, None)), (TaskName.CLASSIFY,), classify=asked)[0][TaskName.CLASSIFY])
    assert [answer["top"][0]["label"] for answer in body["answers"]] == ["guitar", "dog"]
    assert (body["model"]["name"], body["kind"]) == ("music-100", None)
    assert all("kind" not in window for window in body["windows"])


def test_without_a_model_that_tells_kinds_apart_all_is_sound(tmp_path: Path) -> None:
    """The warning says what to do about it."""
    body = body_of(run(handler(models(tmp_path, None)), (TaskName.CLASSIFY,))[0][TaskName.CLASSIFY])
    assert (body["kind"], body["top"][0]["label"]) == ("sound", "dog")
    assert body["warnings"] == ["music and speech were not told from other sounds: run `phonoscope models pull mn04`"]


def test_a_domain_without_a_model_is_left_to_the_general_one(tmp_path: Path) -> None:
    """A song shows that it is music where no model for genres is there."""
    catalogue = models(tmp_path, "music", without="genre-10")
    (tmp_path / "music-100" / "manifest.json").unlink()
    body = body_of(run(handler(catalogue), (TaskName.CLASSIFY,))[0][TaskName.CLASSIFY])
    assert (body["kind"], body["model"]["name"], body["top"][0]["label"]) == ("music", "kinds", "music")


@pytest.mark.parametrize("damaged", ["genre-10", "music-100"])
def test_a_damaged_model_is_left_out(tmp_path: Path, damaged: str) -> None:
    """The other models of its domain answer, and a warning says what is wrong with which file."""
    catalogue = models(tmp_path, "music")
    weights = tmp_path / damaged / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    body = body_of(run(handler(catalogue), (TaskName.CLASSIFY,))[0][TaskName.CLASSIFY])
    (left,) = {"genre-10", "music-100"} - {damaged}
    assert [answer["model"]["name"] for answer in body["answers"]] == [left]
    (warning,) = body["warnings"]
    assert warning.startswith(f"{damaged} cannot be used: {weights} has the SHA-256 ")


def test_where_the_models_of_a_domain_are_damaged_the_general_one_answers(tmp_path: Path) -> None:
    """A song shows that it is music."""
    catalogue = models(tmp_path, "music")
    for name in ("genre-10", "music-100"):
        (tmp_path / name / "weights.safetensors").unlink()
    body = body_of(run(handler(catalogue), (TaskName.CLASSIFY, TaskName.EMBED))[0][TaskName.CLASSIFY])
    assert (body["kind"], body["model"]["name"], len(body["warnings"])) == ("music", "kinds", 2)


def test_where_the_general_model_is_damaged_all_is_sound(tmp_path: Path) -> None:
    """As where there is none, with a warning about its file."""
    catalogue = models(tmp_path, "music")
    (tmp_path / "kinds" / "weights.safetensors").write_bytes(b"")
    body = body_of(run(handler(catalogue), (TaskName.CLASSIFY,))[0][TaskName.CLASSIFY])
    assert (body["kind"], body["model"]["name"]) == ("sound", "environment-50")
    assert body["warnings"][0].startswith("music and speech were not told from other sounds")
    assert body["warnings"][1].startswith("kinds cannot be used: ")


@pytest.mark.parametrize(("damaged", "starts"), [("music-100", True), ("kinds", True), ("environment-50", False)])
def test_a_worker_starts_without_what_it_can_do_without(tmp_path: Path, damaged: str, starts: bool) -> None:
    """The parent checks, and the child loads what it can; only the models for sounds are needed."""
    models(tmp_path, "music")
    (tmp_path / damaged / "weights.safetensors").unlink()
    settings = Settings(
        database_url=SecretStr("postgresql+psycopg2://localhost/none"),
        broker_url=SecretStr("redis://localhost/0"),
        s3_endpoint_url="http://localhost",
        s3_access_key="none",
        s3_secret_key=SecretStr("none"),
        signing_secret=SecretStr("sixteen-letters-"),
        models_dir=tmp_path,
        more_models_dir=tmp_path / "none",
        device="cpu",
    )
    for step in (check, prepare):
        with nullcontext() if starts else pytest.raises(WeightsMismatch, match=f"{damaged}.* is missing"):
            step(settings)


def test_auto_needs_a_model_for_sounds(tmp_path: Path) -> None:
    """The error names those that would do."""
    catalogue = models(tmp_path, "music", without="environment-50")
    with pytest.raises(UnknownModel, match="needs environment-50 or environment-10"):
        _ = catalogue.current.auto


@pytest.mark.parametrize(("label", "model"), [(None, "genre-10"), ("guitar", "music-100"), ("dog", "environment-50")])
def test_a_label_is_explained_by_a_model_that_has_it(tmp_path: Path, label: str | None, model: str) -> None:
    """By the one that counts when none is asked about."""
    outcomes, _ = run(handler(models(tmp_path, "music")), (TaskName.EXPLAIN,), explain={"label": label})
    body = body_of(outcomes[TaskName.EXPLAIN])
    assert (body["model"]["name"], body["label"]) == (model, label or "jazz")


def test_a_layer_of_another_network_fails_its_task_alone(tmp_path: Path) -> None:
    """Which network is chosen is not known when the job is made."""
    tasks = (TaskName.CLASSIFY, TaskName.EXPLAIN, TaskName.FEATURES)
    served = handler(models(tmp_path, "sound"))
    outcomes = run(served, tasks, explain={"layer": "stage5"}, features={"layers": ["layer1", "last"]})[0]
    assert body_of(outcomes[TaskName.CLASSIFY])["kind"] == "sound"
    for task in (TaskName.EXPLAIN, TaskName.FEATURES):
        assert (outcomes[task].problem or {})["code"] == "unknown_layer"


@pytest.mark.parametrize("explained", [{}, {"start_s": 33.0, "end_s": 36.0}])
def test_a_long_recording_is_explained_as_by_name(tmp_path: Path, explained: dict[str, float]) -> None:
    """By its strongest window, or in the requested stretch, of which alone the model runs once more."""
    catalogue = models(tmp_path, "sound")
    served = handler(catalogue)
    seen: list[int] = []
    served.models.get("environment-50").network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    tasks = (TaskName.CLASSIFY, TaskName.EXPLAIN, TaskName.FEATURES)
    by_kind = run(served, tasks, seconds=40.0, explain=explained)[0]
    by_name = run(handler(catalogue, "environment-50"), tasks, seconds=40.0, explain=explained)[0]
    for task in (TaskName.EXPLAIN, TaskName.FEATURES):
        (one, other) = (body_of(outcomes[task]) for outcomes in (by_kind, by_name))
        assert (one["start_s"], one["end_s"]) == (other["start_s"], other["end_s"])
    assert body_of(by_kind[TaskName.EXPLAIN])["reading"] == body_of(by_name[TaskName.EXPLAIN])["reading"]
    assert sum(seen) < 100


def test_a_recording_is_heard_once_by_each_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tasks and models ask."""
    served = handler(models(tmp_path, "music"))
    seen: dict[str, int] = {}
    for name in (*LABELS, "kinds"):
        network = served.models.get(name).network
        network.register_forward_pre_hook(lambda *_, name=name: seen.update({name: seen.get(name, 0) + 1}))
    run(served, (TaskName.CLASSIFY, TaskName.EMBED))
    assert seen == {"kinds": 2, "genre-10": 2, "music-100": 2}


def test_a_long_domain_is_sampled_evenly() -> None:
    """An hour of music between two of speech: 120 windows of it, and none of the speech."""
    spans = [(2.5 * index, 2.5 * index + 5.0) for index in range(4_320)]
    heard = BodyPass(
        spans, np.zeros((4_320, 1), np.float32), np.zeros(4_320, np.bool_), None, np.empty((0, 512), np.float16)
    )
    inside = np.array([3_600.0 <= start_s < 7_200.0 for start_s, _ in spans])
    wanted = Stretches(heard, inside, hop_s=3.0)
    silence = np.zeros(1, np.float32)
    starts = [3.0 * index for index in range(3_600) if wanted(Window(3.0 * index, 3.0 * index + 3.0, silence))]
    assert 100 <= len(starts) <= 121
    assert (min(starts) >= 3_597.0, max(starts) <= 7_205.0) == (True, True)
    assert {round(later - earlier) for earlier, later in pairwise(starts)} == {30}
