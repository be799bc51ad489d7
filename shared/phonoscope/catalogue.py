"""The served models' manifests, read without torch."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phonoscope.contract import ModelCard
from phonoscope.errors import InvalidManifest, UnknownLabel, UnknownModel, WeightsMismatch

MANIFEST = "manifest.json"


class Weights(BaseModel):
    file: str = Field(pattern=r"^[\w.-]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    dtype: str


class Manifest(BaseModel):
    """``manifest.json`` beside a model's weights."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: int
    kind: str
    architecture: str
    embedding_dim: int
    labels: list[str] = Field(min_length=2)
    front_end: dict[str, Any]
    unknown_below: float = Field(ge=0.0, le=1.0)
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]
    weights: Weights

    def label_index(self, label: str) -> int:
        """Where a label stands. Raises ``UnknownLabel``, which names those there are."""
        if label not in self.labels:
            raise UnknownLabel.choice("label", label, self.labels)
        return self.labels.index(label)

    def card(self) -> ModelCard:
        return ModelCard(digest=f"sha256:{self.weights.sha256}", **self.model_dump(exclude={"weights"}))


class Catalogue:
    """The models in a folder, each in its own: ``<name>/{manifest.json,weights.safetensors}``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """By name. Raises ``InvalidManifest``, which names the file and the field."""
        found = (read_manifest(path) for path in sorted(self.folder.glob(f"*/{MANIFEST}")))
        return {manifest.name: manifest for manifest in found}

    def get(self, name: str) -> Manifest:
        """Raises ``UnknownModel``, which lists the models there are."""
        if name not in self.manifests:
            known = ", ".join(self.manifests) or "none"
            raise UnknownModel(f"no model {name!r}; served: {known}", errors=[{"field": "model", "message": known}])
        return self.manifests[name]


def read_manifest(path: Path) -> Manifest:
    """Raises ``InvalidManifest``."""
    try:
        manifest = Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise InvalidManifest(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidManifest(f"{path}: {error}") from error
    if manifest.name != path.parent.name:
        raise InvalidManifest(f"{path}: name: {manifest.name!r} is not the folder's name")
    return manifest


def check_weights(manifest: Manifest, folder: Path) -> Path:
    """The weights' file, once its SHA-256 is the manifest's. Raises ``WeightsMismatch``."""
    path = folder / manifest.weights.file
    if not path.is_file():
        raise WeightsMismatch(f"{path} is missing")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != manifest.weights.sha256:
        raise WeightsMismatch(f"{path} has the SHA-256 {digest}, its manifest says {manifest.weights.sha256}")
    return path
