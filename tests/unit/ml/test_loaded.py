"""The classifiers in a worker's memory follow their folders."""

from __future__ import annotations

import json
import shutil
import sys
import weakref
from pathlib import Path
from time import monotonic, sleep

import pytest
import torch

from phonoscope.catalogue import LiveCatalogue
from phonoscope.errors import UnknownModel, WeightsMismatch
from phonoscope_ml.loaded import LoadedModels


@pytest.fixture
def models(model_folder: Path) -> LoadedModels:
    """Of the folder that holds one small model; nothing is loaded yet."""
    return LoadedModels(LiveCatalogue(model_folder.parent), torch.device("cpu"))


def relabel(folder: Path, *labels: str) -> None:
    """The same weights under other labels are another model."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": labels}))


def test_a_model_is_loaded_once(models: LoadedModels) -> None:
    """When it is first named."""
    assert models.get("small") is models.get("small")


def test_a_model_that_is_replaced_is_loaded_again(models: LoadedModels, model_folder: Path) -> None:
    """The earlier one is not used again."""
    before = models.get("small")
    relabel(model_folder, "a", "b", "c", "d")
    after = models.get("small")
    assert after.manifest.labels == ["a", "b", "c", "d"]
    assert after is not before
    assert models.get("small") is after


def test_a_model_that_is_added_can_be_named(models: LoadedModels, model_folder: Path) -> None:
    """Beside those that are there."""
    twin = Path(shutil.copytree(model_folder, model_folder.with_name("twin")))
    path = twin / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": "twin"}))
    assert (models.get("twin").manifest.name, models.get("small").manifest.name) == ("twin", "small")


def test_a_model_that_is_removed_is_unknown(models: LoadedModels, model_folder: Path) -> None:
    """Though it was in memory; put back, it is loaded from its folder."""
    before = models.get("small")
    kept = shutil.move(model_folder, model_folder.parent.with_name("elsewhere"))
    with pytest.raises(UnknownModel, match="no model 'small'; served: none"):
        models.get("small")
    shutil.move(kept, model_folder)
    assert models.get("small") is not before


def test_damaged_weights_are_refused_until_they_are_whole(models: LoadedModels, model_folder: Path) -> None:
    """A model that was replaced by half is a typed error, not the earlier model under the later one's name."""
    models.get("small")
    path = model_folder / "weights.safetensors"
    whole = path.read_bytes()
    relabel(model_folder, "a", "b", "c", "d")
    path.write_bytes(whole[:-1])
    for _ in range(2):
        with pytest.raises(WeightsMismatch):
            models.get("small")
    path.write_bytes(whole)
    assert models.get("small").manifest.labels == ["a", "b", "c", "d"]


def twin(folder: Path) -> str:
    """The same model a second time, by another name."""
    copy = Path(shutil.copytree(folder, folder.with_name("twin")))
    path = copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"name": copy.name}))
    return copy.name


def test_an_unused_model_is_dropped_while_memory_is_short(model_folder: Path) -> None:
    """At the next request, though that one loads nothing; the model that is asked for stays."""
    short = LoadedModels(LiveCatalogue(model_folder.parent), torch.device("cpu"), unused_s=0.2, short_bytes=sys.maxsize)
    before, other = short.get("small"), short.get(twin(model_folder))
    deadline = monotonic() + 30.0
    unused = weakref.ref(before)
    del before
    while unused() is not None and monotonic() < deadline:
        sleep(0.05)
        assert short.get("twin") is other
    assert unused() is None
    sleep(0.3)
    assert short.get("twin") is other


def test_an_unused_model_stays_while_there_is_memory(model_folder: Path) -> None:
    """However long nobody asked for it."""
    enough = LoadedModels(LiveCatalogue(model_folder.parent), torch.device("cpu"), unused_s=0.0, short_bytes=0)
    before = enough.get("small")
    enough.get(twin(model_folder))
    assert enough.get("small") is before


def test_models_are_loaded_in_the_background(models: LoadedModels, model_folder: Path) -> None:
    """Once each, though a task asks for one meanwhile; a model that cannot be served does not keep the others back."""
    name = twin(model_folder)
    thread = models.load_in_background(["unknown", "small", name])
    asked = models.get("small")
    thread.join(60.0)
    assert not thread.is_alive()
    assert models.get("small") is asked
    assert models.get(name) is models.get(name)
