"""CLAP from the Hugging Face hub, as a body with an audio tower and a text tower."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor

from phonoscope.catalogue import BODY, MANIFEST
from phonoscope.errors import UnreadableWeights, WeightsMismatch
from phonoscope_cli.pulling import published
from phonoscope_cli.pulling.files import PinnedFile, digest_of, room_for
from phonoscope_cli.pulling.hub import fetch_from_hub
from phonoscope_ml.frontends import ClapSettings
from phonoscope_ml.networks import EMBEDDING_DIM

_AUDIO, _TEXT, _SCALE = ("audio_model.", "audio_projection."), ("text_model.", "text_projection."), "logit_scale_a"
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_PLACES_BEFORE = 2
"""RoBERTa's positions count on from that of its padding token."""
_ARGUMENTS = ("depths", "hidden_size", "num_attention_heads", "patch_embeds_hidden_size")


def make_clap(draft: Path, made: Path, endpoint: str | None = None) -> None:
    """Fetches CLAP's files into a draft folder, and makes the body's folder in another.

    Args:
        endpoint: of the hub; by default ``HF_ENDPOINT``, else the public one.

    Raises:
        DownloadFailed: the hub cannot be reached or has no such file; files fetched so far are kept.
        WeightsMismatch: a file differs from its digest, or lacks a tensor; it is erased.
        UnreadableWeights: a file cannot be read as what it should be.
    """
    source, card = published.CLAP, published.CLAP_CARD
    config, vocabulary, merges = (
        _fetch_pinned(pinned, draft, endpoint) for pinned in (source.config, source.vocabulary, source.merges)
    )
    audio, text = _configured(config)
    weights = fetch_from_hub(source.weights, "model.safetensors", draft, endpoint)
    place = made / "clap"
    place.mkdir()
    with room_for(place):
        towers = [
            _save(weights, _AUDIO, place / "weights.safetensors"),
            _save(weights, _TEXT, place / "text.safetensors"),
        ]
        tokenizer = _write_tokenizer(vocabulary, merges, place / "tokenizer.json")
    manifest = {
        "name": place.name,
        "version": 1,
        "kind": BODY,
        "architecture": "clap",
        "arguments": audio,
        "embedding_dim": EMBEDDING_DIM,
        "front_end": ClapSettings().as_dict(),
        "text": {"weights": towers[1], "tokenizer": tokenizer, "scale": _scale(weights), **text},
        "metrics": card.metrics,
        "data": card.data,
        "licence": card.licence,
        "limits": list(card.limits),
        "origin": {
            "address": f"https://huggingface.co/{source.weights.name}/tree/{source.weights.revision}",
            "sha256": digest_of(weights),
        },
        "weights": towers[0],
    }
    (place / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _fetch_pinned(pinned: PinnedFile, draft: Path, endpoint: str | None) -> Path:
    path = fetch_from_hub(published.CLAP.beside, pinned.name, draft, endpoint)
    try:
        return pinned.check(path)
    except WeightsMismatch:
        path.unlink()
        raise


def _configured(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The audio network's arguments, and what the manifest says of the text tower. Raises ``UnreadableWeights``."""
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        audio, text = described["audio_config"], described["text_config"]
        arguments = {name: audio[name] for name in _ARGUMENTS if name in audio}
        places = int(text.get("max_position_embeddings", 514))
        return arguments, {"heads": int(text.get("num_attention_heads", 12)), "longest": places - _PLACES_BEFORE}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableWeights(f"{path.name} does not describe CLAP: {error}") from error


def _save(weights: Path, prefixes: tuple[str, ...], place: Path) -> dict[str, str]:
    """Writes a tower's tensors to a file of their own; whole numbers, such as positions, are left out."""
    found = _tensors(weights, prefixes)
    if not found:
        raise WeightsMismatch(f"{weights.name} has no tensors named {' or '.join(prefixes)}")
    save_file({name: value.float().contiguous() for name, value in found.items()}, place)
    return {"file": place.name, "sha256": digest_of(place), "dtype": "float32"}


def _scale(weights: Path) -> float:
    found = _tensors(weights, (_SCALE,)).get(_SCALE)
    scale = float(found.exp()) if found is not None and found.numel() == 1 else 0.0
    if not (isfinite(scale) and scale):
        raise WeightsMismatch(f"{weights.name} has no {_SCALE}")
    return scale


def _tensors(weights: Path, prefixes: tuple[str, ...]) -> dict[str, Tensor]:
    try:
        with safe_open(weights, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(prefixes)]  # noqa: SIM118 - it is no dictionary
            found = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise UnreadableWeights(f"{weights.name} cannot be read as safetensors: {error}") from error
    return {name: value for name, value in found.items() if value.is_floating_point()}


def _write_tokenizer(vocabulary: Path, merges: Path, place: Path) -> dict[str, str]:
    """RoBERTa's byte-level tokenizer as one file, as ``RobertaTokenizer`` builds it."""
    try:
        words, pairs = models.BPE.read_file(str(vocabulary), str(merges))
        tokenizer = Tokenizer(models.BPE(words, pairs, fuse_unk=False))
        ids = {name: words[name] for name in _SPECIAL}
    except Exception as error:  # the library raises nothing more exact
        raise UnreadableWeights(f"{vocabulary.name} and {merges.name} are no byte-level tokenizer: {error}") from error
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", ids["</s>"]), ("<s>", ids["<s>"]), add_prefix_space=False
    )
    tokenizer.save(str(place))
    return {"file": place.name, "sha256": digest_of(place)}
