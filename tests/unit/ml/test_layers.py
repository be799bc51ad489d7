"""The layers that show evidence: how coarsely each sees, and which of them is the default."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest
import torch

from phonoscope.catalogue.architectures import ARCHITECTURES
from phonoscope_ml.networks import build_network

_TABLE_ROW = re.compile(r"\| `(\w+)` \| (?:grad-cam(?:\+\+)?|hirescam) \|.*?([+-]\d\.\d{3})")
_MELS, _FRAMES = 128, 512


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_cell_spans_as_many_frames_as_is_said(name: str) -> None:
    """In a real pass of a network with this architecture."""
    architecture = ARCHITECTURES[name]
    network = build_network(name, {}, labels=2).eval()
    with torch.inference_mode():
        maps = network(torch.rand(1, 1, _MELS, _FRAMES)).maps
    assert list(architecture.strides) == list(architecture.layers)
    for layer, stride in architecture.strides.items():
        assert maps[layer].shape[-1] == pytest.approx(_FRAMES / stride, abs=1.0)


@pytest.mark.parametrize("name", ["mobilenet", "musicnn"])
def test_the_default_layer_is_the_one_whose_maps_pass_their_checks_best(name: str) -> None:
    """By the mean margin over the methods in the document's tables."""
    found: dict[str, list[float]] = defaultdict(list)
    text = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text()
    for layer, margin in _TABLE_ROW.findall(text):
        if layer in ARCHITECTURES[name].layers:
            found[layer].append(float(margin))
    assert len(found) == 4
    assert all(len(margins) == 3 for margins in found.values())
    assert ARCHITECTURES[name].evidence == max(found, key=lambda layer: mean(found[layer]))
