"""A small model with random weights, exported and loaded as a trained one is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from phonoscope.catalogue import LiveCatalogue, Manifest
from phonoscope.paths import bundled
from phonoscope_ml.bodies import Body
from phonoscope_ml.frontends import DecibelSettings, LogMel
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.networks import AudioResNet
from phonoscope_ml.registry import Model, load_model
from phonoscope_training.export import write_model
from tests.classifiers import SMALL, classifier_manifest
from tests.unit.ml.listeners import BandListener

LABELS = ["bell", "rain", "saw", "tone"]


@pytest.fixture(scope="session")
def small() -> DecibelSettings:
    """A front end of a second at 8 kHz, so that windows cost little."""
    return SMALL


@pytest.fixture(scope="session")
def manifest() -> dict[str, Any]:
    """What a manifest says besides the weights, which the export adds."""
    return classifier_manifest("small", LABELS)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, manifest: dict[str, Any]) -> Path:
    """A model's folder, for all tests and changed by none."""
    folder = tmp_path_factory.mktemp("models") / "small"
    write_model(_random_network().state_dict(), manifest, folder)
    return folder


@pytest.fixture
def model_folder(tmp_path: Path, exported: Path) -> Path:
    """A whole model's folder, to be damaged by the test that asks for it."""
    return Path(shutil.copytree(exported, tmp_path / "small"))


@pytest.fixture(scope="session")
def model(exported: Path) -> Model:
    """The same model, loaded once on the processor."""
    return load_model(exported, torch.device("cpu"))


@pytest.fixture(scope="session")
def shipped() -> Model:
    """The model for sounds that the product comes with."""
    return LoadedModels(LiveCatalogue(bundled("models")), torch.device("cpu")).get("environment-50")


@pytest.fixture
def whistler(model: Model, small: DecibelSettings) -> Model:
    """A model that hears 1 kHz, by the name of ``bell``."""
    network = BandListener(small, 850.0, 1_150.0)
    assert isinstance(model.manifest, Manifest)
    manifest = model.manifest.model_copy(update={"labels": ["bell", "rain"]})
    return Model(manifest, Body("small", manifest.identity, LogMel(small), network, torch.device("cpu")), network)


def _random_network() -> AudioResNet:
    """Random weights, with none of a fresh network's zeros that would silence its residual branches."""
    torch.manual_seed(7)
    network = AudioResNet("resnet18", len(LABELS))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "bn" in name:
                parameter.uniform_(0.2, 1.0)
    return network
