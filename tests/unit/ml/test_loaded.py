"""The classifiers in a worker's memory follow their folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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
