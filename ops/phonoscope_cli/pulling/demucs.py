"""Separation models from the Hugging Face hub: resumes an interrupted fetch, checks digests, writes manifests.

Demucs' repositories hold ``<name>.yaml`` (which networks, and what each counts) and one ``<signature>.safetensors`` for
each network, whose metadata has the constructor's arguments as JSON. No code in them is run: only
arguments of a known class are read, and only from safetensors.
"""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from phonoscope.catalogue import MANIFEST, SEPARATION
from phonoscope.errors import InvalidManifest
from phonoscope_cli.pulling.files import digest_of, room_for
from phonoscope_cli.pulling.hub import Repository, fetch_from_hub

_REPOSITORIES = {
    "htdemucs": "adefossez/HTDemucs",
    "htdemucs_ft": "adefossez/HTDemucs-ft",
    "htdemucs_6s": "adefossez/HTDemucs-6s",
}
_CLASS = "demucs.htdemucs.HTDemucs"
_SIGNATURE = re.compile(r"[0-9a-f]{8}")
_WEIGHTS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_CARD = {
    "metrics": {},
    "data": "MUSDB18-HQ and 800 further songs (Rouard et al., 2023), by the model's authors",
    "licence": "MIT (Meta Platforms); weights as published by the authors of Demucs",
    "limits": ["Its figures are the authors'; nothing was measured here."],
}


def make_demucs(name: str, draft: Path, made: Path, endpoint: str | None = None) -> None:
    """Fetches a model's files into a draft folder, and makes its folder in another.

    Args:
        endpoint: of the hub; by default ``HF_ENDPOINT``, else the public one.

    Raises:
        DownloadFailed: the hub cannot be reached or has no such file; files fetched so far are kept.
        WeightsMismatch: a file differs from the digest on the hub; it is erased.
        InvalidManifest: a file does not describe a known network.
    """
    files = _fetch(name, draft, endpoint)
    manifest = _manifest(name, files)
    place = made / name
    place.mkdir()
    for path in files[1:]:
        with room_for(place / path.name):
            shutil.copyfile(path, place / path.name)
    (place / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _fetch(name: str, draft: Path, endpoint: str | None) -> list[Path]:
    """The description of the bag of networks, then the networks in its order."""
    fetch = partial(fetch_from_hub, Repository(_REPOSITORIES[name], "separation"), draft=draft, endpoint=endpoint)
    description = fetch(f"{name}.yaml")
    return [description, *(fetch(f"{sig}.safetensors") for sig in _bag(description)[0])]


def _bag(description: Path) -> tuple[list[str], list[list[float]] | None]:
    import yaml  # type: ignore[import-untyped]

    try:
        bag = yaml.safe_load(description.read_text(encoding="utf-8"))
        signatures, shares = [str(sig) for sig in bag["models"]], bag.get("weights")
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InvalidManifest(f"{description.name}: not a list of models: {error}") from error
    if not signatures or not all(_SIGNATURE.fullmatch(sig) for sig in signatures):
        raise InvalidManifest(f"{description.name}: models: {signatures} are not signatures")
    return signatures, shares


def _manifest(name: str, files: list[Path]) -> dict[str, Any]:
    _, shares = _bag(files[0])
    described = [_described(path) for path in files[1:]]
    first, _ = described[0]
    if any(arguments != first for arguments, _ in described):
        raise InvalidManifest(f"{files[0].name}: its networks are not of one shape")
    arguments = dict(first)
    try:
        sources, segment = arguments.pop("sources"), arguments.pop("segment")
    except KeyError as error:
        raise InvalidManifest(f"{files[1].name}: lacks {error}") from error
    return {
        "name": name,
        "version": 4,
        "kind": SEPARATION,
        "architecture": "htdemucs",
        "sample_rate_hz": arguments.pop("samplerate", 44_100),
        "arguments": arguments,
        "sources": sources,
        "segment_s": str(segment),
        **_CARD,
        "weights": [
            {"file": path.name, "sha256": digest_of(path), "dtype": dtype}
            for path, (_, dtype) in zip(files[1:], described, strict=True)
        ],
        "shares": shares,
    }


def _described(path: Path) -> tuple[dict[str, Any], str]:
    """A network's constructor arguments and the type of its weights, from the header of its file."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        metadata = header.pop("__metadata__")
        given, named = _plain(json.loads(metadata["args"])), _plain(json.loads(metadata["kwargs"]))
    except (OSError, ValueError, KeyError, MemoryError, TypeError) as error:
        raise InvalidManifest(f"{path.name}: its header does not describe a network: {error}") from error
    if metadata.get("klass") != _CLASS or "structure" in metadata:
        raise InvalidManifest(f"{path.name}: {metadata.get('klass')} is not {_CLASS}")
    arguments = dict(zip(("sources",), given, strict=False)) | named
    kinds = {_WEIGHTS.get(tensor["dtype"], "") for tensor in header.values()}
    return arguments, kinds.pop() if len(kinds) == 1 else "mixed"


def _plain(value: Any) -> Any:
    """Fractions, which the metadata writes as objects, as text such as ``39/5``."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return f"{value['numerator']}/{value['denominator']}"
        return {name: _plain(item) for name, item in value.items()}
    return value
