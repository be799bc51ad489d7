"""Separation models from their folders: whole, or refused with the file and the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from demucs.htdemucs import HTDemucs

from phonoscope.catalogue import Catalogue
from phonoscope.errors import InvalidManifest, WeightsMismatch
from phonoscope_ml.registry import load_model
from phonoscope_ml.separation.networks import open_model
from tests.separators import network, write_separator


def test_a_model_comes_as_it_was_written(separator: Path, small: HTDemucs) -> None:
    """Its weights, its segment, its rate; nothing in it is trained any more."""
    manifest, (found,) = open_model(separator)
    torch.testing.assert_close(dict(found.state_dict()), dict(small.state_dict()), rtol=0.0, atol=0.0)
    assert (found.segment, found.samplerate, manifest.segment) == (small.segment, 44_100, 22_050)
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


def test_a_catalogue_tells_separators_from_classifiers(separator: Path, exported: Path) -> None:
    """Each in its own list; a folder that is searched first wins; one that is not there is empty."""
    catalogue = Catalogue(exported.parent, separator.parent, separator / "nowhere")
    assert (list(catalogue.manifests), list(catalogue.separators)) == (["small"], ["tiny"])
    assert catalogue.folder("tiny") == separator
    catalogue.check("tiny")
    other = write_separator(separator.parents[1] / "others" / "tiny", network(2))
    assert Catalogue(other.parent, separator.parent).folder("tiny") == other


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"segment_s": "0"}, "segment_s"),
        ({"segment_s": "1/0"}, "segment_s"),
        ({"architecture": "convtasnet"}, "architecture"),
        ({"arguments": {"colour": "blue"}}, "arguments: .*colour"),
        ({"arguments": {"channels": "many"}}, "arguments"),
        ({"sources": ["all"]}, "sources"),
        ({"weights": []}, "weights"),
        ({"shares": [[1.0, 1.0]]}, "a row for each network and a column for each source"),
        ({"shares": [[1.0, 1.0, 1.0, 0.0]]}, "no source without a network"),
        ({"limits": None}, "limits"),
    ],
)
def test_a_bad_manifest_is_refused(separator: Path, changes: dict[str, Any], says: str) -> None:
    """With the file's name and the field."""
    path = separator / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InvalidManifest, match=f"manifest.json: .*{says}"):
        open_model(separator)


def test_other_weights_are_refused(separator: Path) -> None:
    """Changed, missing, or of another shape."""
    path, manifest = separator / "weights-0.safetensors", separator / "manifest.json"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\x00")
    with pytest.raises(WeightsMismatch, match="SHA-256"):
        open_model(separator)
    path.write_bytes(content)
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(values | {"arguments": values["arguments"] | {"channels": 16}}))
    with pytest.raises(WeightsMismatch, match="does not fit htdemucs"):
        open_model(separator)
    path.unlink()
    with pytest.raises(WeightsMismatch, match="is missing"):
        open_model(separator)


def test_each_kind_is_loaded_by_its_own(separator: Path, exported: Path) -> None:
    """What classifies does not separate, and the other way about."""
    with pytest.raises(InvalidManifest, match="kind: test sound is not separation"):
        open_model(exported)
    with pytest.raises(InvalidManifest, match="kind: separation is not a classifier's"):
        load_model(separator, torch.device("cpu"))
