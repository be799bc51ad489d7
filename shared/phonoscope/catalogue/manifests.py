"""``manifest.json``: the description of a served model, read without torch."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from phonoscope.catalogue.cards import ModelCard, StemModelCard
from phonoscope.errors import InvalidManifest, UnknownLabel, WeightsMismatch
from phonoscope.work import Space

MANIFEST = "manifest.json"
SEPARATION = "separation"
_DESCRIPTIVE = {"metrics", "data", "licence", "limits", "recipe", "environment"}


class Weights(BaseModel):
    file: str = Field(pattern=r"^[\w.-]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    dtype: str


class ManifestBase(BaseModel):
    """The fields that all manifests share."""

    model_config = ConfigDict(extra="allow")

    @cached_property
    def identity(self) -> str:
        """A digest of all that decides the model's answers, without the descriptive fields."""
        deciding = self.model_dump_json(exclude=_DESCRIPTIVE)
        return hashlib.sha256(deciding.encode()).hexdigest()


class Manifest(ManifestBase):
    """The manifest of a model that classifies and embeds."""

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

    @property
    def space(self) -> Space:
        """The space of its vectors, which are compared with no others."""
        return Space(self.name, f"sha256:{self.digest}")

    def label_index(self, label: str) -> int:
        """The index of a label. Raises ``UnknownLabel``, which names the labels there are."""
        if label not in self.labels:
            raise UnknownLabel.choice("label", label, self.labels)
        return self.labels.index(label)

    @property
    def files(self) -> list[Weights]:
        return [self.weights]

    @property
    def digest(self) -> str:
        return self.weights.sha256

    def card(self) -> ModelCard:
        return ModelCard(digest=f"sha256:{self.digest}", **self.model_dump(exclude={"weights"}))


class StemManifest(ManifestBase):
    """The manifest of a model that separates recordings.

    Args:
        arguments: the network's constructor arguments, besides sources, sample rate and segment.
        segment_s: the length of the network's input in seconds, as a fraction such as ``39/5``.
        weights: one network or several, whose estimates are averaged.
        shares: the weight of each network for each source, a row for each network; by default all are equal.
    """

    name: str
    version: int
    kind: Literal["separation"]
    architecture: Literal["htdemucs"]
    arguments: dict[str, Any]
    sources: list[str] = Field(min_length=2)
    sample_rate_hz: int = Field(gt=0)
    segment_s: str = Field(pattern=r"^[1-9][0-9]*(/[1-9][0-9]*)?$")
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]
    weights: list[Weights] = Field(min_length=1)
    shares: list[list[float]] | None = None

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        rows = self.shares if self.shares is not None else [[1.0] * len(self.sources)] * len(self.weights)
        if len(rows) != len(self.weights) or any(len(row) != len(self.sources) for row in rows):
            raise ValueError("shares must have a row for each network and a column for each source")
        if not all(sum(column) > 0.0 for column in zip(*rows, strict=True)):
            raise ValueError("shares must leave no source without a network")
        return self

    @property
    def files(self) -> list[Weights]:
        return self.weights

    @property
    def segment(self) -> int:
        """The length of a segment, in samples."""
        return int(Fraction(self.segment_s) * self.sample_rate_hz)

    @property
    def digest(self) -> str:
        """Of all networks together; of a single one its own."""
        digests = [weights.sha256 for weights in self.weights]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def card(self) -> StemModelCard:
        return StemModelCard(digest=f"sha256:{self.digest}", **self.model_dump(exclude={"weights", "arguments"}))


def read_manifest(path: Path) -> Manifest | StemManifest:
    """Reads a manifest. Raises ``InvalidManifest``."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        separates = isinstance(values, dict) and values.get("kind") == SEPARATION
        manifest: Manifest | StemManifest = (StemManifest if separates else Manifest).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise InvalidManifest(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidManifest(f"{path}: {error}") from error
    if manifest.name != path.parent.name:
        raise InvalidManifest(f"{path}: name: {manifest.name!r} is not the folder's name")
    return manifest


def check_weights(manifest: Manifest | StemManifest, folder: Path) -> list[Path]:
    """The weights' files, after checking the SHA-256 of each. Raises ``WeightsMismatch``."""
    return [_check_file(weights, folder / weights.file) for weights in manifest.files]


def _check_file(weights: Weights, path: Path) -> Path:
    if not path.is_file():
        raise WeightsMismatch(f"{path} is missing")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weights.sha256:
        raise WeightsMismatch(f"{path} has the SHA-256 {digest}, its manifest says {weights.sha256}")
    return path
