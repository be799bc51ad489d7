"""Heads on stored vectors: torch and numpy agree, evidence goes through the body, and damaged ones are refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from phonoscope.catalogue import BodyRef, Catalogue, HeadedManifest, HeadManifest, centres
from phonoscope.catalogue.architectures import METHODS
from phonoscope.errors import BodyAbsent, WeightsMismatch
from phonoscope_ml.explain import explain
from phonoscope_ml.inference import predict, run_body, run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model, load_body, load_head, load_named
from phonoscope_ml.teaching import Examples, from_files, probabilities, teach, to_files

CPU = torch.device("cpu")
MODELS = Path(__file__).parents[3] / "models"
BODY, RATE = "mobilenet", 32_000


def noise(seed: int, seconds: float = 5.0) -> np.ndarray:
    """Noise at the body's rate."""
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def tone(hertz: float) -> np.ndarray:
    """A tone with a little noise."""
    sines = 0.1 * np.sin(2 * np.pi * hertz * np.arange(5 * RATE) / RATE)
    return (sines + 0.02 * noise(3)).astype(np.float32)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "centred"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The shipped body, with its centre and without, and a head that was taught on vectors that it gave."""
    folder = tmp_path_factory.mktemp("models")
    (folder / BODY).symlink_to(MODELS / BODY)
    with pytest.MonkeyPatch.context() as patch:
        if not request.param:
            patch.setattr(centres, "CENTRES", folder / "none")
        centres.centre_of.cache_clear()
        manifest = Catalogue(folder).bodies[BODY]
        body = load_body(manifest, folder / BODY, CPU)
        assert (body.centre is not None) == request.param
        assert body.front_end.settings.sample_rate_hz == RATE
        heard = [run_body(body, [sound]).vectors for sound in (noise(1), noise(2), tone(440.0), tone(450.0))]
        vectors = np.concatenate(heard).astype(np.float32)
        recordings = np.repeat(np.arange(4), [len(rows) for rows in heard])
        taught = teach(["noise", "tone"], Examples.one_label(vectors, recordings // 2, recordings), several=False)
        write(folder / "mine", *to_files(taught, "mine", 1, BodyRef(name=BODY, digest=manifest.digest)))
        yield folder
    centres.centre_of.cache_clear()


def write(folder: Path, manifest: HeadManifest, weights: bytes) -> None:
    """A head's folder, as an export has it."""
    folder.mkdir()
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    (folder / manifest.on[0].weights.file).write_bytes(weights)


def loaded(folder: Path) -> Model:
    """The head on its body."""
    return load_named(Catalogue(folder), "mine", lambda body, where: load_body(body, where, CPU), CPU)


def of(model: Model) -> HeadedManifest:
    """The manifest of a head."""
    assert isinstance(model.manifest, HeadedManifest)
    return model.manifest


def test_torch_and_numpy_agree(folder: Path) -> None:
    """On stored vectors to a millionth, and in the network within half precision."""
    model = loaded(folder)
    head = from_files(of(model).head, (folder / "mine" / "weights.safetensors").read_bytes())
    heard = run_body(model.body, [tone(440.0)])
    stored = probabilities(head, heard.vectors)
    np.testing.assert_allclose(predict(model, [heard]).probabilities, stored, atol=1e-6)
    with EvidenceRecorder(model) as recorder:
        run_body(model.body, [tone(440.0)], forward=recorder)
        (batch,) = recorder.batches(0)
        found = [batch.probabilities(label) for label in range(2)]
        embedding = batch.output.embedding.detach()
    np.testing.assert_allclose(np.transpose(found), stored, atol=5e-3)
    np.testing.assert_allclose(model.network.placing(embedding).numpy(), heard.vectors.astype(np.float32), atol=1e-3)  # type: ignore[operator]


def test_it_hears_what_it_was_taught(folder: Path) -> None:
    """A tone and a noise of other recordings than those it was taught on."""
    model = loaded(folder)
    assert [run_inference(model, [sound]).label for sound in (noise(9), tone(445.0))] == ["noise", "tone"]


def test_windows_of_another_body_are_read_as_vectors(folder: Path) -> None:
    """Their means are of length 1 again, so that a head answers as for a stored vector."""
    model = loaded(folder)
    heard = run_body(model.body, [np.concatenate([noise(9), tone(445.0)])[: 8 * RATE]])
    other = run_body(model.body, [noise(9, 7.5)])
    rows = heard.during(other.spans_s, heard.vectors.astype(np.float32))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    head = from_files(of(model).head, (folder / "mine" / "weights.safetensors").read_bytes())
    np.testing.assert_allclose(predict(model, [heard], other).probabilities, probabilities(head, rows), atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_evidence_goes_through_the_body(folder: Path, method: Any) -> None:
    """It is found by gradients of the head's logit, differs between labels, and can be checked."""
    model = loaded(folder)
    with EvidenceRecorder(model) as recorder:
        run_body(model.body, [tone(440.0)], forward=recorder)
        found = {label: explain(recorder, label, method) for label in ("noise", "tone")}
        assert max(one.heatmap.max() for one in found.values()) > 0.0
        assert not np.allclose(found["noise"].heatmap, found["tone"].heatmap)
        if method == "grad-cam":
            trust = found["tone"].trust()
            assert trust is not None
            assert -1.0 <= trust.randomised < 1.0


def damaged(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[[HeadManifest, bytes], tuple[Any, bytes]]:
    """The weights with a change, and the digest of these in the manifest."""

    def made(manifest: HeadManifest, weights: bytes) -> tuple[Any, bytes]:
        from safetensors.numpy import load

        tensors = load(weights)
        change(tensors)
        changed = save(tensors)
        values = json.loads(manifest.model_dump_json())
        values["on"][0]["weights"]["sha256"] = hashlib.sha256(changed).hexdigest()
        return values, changed

    return made


def _nan(tensors: dict[str, np.ndarray]) -> None:
    tensors["linear.weight"] = np.full((2, 512), np.nan, dtype=np.float32)


def _wide(tensors: dict[str, np.ndarray]) -> None:
    tensors["linear.weight"] = np.zeros((2, 896), dtype=np.float32)


def _less(tensors: dict[str, np.ndarray]) -> None:
    del tensors["linear.bias"]


def _more(tensors: dict[str, np.ndarray]) -> None:
    tensors["linear.bias"] = np.zeros(3, dtype=np.float32)


@pytest.mark.parametrize("change", [_nan, _wide, _less, _more])
def test_weights_that_do_not_fit_are_refused(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """By torch and by numpy alike, though the digest is right."""
    model = loaded(folder)
    weights = (folder / "mine" / "weights.safetensors").read_bytes()
    values, changed = damaged(change)(of(model).head, weights)
    head = HeadManifest.model_validate(values)
    manifest = HeadedManifest(head, head.on[0], of(model).bodies)
    with pytest.raises(WeightsMismatch, match="mine"):
        load_head(manifest, changed, [model.body])
    with pytest.raises(WeightsMismatch, match="mine"):
        from_files(head, changed)


@pytest.mark.parametrize("weights", [b"", b"PK\x03\x04", b"\x80\x04}q\x00.", b"\xff" * 64])
def test_other_bytes_are_refused(folder: Path, weights: bytes) -> None:
    """By their digest, and as what is no file of that format where the manifest names theirs."""
    model = loaded(folder)
    values = json.loads(of(model).head.model_dump_json())
    for digest in (values["on"][0]["weights"]["sha256"], hashlib.sha256(weights).hexdigest()):
        values["on"][0]["weights"]["sha256"] = digest
        head = HeadManifest.model_validate(values)
        manifest = HeadedManifest(head, head.on[0], of(model).bodies)
        with pytest.raises(WeightsMismatch, match="mine"):
            load_head(manifest, weights, [model.body])
        with pytest.raises(WeightsMismatch, match="mine"):
            from_files(head, weights)


def test_a_head_of_another_space_is_not_served(folder: Path, tmp_path: Path) -> None:
    """The body's weights are the same, and its vectors have another centre."""
    values = json.loads((folder / "mine" / "manifest.json").read_text())
    values["space"] = "sha256:" + "0" * 64
    for name in (BODY, "mine"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "mine").unlink()
    head = HeadManifest.model_validate(values)
    write(tmp_path / "mine", head, (folder / "mine" / "weights.safetensors").read_bytes())
    with pytest.raises(BodyAbsent, match="other vectors"):
        Catalogue(tmp_path).get("mine")


def test_what_a_head_reads_is_left_out_where_it_is_features(folder: Path) -> None:
    """The identities of models from before stay."""
    model = loaded(folder)
    values = of(model).head.model_dump()
    assert values["reads"] == "embedding"
    plain = HeadManifest.model_validate({**values, "reads": "features", "space": None})
    assert {"reads", "space"}.isdisjoint(plain.model_dump())
    with pytest.raises(ValueError, match="names its space"):
        HeadManifest.model_validate({**values, "space": None})
