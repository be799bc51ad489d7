"""The centres of spaces: what is subtracted, and that another centre is another space."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from phonoscope.catalogue import Catalogue, centres
from phonoscope.catalogue.centres import CENTRES, Centre, centre_of
from phonoscope.errors import InvalidManifest
from phonoscope_ml.inference import run_body
from phonoscope_ml.registry import load_body
from phonoscope_training.bodies.centring import measure_centre
from phonoscope_training.errors import InvalidDataset
from tests.support import tone_wav
from tests.unit.ml.headed import write_body

FLAT = [0.03] * 512


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of centres, which is empty."""
    place = tmp_path / "centres"
    place.mkdir()
    monkeypatch.setattr(centres, "CENTRES", place)
    centre_of.cache_clear()
    yield place
    centre_of.cache_clear()


def keep(folder: Path, digest: str, mean: list[float], **changes: object) -> None:
    content = {"body": "b", "digest": digest, "sets": ["a set"], "mean": mean} | changes
    (folder / f"{digest}.json").write_text(json.dumps(content))
    centre_of.cache_clear()


def test_a_centre_is_subtracted_from_unit_vectors(folder: Path, tmp_path: Path) -> None:
    """Of recordings and of windows alike; what is left has length 1, and zeros stay zeros."""
    digest = write_body(tmp_path / "m" / "mobilenet", "mobilenet")
    catalogue = Catalogue(tmp_path / "m")
    plain = load_body(catalogue.bodies["mobilenet"], tmp_path / "m" / "mobilenet", torch.device("cpu"))
    keep(folder, digest, FLAT)
    centred = load_body(catalogue.bodies["mobilenet"], tmp_path / "m" / "mobilenet", torch.device("cpu"))
    sound = np.sin(np.arange(3 * plain.front_end.settings.sample_rate_hz) / 9.0).astype(np.float32)
    before, after = run_body(plain, [sound]), run_body(centred, [sound])
    assert before.embedding is not None
    wanted = before.embedding - np.float32(0.03)
    assert after.embedding is not None
    np.testing.assert_allclose(after.embedding, wanted / np.linalg.norm(wanted), atol=1e-6)
    wanted = before.vectors - np.float32(0.03)
    np.testing.assert_allclose(after.vectors, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-3)
    np.testing.assert_array_equal(after.features, before.features)
    np.testing.assert_array_equal(centred.placed(np.zeros((1, 512))), np.zeros((1, 512)))


def test_another_centre_is_another_space(folder: Path, tmp_path: Path) -> None:
    """Its vectors cannot be compared; the body is the same one to its heads."""
    digest = write_body(tmp_path / "mobilenet", "mobilenet")
    spaces = []
    for mean in (None, FLAT, [0.01] * 512):
        if mean is not None:
            keep(folder, digest, mean)
        manifest = Catalogue(tmp_path).bodies["mobilenet"]
        assert manifest.digest == digest
        spaces.append(manifest.space)
    assert spaces[0].digest == f"sha256:{digest}"
    assert len(set(spaces)) == 3
    assert {space.model for space in spaces} == {"mobilenet"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mean": [0.0]}, "mean"),
        ({"mean": [1.0] * 512}, "longer than 1"),
        ({"mean": [float("nan")] * 512}, "longer than 1"),
        ({"digest": "0" * 64}, "another body"),
        ({"sets": []}, "sets"),
    ],
)
def test_a_file_that_is_no_centre_is_refused(folder: Path, changes: dict[str, object], words: str) -> None:
    """The error names the file and what is wrong."""
    digest = "a" * 64
    content = {"body": "b", "digest": digest, "sets": ["a set"], "mean": FLAT} | changes
    (folder / f"{digest}.json").write_text(json.dumps(content))
    with pytest.raises(InvalidManifest, match=words):
        centre_of(digest)


def test_centres_that_ship_are_of_named_sets() -> None:
    """Each is under its body's digest, and says what it was measured on."""
    files = list(CENTRES.glob("*.json"))
    assert files
    for path in files:
        found = Centre.model_validate_json(path.read_text())
        assert (path.stem, bool(found.body), bool(found.sets)) == (found.digest, True, True)


def test_a_centre_is_measured_with_sets_counting_alike(folder: Path, tmp_path: Path) -> None:
    """Whatever their sizes; a set without sound is refused."""
    digest = write_body(tmp_path / "m" / "mobilenet", "mobilenet")
    manifest = Catalogue(tmp_path / "m").bodies["mobilenet"]
    body = replace(load_body(manifest, tmp_path / "m" / "mobilenet", torch.device("cpu")), centre=None)
    data = tmp_path / "data"
    for name, seeds in (("a", (1, 2, 3)), ("b", (4,))):
        (data / name / "deeper").mkdir(parents=True)
        for seed in seeds:
            (data / name / "deeper" / f"{seed}.wav").write_bytes(tone_wav(1.0, 100.0 * seed, seed=seed))
    one, other = (measure_centre(body, digest, data, [name]) for name in ("a", "b"))
    both = measure_centre(body, digest, data, ["a", "b"])
    np.testing.assert_allclose(both.mean, (np.array(one.mean) + other.mean) / 2.0, atol=2e-6)
    assert np.linalg.norm(other.mean) > 0.99
    (data / "empty").mkdir()
    with pytest.raises(InvalidDataset, match="no recording that sounds"):
        measure_centre(body, digest, data, ["empty"])
