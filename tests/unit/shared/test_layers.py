"""Layers that a request names are those of its model's network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phonoscope.catalogue import Catalogue
from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope.catalogue.cards import layers_of
from phonoscope.errors import UnknownLayer
from phonoscope.states import TaskName
from phonoscope.tasks import Explain, Features
from phonoscope.tasks.explain import ExplainOptions
from phonoscope.tasks.features import FeaturesOptions
from phonoscope.tasks.spec import RequestContext
from tests.classifiers import classifier_manifest


def asked(folder: Path, architecture: str) -> RequestContext:
    """A request to a model with a network of an architecture."""
    manifest = classifier_manifest("one", ["a", "b"], architecture=architecture)
    weights = {"file": "weights.safetensors", "sha256": "0" * 64, "dtype": "float16"}
    (folder / "one").mkdir()
    (folder / "one" / "manifest.json").write_text(json.dumps(manifest | {"weights": weights}))
    return RequestContext((TaskName.EXPLAIN, TaskName.FEATURES), ("one",), "one", Catalogue(folder))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_layer_that_is_left_out_is_the_network_s_own(tmp_path: Path, architecture: str) -> None:
    """``explain`` takes its default layer, ``features`` all its depths; both are then written out."""
    request, known = asked(tmp_path, architecture), ARCHITECTURES[architecture]
    assert Explain.complete(ExplainOptions(), request).layer == known.evidence
    assert Features.complete(FeaturesOptions(), request).layers == list(known.depths)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_card_names_the_layers_that_a_request_may_name(tmp_path: Path, architecture: str) -> None:
    """Those that can show evidence, the default one, and the depths with feature maps."""
    request, known = asked(tmp_path, architecture), ARCHITECTURES[architecture]
    card = request.catalogue.get("one").card()
    assert (card.layers, card.depths) == (list(known.layers), list(known.depths))
    assert (list(card.strides), card.strides) == (card.layers, known.strides)
    assert card.default_layer == Explain.complete(ExplainOptions(), request).layer
    for layer in card.layers:
        Explain.check(ExplainOptions(layer=layer), request)
    assert card.bodies == []


def test_a_card_of_an_unknown_architecture_names_no_layers() -> None:
    """A model that this version cannot run can still be listed."""
    assert layers_of("perceiver") == {"layers": [], "default_layer": None, "strides": {}, "depths": []}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_layer_of_another_network_is_refused(tmp_path: Path, architecture: str) -> None:
    """The error names those there are; the network's own pass."""
    request, known = asked(tmp_path, architecture), ARCHITECTURES[architecture]
    for layer in known.layers:
        Explain.check(ExplainOptions(layer=layer), request)
    Features.check(FeaturesOptions(layers=known.names), request)
    other = "stage3" if architecture.startswith("resnet") else "layer3"
    with pytest.raises(UnknownLayer, match=known.layers[0]):
        Explain.check(ExplainOptions(layer=other), request)
    with pytest.raises(UnknownLayer, match=known.layers[0]):
        Features.check(FeaturesOptions(layers=[other]), request)
