"""What all manifests have in common."""

from __future__ import annotations

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.catalogue.centres import Centre, centre_of
from phonoscope.errors import UnknownLabel
from phonoscope.work import Space

_DESCRIPTIVE = {"metrics", "data", "licence", "limits", "recipe", "environment"}


class CheckedFile(BaseModel):
    """A file in a model's folder, known by its digest."""

    file: str = Field(pattern=r"^[\w.-]+\.(safetensors|json)$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Weights(CheckedFile):
    file: str = Field(pattern=r"^[\w.-]+\.safetensors$")
    dtype: str


class ManifestBase(BaseModel):
    """The fields that all manifests share."""

    model_config = ConfigDict(extra="allow")

    @cached_property
    def identity(self) -> str:
        """A digest of all that decides the model's answers, without the descriptive fields."""
        deciding = self.model_dump_json(exclude=_DESCRIPTIVE)
        return hashlib.sha256(deciding.encode()).hexdigest()


class BodyManifestBase(ManifestBase):
    """What a body's manifest has, with or without labels of its own: weights in one file, and a space of vectors."""

    name: str
    weights: Weights

    @property
    def space(self) -> Space:
        """The space of its vectors, which are compared with no others."""
        return Space(self.name, f"sha256:{self.centre.space_digest if self.centre else self.digest}")

    @property
    def centre(self) -> Centre | None:
        """The mean that is subtracted from its unit vectors. Raises ``InvalidManifest``."""
        return centre_of(self.digest)

    @property
    def files(self) -> list[CheckedFile]:
        return [self.weights]

    @property
    def digest(self) -> str:
        return self.weights.sha256


def label_index(labels: list[str], label: str) -> int:
    """The index of a label. Raises ``UnknownLabel``, which names the labels there are."""
    if label not in labels:
        raise UnknownLabel.choice("label", label, labels)
    return labels.index(label)
