"""Small encoders with random weights, and sentences to feed them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from phonoscope.text import SENTENCES
from phonoscope.text.encoder import Array, Indices

WIDTH, HEADS, INNER, LAYERS, PLACES = 24, 4, 40, 3, 30
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "dog", "bark", "##ing", "rain", "thunder", "a")


def random_tensors(seed: int = 0, words: int = 50) -> dict[str, Array]:
    """The tensors of an encoder, with a pooler, under the names of ``BertModel``."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        **_normalised("embeddings.LayerNorm"),
        **_linear("pooler.dense", WIDTH, WIDTH),
    }
    for layer in (f"encoder.layer.{index}" for index in range(LAYERS)):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _linear(f"{layer}.attention.{part}", WIDTH, WIDTH)
        shapes |= _linear(f"{layer}.intermediate.dense", WIDTH, INNER) | _linear(f"{layer}.output.dense", INNER, WIDTH)
        shapes |= _normalised(f"{layer}.attention.output.LayerNorm") | _normalised(f"{layer}.output.LayerNorm")
    return {name: rng.normal(0.0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}


def sentences(seed: int = 0, words: int = 50) -> tuple[Indices, Indices]:
    """Three sentences of 9, 5 and 1 tokens, filled up with 0, and which of them are tokens."""
    lengths = np.array([9, 5, 1])
    mask = (np.arange(9) < lengths[:, None]).astype(np.int64)
    return np.random.default_rng(seed).integers(4, words, (3, 9)) * mask, mask


def write_model(folder: Path, seed: int = 0) -> None:
    """Writes ``model.safetensors`` and ``tokenizer.json``, of the few words of ``WORDS``."""
    save_file(random_tensors(seed, len(WORDS)), folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()))


def _tokenizer() -> dict[str, object]:
    pieces = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0",
        # As it is published, every sentence is filled up to a fixed length; ours is not.
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": {"Fixed": 20},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*pieces, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                name: {"id": name, "ids": [WORDS.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")
            },
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: index for index, word in enumerate(WORDS)},
        },
    }


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _normalised(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}


def write_served(folder: Path, seed: int = 0) -> Path:
    """A model's folder in a folder of models, with its manifest; returns it."""
    place = folder / SENTENCES
    place.mkdir(parents=True, exist_ok=True)
    write_model(place, seed)
    digests = {
        name: hashlib.sha256((place / name).read_bytes()).hexdigest()
        for name in ("model.safetensors", "tokenizer.json")
    }
    described = {"kind": "text", "architecture": "bert", "embedding_dim": WIDTH, "heads": HEADS, "epsilon": 1e-12}
    descriptive = {"metrics": {}, "data": "none", "licence": "none", "limits": []}
    weights = {"file": "model.safetensors", "sha256": digests["model.safetensors"], "dtype": "float32"}
    tokenizer = {"file": "tokenizer.json", "sha256": digests["tokenizer.json"]}
    manifest = {"name": SENTENCES, "version": 1, "longest": 12, **described, **descriptive, "weights": weights}
    (place / "manifest.json").write_text(json.dumps({**manifest, "tokenizer": tokenizer}))
    return place
