"""The files of a taught head: they give the same answers back, say its limits, and name no recording."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope.catalogue import OWN, BodyRef, HeadManifest
from phonoscope_ml.teaching import Examples, from_files, probabilities, teach, to_files
from phonoscope_ml.teaching.files import space_of
from tests.unit.ml.teaching.worlds import World, ids

BODY = BodyRef(name="general", digest="a" * 64)


@pytest.mark.parametrize("several", [False, True])
def test_a_head_comes_back_as_it_was(several: bool) -> None:
    """Its answers and its thresholds are the same to the bit."""
    world = World(3)
    taught = teach(["a", "b", "c"], world.taught(12), world.strangers(50), ids(50), several=several)
    manifest, weights = to_files(taught, "mine", 3, BODY)
    again = from_files(HeadManifest.model_validate_json(manifest.model_dump_json()), weights)
    np.testing.assert_array_equal(probabilities(again, world.windows(0, 9)), probabilities(taught, world.windows(0, 9)))
    np.testing.assert_array_equal(again.thresholds, taught.thresholds)
    assert (again.labels, again.activation) == (taught.labels, taught.activation)
    assert (manifest.kind, manifest.version, manifest.limits) == (OWN, 3, [])
    assert manifest.space == space_of(BODY) == "sha256:" + "a" * 64
    assert manifest.on[0].metrics["accuracy"] == pytest.approx(taught.figures.accuracy, abs=1e-4)


def test_its_card_says_its_limits() -> None:
    """That figures are missing, which labels have few recordings, and that it knows no strangers."""
    said = " ".join(to_files(teach(["a", "b"], World(2).taught(1), several=False), "mine", 1, BODY)[0].limits)
    assert "no figures" in said
    assert "say little: a, b." in said
    assert "without its labels" in said


def test_recordings_are_not_named() -> None:
    """Neither the manifest nor the weights hold an id or a vector of an example."""
    examples = World(2).taught(4)
    named = Examples.one_label(examples.vectors, examples.labels, examples.recordings + 7_654_321)
    manifest, weights = to_files(teach(["a", "b"], named, several=False), "mine", 1, BODY)
    assert "7654321" not in manifest.model_dump_json()
    assert all(row.tobytes() not in weights for row in examples.vectors)
