"""``manifest.json``: the description of a served model, read without torch."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, ValidationError, model_validator

from phonoscope.catalogue.base import BodyManifestBase, CheckedFile, ManifestBase, Weights, label_index
from phonoscope.catalogue.bodies import BODY, BodyManifest, HeadManifest
from phonoscope.catalogue.cards import ModelCard, StemModelCard, layers_of
from phonoscope.catalogue.texts import TEXT, TextManifest
from phonoscope.errors import InvalidManifest, WeightsMismatch

MANIFEST = "manifest.json"
SEPARATION = "separation"


class Manifest(BodyManifestBase):
    """The manifest of a model that classifies and embeds."""

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

    @property
    def several(self) -> bool:
        """Whether several labels can hold at once."""
        return False

    def label_index(self, label: str) -> int:
        """The index of a label. Raises ``UnknownLabel``, which names the labels there are."""
        return label_index(self.labels, label)

    def card(self) -> ModelCard:
        return ModelCard(
            digest=f"sha256:{self.digest}",
            bodies=[],
            **layers_of(self.architecture),
            **self.model_dump(exclude={"weights"}),
        )


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
    def files(self) -> list[CheckedFile]:
        return [*self.weights]

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


AnyManifest: TypeAlias = Manifest | StemManifest | BodyManifest | HeadManifest | TextManifest


def read_manifest(path: Path) -> AnyManifest:
    """Reads a manifest. Raises ``InvalidManifest``."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        manifest: AnyManifest = _class_of(values).model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise InvalidManifest(f"{path}: {where}: {first['msg']}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidManifest(f"{path}: {error}") from error
    if manifest.name != path.parent.name:
        raise InvalidManifest(f"{path}: name: {manifest.name!r} is not the folder's name")
    return manifest


def _class_of(values: Any) -> type[AnyManifest]:
    if not isinstance(values, dict):
        return Manifest
    if "on" in values:
        return HeadManifest
    by_kind: dict[Any, type[AnyManifest]] = {SEPARATION: StemManifest, BODY: BodyManifest, TEXT: TextManifest}
    kind = values.get("kind")
    return by_kind.get(kind, Manifest) if isinstance(kind, str) else Manifest


def check_weights(manifest: AnyManifest, folder: Path) -> list[Path]:
    """The files, after checking the SHA-256 of each. Raises ``WeightsMismatch``."""
    return [check_file(weights, folder) for weights in manifest.files]


def check_file(checked: CheckedFile, folder: Path) -> Path:
    """A file of a model's folder, after checking its SHA-256. Raises ``WeightsMismatch``."""
    path = folder / checked.file
    if not path.is_file():
        raise WeightsMismatch(f"{path} is missing")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != checked.sha256:
        raise WeightsMismatch(f"{path} has the SHA-256 {digest}, its manifest says {checked.sha256}")
    return path
