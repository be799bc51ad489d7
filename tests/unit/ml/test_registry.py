"""Served models are checked before they are used, and nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from phonoscope.catalogue import Catalogue, Manifest, check_weights, read_manifest
from phonoscope.errors import InvalidManifest, UnknownModel, WeightsMismatch
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.registry import Model, load_model

CPU = torch.device("cpu")
REQUIRED = [
    "name",
    "version",
    "kind",
    "architecture",
    "embedding_dim",
    "labels",
    "front_end",
    "unknown_below",
    "metrics",
    "data",
    "licence",
    "limits",
    "weights",
]


def rewrite(folder: Path, **changes: Any) -> None:
    """Changes a manifest; a value of ``None`` takes the field away."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))


def replace_weights(folder: Path, content: bytes, name: str = "weights.safetensors") -> None:
    """Puts other bytes in the weights' place, with a digest that fits them."""
    (folder / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, weights={"file": name, "sha256": digest, "dtype": "float16"})


def test_a_whole_model_is_ready_to_listen(model_folder: Path, small: Any) -> None:
    """It comes in evaluation mode, in single precision, without gradients, and with its digest."""
    model = load_model(model_folder, CPU)
    digest = hashlib.sha256((model_folder / "weights.safetensors").read_bytes()).hexdigest()
    assert model.digest == f"sha256:{digest}"
    assert model.front_end.settings == small
    assert not any(module.training for module in (*model.network.modules(), *model.front_end.modules()))
    assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    model.warm_up()


def test_loading_twice_gives_the_same_network(model: Model, model_folder: Path) -> None:
    """Weights come from the file alone, not from chance."""
    torch.manual_seed(99)
    again = load_model(model_folder, CPU)
    torch.testing.assert_close(model.network.state_dict(), again.network.state_dict(), rtol=0.0, atol=0.0)


def test_a_loaded_network_stays_as_it_is_when_its_file_changes(model_folder: Path) -> None:
    """Whoever writes over a file does not write into what is served."""
    (path,) = model_folder.glob("*.safetensors")
    model = load_model(model_folder, CPU)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    after = model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_weights_with_another_digest_are_refused(model_folder: Path) -> None:
    """One bit is enough, and the error names the file."""
    path = model_folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsMismatch, match=f"{path} has the SHA-256 [0-9a-f]{{64}}, its manifest says"):
        load_model(model_folder, CPU)


@pytest.mark.parametrize("kept", [0, 4, 1_000, -1])
def test_truncated_weights_are_refused(model_folder: Path, kept: int) -> None:
    """Even when the manifest names the digest of the truncated file."""
    path = model_folder / "weights.safetensors"
    replace_weights(model_folder, path.read_bytes()[:kept])
    with pytest.raises(WeightsMismatch, match=f"{path} does not fit resnet18"):
        load_model(model_folder, CPU)


def test_missing_weights_are_refused(model_folder: Path) -> None:
    """The error names the file that is not there."""
    path = model_folder / "weights.safetensors"
    path.unlink()
    with pytest.raises(WeightsMismatch, match=f"{path} is missing"):
        load_model(model_folder, CPU)


def test_weights_of_another_shape_are_refused(model_folder: Path) -> None:
    """A manifest with a label more or less than the network was trained on is not served."""
    path = model_folder / "weights.safetensors"
    for labels in (["bell", "rain", "saw"], ["bell", "rain", "saw", "tone", "wind"]):
        rewrite(model_folder, labels=labels)
        with pytest.raises(WeightsMismatch, match=rf"(?s){path} does not fit resnet18.*fc\.weight"):
            load_model(model_folder, CPU)


def test_weights_of_another_architecture_are_refused(model_folder: Path) -> None:
    """The 34-layer network has parameters that an 18-layer file lacks."""
    rewrite(model_folder, architecture="resnet34")
    with pytest.raises(WeightsMismatch, match=r"(?s)does not fit resnet34.*layer1\.2"):
        load_model(model_folder, CPU)


def test_a_missing_tensor_is_missed(model_folder: Path) -> None:
    """A network with one layer left at random is not served."""
    path = model_folder / "weights.safetensors"
    weights = load_file(path)
    del weights["layer4.1.bn2.running_var"]
    save_file(weights, path)
    replace_weights(model_folder, path.read_bytes())
    with pytest.raises(WeightsMismatch, match=r"(?s)does not fit.*layer4\.1\.bn2\.running_var"):
        load_model(model_folder, CPU)


@pytest.mark.parametrize("field", REQUIRED)
def test_a_manifest_must_be_complete(model_folder: Path, field: str) -> None:
    """The error names the file and the field that it lacks."""
    rewrite(model_folder, **{field: None})
    with pytest.raises(InvalidManifest, match=rf"{model_folder / 'manifest.json'}: {field}: Field required"):
        load_model(model_folder, CPU)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "other"}, "name: 'other' is not the folder's name"),
        ({"architecture": "transformer"}, "unknown architecture 'transformer'"),
        ({"embedding_dim": 128}, "embedding_dim: 128 is not 512"),
        ({"labels": ["alone"]}, "labels: "),
        ({"unknown_below": 1.5}, "unknown_below: "),
        ({"front_end": DecibelSettings().as_dict() | {"colour": "blue"}}, "colour"),
        ({"front_end": {"n_mels": "many"}}, ""),
        ({"front_end": DecibelSettings().as_dict() | {"f_min_hz": 5_000.0, "f_max_hz": 100.0}}, "f_min"),
        ({"front_end": DecibelSettings().as_dict() | {"hop_length": 0}}, "hop_length must be above 0"),
        ({"front_end": {"n_mels": 32}}, "front_end lacks sample_rate_hz"),
        ({"weights": {"file": "weights.safetensors", "sha256": "abc", "dtype": "float16"}}, "weights.sha256: "),
        ({"weights": {"file": "../weights.safetensors", "sha256": "0" * 64, "dtype": "float16"}}, "weights.file: "),
    ],
)
def test_a_manifest_must_make_sense(model_folder: Path, changes: dict[str, Any], complaint: str) -> None:
    """Whatever is wrong with it, the error names the file and what is wrong."""
    rewrite(model_folder, **changes)
    with pytest.raises(InvalidManifest) as caught:
        load_model(model_folder, CPU)
    assert caught.value.detail.startswith(f"{model_folder / 'manifest.json'}: ")
    assert complaint in caught.value.detail


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"name": "\xe9"}', b"[" * 100_000])
def test_a_manifest_must_be_json(model_folder: Path, content: bytes) -> None:
    """Broken JSON, another JSON value and text that is not UTF-8 are one kind of error, which names the file."""
    path = model_folder / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(InvalidManifest, match=f"{path}: "):
        load_model(model_folder, CPU)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    """The error names the file that is not there."""
    with pytest.raises(InvalidManifest, match=str(tmp_path / "manifest.json")):
        load_model(tmp_path, CPU)


class _Bomb:
    """What a hostile pickle does when it is opened."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def bomb(tmp_path: Path) -> tuple[bytes, Path]:
    """A pickle that leaves a file behind when it is loaded, proved to work, and where that file would be."""
    marker = tmp_path / "unpickled"
    content = pickle.dumps(_Bomb(marker))
    pickle.loads(content)
    assert marker.exists()
    marker.unlink()
    return content, marker


@pytest.mark.parametrize("name", ["weights.pt", "weights.pth", "weights.pkl", "weights.bin"])
def test_a_pickle_is_refused_by_its_name(model_folder: Path, bomb: tuple[bytes, Path], name: str) -> None:
    """A manifest may name safetensors alone; anything else is never opened."""
    content, marker = bomb
    replace_weights(model_folder, content, name)
    with pytest.raises(InvalidManifest, match=r"weights\.file"):
        load_model(model_folder, CPU)
    assert not marker.exists()


def test_a_pickle_under_another_name_is_not_opened(model_folder: Path, bomb: tuple[bytes, Path]) -> None:
    """Bytes that are not safetensors are refused, with the right digest and the right name too."""
    content, marker = bomb
    replace_weights(model_folder, content)
    with pytest.raises(WeightsMismatch, match="does not fit"):
        load_model(model_folder, CPU)
    assert not marker.exists()


def test_a_pickle_beside_the_weights_is_left_alone(
    model_folder: Path, bomb: tuple[bytes, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may hold a training checkpoint; serving does not look at it."""
    content, marker = bomb
    (model_folder / "weights.pt").write_bytes(content)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    load_model(model_folder, CPU)
    assert not marker.exists()


def test_the_catalogue_knows_every_folder_with_a_manifest(model_folder: Path) -> None:
    """Other files and folders beside the models are no models."""
    (model_folder.parent / "notes").mkdir()
    (model_folder.parent / "README.md").write_text("Models.")
    catalogue = Catalogue(model_folder.parent)
    assert list(catalogue.manifests) == ["small"]
    assert catalogue.get("small").labels == ["bell", "rain", "saw", "tone"]
    with pytest.raises(UnknownModel, match="no model 'large'; served: small") as caught:
        catalogue.get("large")
    assert caught.value.errors[0]["field"] == "model"


def test_an_empty_catalogue_serves_none(tmp_path: Path) -> None:
    """A folder without models, or none at all, is empty; asking it says so."""
    for folder in (tmp_path, tmp_path / "absent"):
        assert Catalogue(folder).manifests == {}
        with pytest.raises(UnknownModel, match="served: none"):
            Catalogue(folder).get("any")


def test_a_card_tells_all_but_the_file(model_folder: Path) -> None:
    """A model's card has its digest, labels, licence and limits, and whatever else the manifest says."""
    rewrite(model_folder, recipe={"epochs": 3})
    manifest = read_manifest(model_folder / "manifest.json")
    assert isinstance(manifest, Manifest)
    card = manifest.card().model_dump()
    assert card["digest"] == f"sha256:{manifest.weights.sha256}"
    assert card["limits"] == ["It has learned nothing."]
    assert card["recipe"] == {"epochs": 3}
    assert "weights" not in card


@pytest.mark.parametrize("changes", [{"name": "other"}, {"unknown_below": 0.4}, {"labels": ["a", "b", "c", "d"]}])
def test_the_same_weights_under_another_manifest_are_another_model(
    tmp_path: Path, exported: Path, changes: dict[str, Any]
) -> None:
    """What was answered before does not hold for it; words and figures alone make no other model."""

    def identity(inside: str, **changes: Any) -> str:
        folder = Path(shutil.copytree(exported, tmp_path / inside, dirs_exist_ok=True))
        rewrite(folder, **changes)
        return read_manifest(folder / "manifest.json").identity

    before = identity("small")
    assert identity("small", metrics={"accuracy": 0.9}, limits=["It is small."], recipe={"epochs": 3}) == before
    assert identity(changes.get("name", "small"), **changes) != before


def test_whole_weights_pass_the_check_without_being_loaded(model_folder: Path) -> None:
    """The check is for those without torch, too: it needs the bytes alone."""
    manifest = read_manifest(model_folder / "manifest.json")
    assert isinstance(manifest, Manifest)
    assert check_weights(manifest, model_folder) == [model_folder / "weights.safetensors"]
