"""Small CLAP models with random weights, as the hub would have them and as they are pulled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import ClapConfig, ClapModel
from transformers.initialization import no_init_weights

from phonoscope_cli import pulling
from phonoscope_cli.pulling import published
from phonoscope_cli.pulling.files import PinnedFile
from tests.unit.cli.pulling.hub import Hub, serving

REPOSITORY = "laion/larger_clap_general"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
AUDIO = {
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 2, 2],
    "patch_embeds_hidden_size": 16,
    "hidden_size": 128,
}
TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TRUE_AUDIO = {"depths": [2, 2, 12, 2], "hidden_size": 1024, "patch_embeds_hidden_size": 128}
"""What ``laion/larger_clap_general`` changes of the usual configuration: it then has 193,913,882 parameters."""


def random_clap(audio: Mapping[str, object], text: Mapping[str, object], seed: int = 0) -> ClapModel:
    """A model in evaluation mode whose weights let every layer count."""
    with no_init_weights():
        model = (
            ClapModel(ClapConfig(text_config=dict(text), audio_config=dict(audio)))
            .eval()
            .requires_grad_(requires_grad=False)
        )
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if value.ndim > 1:
            bound = (3.0 / value[0].numel()) ** 0.5
            value.uniform_(-bound, bound, generator=generator)
        elif value.ndim and name.endswith("weight"):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.ndim:
            value.uniform_(-0.2, 0.2, generator=generator)
    norm = model.audio_model.audio_encoder.batch_norm
    norm.running_mean.uniform_(-60.0, -20.0, generator=generator)
    norm.running_var.uniform_(100.0, 400.0, generator=generator)
    model.logit_scale_a.fill_(3.0)
    model.logit_scale_t.fill_(2.0)
    return model


@cache
def vocabulary() -> tuple[bytes, bytes]:
    """``vocab.json`` and ``merges.txt`` of a byte-level tokenizer that was taught on a few sentences."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["a dog barking in the rain", "the sound of a chainsaw", "rain and thunder"], trainer)
    described = json.loads(tokenizer.to_str())["model"]
    merges = "\n".join(["#version: 0.2", *(" ".join(pair) for pair in described["merges"]), ""])
    return json.dumps(described["vocab"]).encode(), merges.encode()


@cache
def small_clap(seed: int = 0) -> ClapModel:
    """A small model whose tokens are those of ``vocabulary``."""
    return random_clap(AUDIO, {**TEXT, "vocab_size": len(json.loads(vocabulary()[0]))}, seed)


def hub_files(model: ClapModel, words: tuple[bytes, bytes] | None = None) -> dict[str, bytes]:
    """The repository's files, by the paths that ``Hub`` has them under."""
    config = {"audio_config": AUDIO, "text_config": {**TEXT, "model_type": "clap_text_model"}, "model_type": "clap"}
    vocab, merges = words or vocabulary()
    files = {
        "config.json": json.dumps(config).encode(),
        "vocab.json": vocab,
        "merges.txt": merges,
        "model.safetensors": save({name: value.contiguous() for name, value in model.state_dict().items()}),
    }
    return {f"{REPOSITORY}/{name}": content for name, content in files.items()}


def pin(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the digests of these files those that are asked for."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")

    def pinned(before: PinnedFile) -> PinnedFile:
        content = files[f"{REPOSITORY}/{before.name}"]
        return PinnedFile(before.name, hashlib.sha256(content).hexdigest(), len(content))

    known = published.CLAP
    monkeypatch.setattr(
        published,
        "CLAP",
        replace(
            known,
            config=pinned(known.config),
            vocabulary=pinned(known.vocabulary),
            merges=pinned(known.merges),
        ),
    )


def pull_clap(folder: Path, model: ClapModel) -> Path:
    """The folder of a model as it is pulled from a hub that has it."""
    files = hub_files(model)
    with pytest.MonkeyPatch.context() as patched, serving(Hub(files)) as hub:
        pin(files, patched)
        (place,) = pulling.pull("clap", folder, endpoint=hub.url)
    return place
