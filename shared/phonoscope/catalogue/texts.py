"""Manifests of models that embed sentences."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from phonoscope.catalogue.base import CheckedFile, ManifestBase, Weights

TEXT = "text"


class TextManifest(ManifestBase):
    """The manifest of a model that embeds sentences: a BERT encoder, whose states are averaged over a sentence.

    Args:
        heads: of the encoder's attention.
        epsilon: of its normalisations.
        longest: the most tokens of a sentence.
        tokenizer: a ``tokenizer.json``.
    """

    name: str
    version: int
    kind: Literal["text"]
    architecture: Literal["bert"]
    embedding_dim: int = Field(gt=0)
    heads: int = Field(gt=0)
    epsilon: float = Field(gt=0.0)
    longest: int = Field(gt=2)
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]
    weights: Weights
    tokenizer: CheckedFile

    @property
    def files(self) -> list[CheckedFile]:
        return [self.weights, self.tokenizer]

    @property
    def digest(self) -> str:
        """Of its weights."""
        return self.weights.sha256
