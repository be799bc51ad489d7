"""Sentences become tokens, and these a unit vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phonoscope.errors import UnreadableWeights
from phonoscope.text import Encoder, SentenceModel, Tokens, read_tensors
from tests.unit.text.encoders import HEADS, WIDTH, WORDS, write_model


@pytest.fixture
def model(tmp_path: Path) -> SentenceModel:
    write_model(tmp_path)
    encoder = Encoder(read_tensors(tmp_path / "model.safetensors"), HEADS)
    return SentenceModel(Tokens(tmp_path / "tokenizer.json", 12), encoder)


def test_words_become_pieces(model: SentenceModel) -> None:
    """Those in the vocabulary whole, others in parts or as unknown; a batch is as long as its longest sentence."""
    batch = model.tokens(["A Dog barking", "rain", "zither"])
    named = [[WORDS[index] for index in row] for row in batch.ids]
    assert named[0] == ["[CLS]", "a", "dog", "bark", "##ing", "[SEP]"]
    assert named[1] == ["[CLS]", "rain", "[SEP]", "[PAD]", "[PAD]", "[PAD]"]
    assert named[2][1] == "[UNK]"
    assert batch.mask.sum(axis=1).tolist() == [6, 3, 3]


def test_a_long_sentence_is_cut_off(model: SentenceModel) -> None:
    """At the length that was asked for, not at the published file's."""
    assert model.tokens(["dog " * 40]).ids.shape == (1, 12)


def test_vectors_are_of_length_one_and_in_order(model: SentenceModel) -> None:
    """Each as if it had been asked for alone, whatever the lengths of the others and however many there are."""
    asked = ["rain", "a dog barking", "thunder", "a dog barking a dog barking"] * 12
    found = model(asked)
    assert found.shape == (48, WIDTH)
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    alone = np.concatenate([model([sentence]) for sentence in asked[:4]])
    assert np.abs(found[:4] - alone).max() < 1e-5
    assert np.abs(found[4:8] - alone).max() < 1e-5


def test_a_vector_is_the_mean_of_its_tokens(model: SentenceModel) -> None:
    """Of all of them, those that open and close the sentence too, and of nothing else."""
    batch = model.tokens(["a dog"])
    mean = model.encoder.states(batch.ids, batch.mask)[0].mean(axis=0)
    assert np.abs(model(["a dog", "a dog barking rain"])[0] - mean / np.linalg.norm(mean)).max() < 1e-5


def test_no_sentences_have_no_vectors(model: SentenceModel) -> None:
    """A library without labels is no error."""
    assert model([]).shape == (0, WIDTH)


@pytest.mark.parametrize("content", ["{}", "[", ""])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    """With the file's name."""
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UnreadableWeights, match=r"tokenizer\.json"):
        Tokens(tmp_path / "tokenizer.json", 12)
