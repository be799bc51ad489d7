"""Labels in the client's own words: how near the recording is to each."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.errors import InvalidRequest
from phonoscope.paths import bundled
from phonoscope.states import TaskName
from phonoscope.tasks import Classify, RequestContext
from phonoscope.tasks.classify import ClassifyOptions, ClassifyResult
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from tests.support import tone_wav
from tests.unit.gpu.test_handler import body_of, run

LABELS = ["Raining", "a chainsaw or a helicopter", "clock without tick", "xyzzy"]


@pytest.fixture(scope="module")
def handler() -> GpuHandler:
    """With the shipped models, of which none knows meanings."""
    return GpuHandler(LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu")), "environment-10")


def _asked(handler: GpuHandler, content: bytes | None = None, **options: Any) -> tuple[ClassifyResult, dict[str, Any]]:
    asked = {"labels": LABELS, "top_k": 10} | options
    outcomes, _ = run(handler, (TaskName.CLASSIFY,), 10.0, content, classify=asked)
    body = body_of(outcomes[TaskName.CLASSIFY])
    return Classify.read_stored(body), body


def test_each_label_has_its_score(handler: GpuHandler) -> None:
    """That of the models' labels that are near, over all windows and in each of them."""
    result, _ = _asked(handler)
    assert result.asked is not None
    scores = {row.label: row.score for row in result.asked.top}
    assert set(scores) == set(LABELS)
    assert [row.score for row in result.asked.top] == sorted(scores.values(), reverse=True)
    windows = [{top.label: top.probability for top in window.top} for window in result.windows]
    rain = sum(window["rain"] for window in windows) / len(windows)
    assert scores["Raining"] == pytest.approx(rain, abs=2e-4)
    two = sum(window["chainsaw"] + window["helicopter"] for window in windows) / len(windows) / 2.0
    assert scores["a chainsaw or a helicopter"] == pytest.approx(two, abs=2e-4)
    assert [(window.start_s, window.end_s) for window in result.asked.windows] == [
        (window.start_s, window.end_s) for window in result.windows
    ]
    first = {top.label: top.score for top in result.asked.windows[0].top}
    assert first["Raining"] == pytest.approx(windows[0]["rain"], abs=2e-4)


def test_it_says_what_each_was_taken_for(handler: GpuHandler) -> None:
    """With the weights; what no label is near to is named, and scores 0."""
    result, _ = _asked(handler)
    assert result.asked is not None
    by = {row.label: {(each.model, each.label): each.weight for each in row.by} for row in result.asked.top}
    assert by["Raining"] == {("environment-10", "rain"): 1.0}
    assert (by["xyzzy"], result.asked.missing, result.asked.way) == ({}, ["xyzzy"], "spelling")
    assert result.asked.top[-1].score == 0.0


def test_what_the_models_answer_stays(handler: GpuHandler) -> None:
    """The track's labels are theirs, not the client's."""
    _, with_labels = _asked(handler)
    _, without = _asked(handler, labels=None)
    assert without["asked"] is None
    assert {**with_labels, "asked": None} == without


def test_several_models_are_heard_in_the_same_windows(handler: GpuHandler) -> None:
    """Also where what is heard chooses them; their labels all count."""
    for model in (["environment-10", "environment-50"], "auto"):
        result, _ = _asked(handler, model=model, labels=["siren", "rain"], top_k=1)
        assert result.asked is not None
        assert [len(window.top) for window in result.asked.windows] == [1] * len(result.windows)
        (siren,) = [row for row in result.asked.top if row.label == "siren"]
        assert ("environment-50", "siren") in {(by.model, by.label) for by in siren.by} or model == "auto"


def test_silence_scores_nothing(handler: GpuHandler) -> None:
    """Whatever a network makes of it."""
    result, _ = _asked(handler, tone_wav(10.0, hertz=0.0))
    assert result.asked is not None
    assert {row.score for row in result.asked.top} == {0.0}


@pytest.mark.parametrize(
    ("labels", "field"),
    [
        (["rain", "Rain "], "labels.1"),
        (["rain", "a  dog", "A dog"], "labels.2"),
        (["rain", " "], "labels.1"),
        (["?!"], "labels.0"),
        (["\u200b"], "labels.0"),
    ],
)
def test_labels_that_say_nothing_or_the_same_are_refused(labels: list[str], field: str) -> None:
    """With the label's place."""
    asked = RequestContext((TaskName.CLASSIFY,), ("auto",), "auto", Catalogue(bundled("models")))
    with pytest.raises(InvalidRequest) as refused:
        Classify.check(ClassifyOptions(labels=labels), asked)
    assert refused.value.errors[0]["field"] == field
