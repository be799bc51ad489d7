"""Words follow the models that are served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.paths import bundled
from phonoscope.tasks import Classify
from phonoscope.tasks.classify import ClassifyOptions
from phonoscope.text import SENTENCES, ServedMeaning
from tests.unit.text.encoders import write_served


@pytest.fixture
def served(tmp_path: Path) -> ServedMeaning:
    """The shipped models, and what is pulled into a folder."""
    return ServedMeaning(LiveCatalogue(tmp_path, bundled("models")))


def test_a_pulled_model_counts_at_once(served: ServedMeaning, tmp_path: Path) -> None:
    """And a removed one no more; as long as nothing changes, nothing is read again."""
    first = served.current
    assert first.way == "spelling"
    assert served.current is first
    folder = write_served(tmp_path)
    assert served.current.way == "meaning"
    (folder / "manifest.json").unlink()
    assert served.current.way == "spelling"


def test_labels_are_embedded_in_the_background(served: ServedMeaning, tmp_path: Path) -> None:
    """Each once, also where a model is added; a part of the models needs no new ones."""
    write_served(tmp_path)
    served.warm_up_in_background().join(60.0)
    assert served.current.of("rain").way == "meaning"
    assert served.among(["environment-10"]).of("dog").weights
    assert {model for model, _ in served.among(["genre-10"]).of("jazz").weights} <= {"genre-10"}


@pytest.mark.parametrize("damaged", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_model_takes_no_words_away(
    served: ServedMeaning, tmp_path: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are compared by their spelling; the log says why, once."""
    (write_served(tmp_path) / damaged).write_bytes(b"{}")
    assert served.current.of("rain").way == "spelling"
    assert served.current.of("rain").weights
    assert capsys.readouterr().out.count(damaged) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"heads": 0}, "heads"), ({"tokenizer": {"file": "../x.json", "sha256": "0" * 64}}, "tokenizer.file")],
)
def test_a_manifest_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    """By its field; other models are served."""
    path = write_served(tmp_path) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    catalogue = Catalogue(tmp_path, bundled("models"))
    assert field in catalogue.unreadable[SENTENCES].detail
    assert "environment-10" in catalogue.manifests


def test_heads_that_do_not_fit_the_weights_leave_the_spelling(served: ServedMeaning, tmp_path: Path) -> None:
    """It is no fault of the request."""
    path = write_served(tmp_path) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"heads": 5}))
    assert served.current.way == "spelling"


def test_the_model_of_sentences_is_part_of_what_a_result_is_known_by(tmp_path: Path) -> None:
    """Only where labels were asked for: it decides nothing else."""
    asked, plain = ClassifyOptions(labels=["rain"]), ClassifyOptions()
    without = Classify.further(asked, Catalogue(tmp_path))
    write_served(tmp_path)
    first = Classify.further(asked, Catalogue(tmp_path))
    write_served(tmp_path, seed=1)
    second = Classify.further(asked, Catalogue(tmp_path))
    assert len({json.dumps(each) for each in (without, first, second)}) == 3
    assert Classify.further(plain, Catalogue(tmp_path)) == []
