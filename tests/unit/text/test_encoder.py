"""The encoder computes what BERT and RoBERTa do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from phonoscope.errors import UnreadableWeights
from phonoscope.text.encoder import Array, Encoder, Indices, gelu, read_tensors
from tests.unit.text.encoders import HEADS, INNER, LAYERS, PLACES, WIDTH, random_tensors, sentences

_PARTS = {
    "self_attn.out_proj": "attention.output.dense",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm1": "attention.output.LayerNorm",
    "norm2": "output.LayerNorm",
}


def by_torch(tensors: dict[str, Array], ids: Indices, mask: Indices, epsilon: float, first: int) -> Array:
    """The states by torch's own transformer, whose layers are BERT's when they normalise after each part."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, "gelu", epsilon, batch_first=True)
    network = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False).eval()
    network.load_state_dict({name: value for index in range(LAYERS) for name, value in _renamed(tensors, index)})
    words, places, kinds = (
        torch.from_numpy(tensors[f"embeddings.{name}_embeddings.weight"]) for name in ("word", "position", "token_type")
    )
    positions = torch.arange(ids.shape[1]) + first
    norm = (torch.from_numpy(tensors[f"embeddings.LayerNorm.{part}"]) for part in ("weight", "bias"))
    given = words[torch.from_numpy(ids)] + places[positions] + kinds[0]
    given = nn.functional.layer_norm(given, (WIDTH,), *norm, epsilon)
    with torch.no_grad():
        found: Tensor = network(given, src_key_padding_mask=torch.from_numpy(mask) == 0)
    return found.numpy()


def _renamed(tensors: dict[str, Array], index: int) -> list[tuple[str, Tensor]]:
    own = f"encoder.layer.{index}"
    named = [
        (f"layers.{index}.{theirs}.{part}", torch.from_numpy(tensors[f"{own}.{ours}.{part}"]))
        for theirs, ours in _PARTS.items()
        for part in ("weight", "bias")
    ]
    for part in ("weight", "bias"):
        joined = [tensors[f"{own}.attention.self.{which}.{part}"] for which in ("query", "key", "value")]
        named.append((f"layers.{index}.self_attn.in_proj_{part}", torch.from_numpy(np.concatenate(joined))))
    return named


@pytest.mark.parametrize(("epsilon", "first"), [(1e-12, 0), (1e-5, 2)], ids=["BERT", "RoBERTa"])
def test_it_computes_what_torch_s_transformer_does(epsilon: float, first: int) -> None:
    """On sentences of several lengths, whatever fills up the shorter ones."""
    tensors, (ids, mask) = random_tensors(), sentences()
    found = Encoder(tensors, HEADS, epsilon, first).states(ids, mask)
    assert found.dtype == np.float32
    expected = by_torch(tensors, ids, mask, epsilon, first)
    assert np.abs(found - expected)[mask > 0].max() < 1e-5


@pytest.mark.parametrize("name", ["Bert", "Roberta"])
def test_it_computes_what_transformers_does(name: str) -> None:
    """The library that the weights are published for, with its pooler."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    roberta = name == "Roberta"
    config = getattr(transformers, f"{name}Config")(
        vocab_size=50,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=PLACES,
        type_vocab_size=2,
        layer_norm_eps=1e-5,
        pad_token_id=1 if roberta else 0,
    )
    network = getattr(transformers, f"{name}Model")(config).eval()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in random_tensors().items()}, strict=False)
    ids, mask = sentences()
    ids[mask == 0] = config.pad_token_id
    with torch.no_grad():
        expected = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
    encoder = Encoder(random_tensors(), HEADS, 1e-5, 2 if roberta else 0)
    found = encoder.states(ids, mask)
    assert np.abs(found - expected.last_hidden_state.numpy())[mask > 0].max() < 1e-5
    assert np.abs(encoder.pooled(found) - expected.pooler_output.numpy()).max() < 1e-5


def test_a_sentence_s_states_do_not_depend_on_its_batch() -> None:
    """Alone it has the states that it has beside longer ones."""
    encoder, (ids, mask) = Encoder(random_tensors(), HEADS), sentences()
    together = encoder.states(ids, mask)
    alone = encoder.states(ids[1:2, :5], mask[1:2, :5])
    assert np.abs(together[1, :5] - alone[0]).max() < 1e-5


def test_units_are_exact() -> None:
    """Within what float32 can say, from far below zero to far above."""
    values = np.linspace(-12.0, 12.0, 4001, dtype=np.float32)
    assert np.abs(gelu(values) - nn.functional.gelu(torch.from_numpy(values)).numpy()).max() < 1e-6


def test_more_tokens_than_positions_are_refused() -> None:
    """RoBERTa's first two positions are no token's."""
    encoder = Encoder(random_tensors(), HEADS, first_position=2)
    assert encoder.longest == PLACES - 2
    tokens = np.ones((1, PLACES - 1), dtype=np.int64)
    with pytest.raises(ValueError, match="positions for 28"):
        encoder.states(tokens, tokens)


@pytest.mark.parametrize("lacking", ["encoder.layer.1.output.LayerNorm.bias", "embeddings.word_embeddings.weight"])
def test_a_missing_tensor_is_named(lacking: str) -> None:
    """Before the first sentence, not during it."""
    tensors = random_tensors()
    del tensors[lacking]
    with pytest.raises(UnreadableWeights, match=lacking):
        Encoder(tensors, HEADS)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    """Each has the same number of units."""
    with pytest.raises(UnreadableWeights, match="5 heads do not divide a width of 24"):
        Encoder(random_tensors(), 5)


def test_tensors_are_read_by_their_prefix(tmp_path: Path) -> None:
    """As one part of a larger model, in float32 whatever they are kept in."""
    half = {f"text_model.{name}": value.astype(np.float16) for name, value in random_tensors().items()}
    save_file({**half, "audio_model.weight": np.zeros(2, dtype=np.float32)}, tmp_path / "both.safetensors")
    found = read_tensors(tmp_path / "both.safetensors", "text_model.")
    assert set(found) == set(random_tensors())
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("content", [b"", b"no tensors at all", None], ids=["empty", "other", "absent"])
def test_what_is_no_safetensors_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """With the file's name."""
    if content is not None:
        (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UnreadableWeights, match=r"model\.safetensors"):
        read_tensors(tmp_path / "model.safetensors")
