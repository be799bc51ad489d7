"""Layers that a request names are those of its model's network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phonoscope.catalogue import Catalogue
from phonoscope.catalogue.architectures import ARCHITECTURES
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
    return RequestContext((TaskName.EXPLAIN, TaskName.FEATURES), "one", "one", Catalogue(folder))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_layer_that_is_left_out_is_the_network_s_own(tmp_path: Path, architecture: str) -> None:
    """``explain`` takes its default layer, ``features`` all its depths; both are then written out."""
    request, known = asked(tmp_path, architecture), ARCHITECTURES[architecture]
    assert Explain.complete(ExplainOptions(), request).layer == known.evidence
    assert Features.complete(FeaturesOptions(), request).layers == list(known.depths)


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
