"""Evidence where several labels can hold at once: each label is explained, checked and measured by itself."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import LiveCatalogue
from phonoscope.states import TaskName
from phonoscope_gpu.handler import GpuHandler
from phonoscope_ml.loaded import LoadedModels
from tests.support import tone_wav
from tests.unit.gpu.test_handler import SILENCE, body_of, content_of, run
from tests.unit.ml.headed import write_body, write_head


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> GpuHandler:
    """A small model of three tags on a mobilenet."""
    folder = tmp_path_factory.mktemp("tags")
    digest = write_body(folder / "general", "mobilenet")
    write_head(folder / "tags", {"general": digest}, 896, activation="sigmoid")
    return GpuHandler(LoadedModels(LiveCatalogue(folder), torch.device("cpu")), "tags")


def test_a_tag_is_explained_checked_and_played(tagger: GpuHandler) -> None:
    """Its own probability, shares that add to 1, five figures, and a sound as long as the recording."""
    outcomes, _ = run(tagger, seconds=3.0, explain={"label": "rain", "trust": True})
    body, found = body_of(outcomes[TaskName.EXPLAIN]), body_of(outcomes[TaskName.CLASSIFY])
    assert found["answers"][0]["several"]
    own = next(one["probability"] for one in found["top"] if one["label"] == "rain")
    assert (body["label"], body["layer"], body["probability"]) == ("rain", "last", own)
    assert sum(band["share"] for band in body["bands"]) == pytest.approx(1.0, abs=1e-3)
    assert set(body["trust"]) == {"deletion", "insertion", "random_deletion", "random_insertion", "randomised"}
    assert all(0.0 <= body["trust"][name] <= 1.0 for name in body["trust"] if name != "randomised")
    with Recording(io.BytesIO(content_of(outcomes[TaskName.EXPLAIN], "listen.flac"))) as played:
        assert sum(map(len, played.mono(8_000))) == 24_000


def test_a_tag_is_measured_in_each_stem(tagger: GpuHandler) -> None:
    """The stem that is the whole recording has the tag's probability, whatever the other tags have."""
    content = tone_wav(5.0, 1_000.0, seed=3)
    stems = {"drums": SILENCE, "vocals": content}
    options = {"label": "saw", "stems": True, "artifacts": []}
    body = body_of(run(tagger, (TaskName.EXPLAIN,), content=content, stems=stems, explain=options)[0][TaskName.EXPLAIN])
    drums, vocals = body["stems"]["parts"]
    assert vocals["alone"] == pytest.approx(body["stems"]["probability"], abs=1e-3)
    assert drums["without"] == pytest.approx(body["stems"]["probability"], abs=1e-3)
    assert "*saw*" in body["stems"]["reading"]


def test_any_tag_of_a_long_recording_is_explained_where_it_is_strongest(tagger: GpuHandler) -> None:
    """Not only the most probable one; and the features are those of the most probable tag's strongest window."""
    tasks = (TaskName.CLASSIFY, TaskName.EXPLAIN, TaskName.FEATURES)
    for label in ("bell", "rain", "saw"):
        explain: dict[str, Any] = {"label": label, "artifacts": []}
        outcomes, _ = run(tagger, tasks, 40.0, explain=explain, features={"artifacts": []})
        windows, top = (body_of(outcomes[TaskName.CLASSIFY])[name] for name in ("windows", "top"))
        for task, wanted in ((TaskName.EXPLAIN, label), (TaskName.FEATURES, top[0]["label"])):
            chances = [
                next(one["probability"] for one in window["top"] if one["label"] == wanted) for window in windows
            ]
            body = body_of(outcomes[task])
            (chosen,) = [index for index, window in enumerate(windows) if window["start_s"] == body["start_s"]]
            assert (body["end_s"], chances[chosen]) == (windows[chosen]["end_s"], pytest.approx(max(chances), abs=2e-4))
