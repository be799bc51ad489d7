"""CLAP's text tower in numpy gives the vectors of ``transformers``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import RobertaTokenizer

from phonoscope.catalogue import BodyManifest, LiveCatalogue, read_manifest
from phonoscope.errors import BodyAbsent, UnreadableWeights, WeightsMismatch
from phonoscope.text.clap import ClapText, LiveTextTower, open_text_tower
from phonoscope.text.encoder import Encoder
from phonoscope.text.mapped import map_tensors
from phonoscope.text.tokens import Batch, Tokens
from tests.clap import AUDIO, SPECIAL, pull_clap, random_clap, small_clap, vocabulary

SENTENCES = [
    "a dog barking in the rain",
    "thunder",
    "",
    "Ärger, naïve 音 🎻\n\t tab",
    "  the sound of   a chainsaw ",
    "x" * 40,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, pulled; changed by no test."""
    return pull_clap(tmp_path_factory.mktemp("models"), small_clap())


@pytest.fixture
def tower(folder: Path) -> ClapText:
    return open_text_tower(body(folder), folder)


def body(folder: Path) -> BodyManifest:
    """The manifest in a folder."""
    manifest = read_manifest(folder / "manifest.json")
    assert isinstance(manifest, BodyManifest)
    return manifest


def published(folder: Path) -> RobertaTokenizer:
    """The tokenizer as ``transformers`` makes it of the published files."""
    for name, content in zip(("vocab.json", "merges.txt"), vocabulary(), strict=True):
        (folder / name).write_bytes(content)
    return RobertaTokenizer.from_pretrained(folder)


def test_sentences_have_the_vectors_of_transformers(tower: ClapText, tmp_path: Path) -> None:
    """Through tokenizer, encoder, pooler and projection, of any length and any script, alone and in one batch."""
    tokens = published(tmp_path)(SENTENCES, padding=True, return_tensors="pt")
    wanted = small_clap().get_text_features(**tokens).pooler_output.numpy()
    np.testing.assert_allclose(tower(SENTENCES), wanted, atol=1e-5)
    for row, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(tower([sentence])[0], wanted[row], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(wanted, axis=1), 1.0, atol=1e-5)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-2


def test_the_true_configuration_gives_the_vectors_of_transformers(tmp_path: Path) -> None:
    """RoBERTa-base with 125 million parameters, from the file where the system keeps it."""
    model = random_clap(AUDIO, {}, seed=1)
    kept = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    save_file({name: value for name, value in kept.items() if name.startswith("text_")}, tmp_path / "text.safetensors")
    assert sum(value.numel() for name, value in kept.items() if name.startswith("text_")) == 125_302_016
    places = [map_tensors(tmp_path / "text.safetensors", prefix) for prefix in ("text_model.", "text_projection.")]
    encoder = Encoder(places[0], heads=12, first_position=2)
    ids, mask = np.ones((2, 9), dtype=np.int64), np.zeros((2, 9), dtype=np.int64)
    for row, tokens in enumerate(([0, 50_000, 7, 99, 1_000, 20_000, 4, 8, 2], [0, 612, 2])):
        ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
    wanted = model.get_text_features(torch.from_numpy(ids), torch.from_numpy(mask)).pooler_output.numpy()
    tower = ClapText(_Given(Batch(ids, mask)), encoder, places[1], 1.0)
    np.testing.assert_allclose(tower(["", ""]), wanted, atol=1e-4)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-3


class _Given(Tokens):
    """Gives these tokens, whatever the sentence."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __call__(self, sentences: Sequence[str], padding: int = 0) -> Batch:
        assert (len(sentences), padding) == (len(self._batch.ids), 1)
        return self._batch


def test_a_long_sentence_is_cut_off(tower: ClapText) -> None:
    """After 512 tokens, the two at its ends included."""
    (vector,) = tower(["rain " * 10_000])
    assert len(tower.tokens(["rain " * 10_000]).ids[0]) == 512
    np.testing.assert_allclose(vector, tower(["rain " * 20_000])[0], atol=1e-6)


def test_no_sentence_has_no_vector(tower: ClapText) -> None:
    """Nor does it fail."""
    assert tower([]).shape == (0, 512)


def test_special_tokens_in_a_text_are_only_text(tower: ClapText) -> None:
    """What a person types ends no sentence and masks nothing."""
    for name in SPECIAL:
        ids = tower.tokens([f"rain {name} thunder"], 1).ids[0].tolist()
        assert (ids[0], ids[-1]) == (0, 2)
        assert not {0, 1, 2, 4} & set(ids[1:-1])


def test_probabilities_are_a_softmax_over_scaled_cosines(tower: ClapText) -> None:
    """As ``transformers`` has them for a sound and several sentences."""
    sounds = np.eye(512, dtype=np.float32)[:3]
    wanted = torch.softmax(torch.tensor(3.0).exp() * torch.from_numpy(sounds @ tower(SENTENCES).T), dim=1)
    found = tower.probabilities(sounds, SENTENCES)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


def test_without_the_body_the_command_is_named(tmp_path: Path) -> None:
    """The body may come later; then it is opened."""
    live = LiveTextTower(LiveCatalogue(tmp_path))
    with pytest.raises(BodyAbsent, match="run `phonoscope models pull clap`"):
        live.vector("rain")
    manifest = body(pull_clap(tmp_path, small_clap()))
    space, vector = live.vector("rain")
    assert space == live.space == manifest.space
    assert vector.shape == (512,)
    assert live.vector("rain")[1] is vector


def test_another_body_gives_other_vectors(tmp_path: Path) -> None:
    """From the next sentence on."""
    place = pull_clap(tmp_path, small_clap())
    live = LiveTextTower(LiveCatalogue(tmp_path))
    before = live.vector("rain")[1]
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    pull_clap(tmp_path, small_clap(1))
    assert np.abs(live.vector("rain")[1] - before).max() > 1e-3


@pytest.mark.parametrize("name", ["text.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    """Also when it is missing."""
    place = pull_clap(tmp_path, small_clap())
    whole = (place / name).read_bytes()
    (place / name).write_bytes(whole[:-1])
    with pytest.raises(WeightsMismatch, match=name):
        open_text_tower(body(place), place)
    (place / name).unlink()
    with pytest.raises(WeightsMismatch, match=name):
        open_text_tower(body(place), place)


def test_a_tower_that_cannot_be_used_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each search gets the same error at once, until a file has changed."""
    place = pull_clap(tmp_path, small_clap())
    live, opened = LiveTextTower(LiveCatalogue(tmp_path)), list[str]()
    whole = (place / "text.safetensors").read_bytes()
    (place / "text.safetensors").write_bytes(whole[:-1])

    def counting(manifest: BodyManifest, folder: Path) -> ClapText:
        opened.append(manifest.name)
        return open_text_tower(manifest, folder)

    monkeypatch.setattr("phonoscope.text.clap.open_text_tower", counting)
    for _ in range(3):
        with pytest.raises(WeightsMismatch, match=r"text\.safetensors has the SHA-256"):
            live.vector("rain")
    assert opened == ["clap"]
    (place / "text.safetensors").write_bytes(whole)
    assert live.vector("rain")[1].shape == (512,)


def test_a_body_without_text_has_no_tower(folder: Path) -> None:
    """Such as those that hear alone."""
    deaf = body(folder).model_copy(update={"text": None})
    with pytest.raises(BodyAbsent, match="clap has no text tower"):
        open_text_tower(deaf, folder)


def header(**entry: object) -> bytes:
    """A safetensors file of one tensor, described so."""
    text = json.dumps({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **entry}}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(16)


def test_mapped_tensors_are_those_of_the_file(tmp_path: Path) -> None:
    """By the rest of their names, and not to be written to."""
    values = {"text.a": torch.arange(6.0).reshape(2, 3), "text.b": torch.tensor(7.0), "audio.a": torch.zeros(3)}
    save_file(values, tmp_path / "a.safetensors", {"format": "pt"})
    found = map_tensors(tmp_path / "a.safetensors", "text.")
    assert {name: value.tolist() for name, value in found.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": 7.0}
    assert not found["a"].flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95pickled",
        b"\xff" * 8 + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        header(dtype="F16"),
        header(shape=[3, 2]),
        header(shape=[-2, -2]),
        header(shape=["2", 2]),
        header(data_offsets=[8, 24]),
        header(data_offsets=[-16, 0]),
        header(data_offsets=[0]),
    ],
)
def test_what_is_no_safetensors_is_not_mapped(tmp_path: Path, content: bytes) -> None:
    """Nor what does not fit its header."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(UnreadableWeights, match=r"a\.safetensors cannot be read as safetensors"):
        map_tensors(path)
