"""Model cards: what a model recognises, its figures, its data, its licence and its limits."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.catalogue.architectures import ARCHITECTURES


class _Card(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    architecture: str
    digest: str
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]


class BodyCard(BaseModel):
    """A body that a model runs on: its network, where its weights come from, and its licence."""

    name: str
    architecture: str
    digest: str
    data: str
    licence: str
    origin: dict[str, Any] | None = Field(
        None, description="where its weights were published: an `address` or a `package`, and the `sha256` of the file"
    )


class ModelCard(_Card):
    """A model that classifies and embeds: its labels, figures, data and limits."""

    embedding_dim: int
    labels: list[str]
    unknown_below: float
    bodies: list[BodyCard] = Field(
        description="those that it runs on, of which the first one's embeddings are compared; "
        "empty when body and labels are one model"
    )
    layers: list[str] = Field(description="the layers of its network that can show evidence, from input to output")
    default_layer: str | None = Field(description="the layer whose evidence is shown unless another one is named")
    strides: dict[str, int] = Field(
        {}, description="how many frames one cell of each layer spans: the more, the coarser it sees"
    )
    depths: list[str] = Field(description="the depths of its network whose feature maps can be shown")
    yours: bool = Field(False, description="whether it is a classifier that you taught, which nobody else sees")


class StemModelCard(_Card):
    """A model that separates recordings: its stems, figures, data and limits."""

    sources: list[str] = Field(description="the stems it gives")
    sample_rate_hz: int
    segment_s: str = Field(description="the length of a segment in seconds, as a fraction such as `39/5`")


AnyModelCard: TypeAlias = ModelCard | StemModelCard


def layers_of(architecture: str) -> dict[str, Any]:
    """The fields of a card about an architecture's layers; none of an architecture that is not known.

    >>> layers_of("musicnn")["default_layer"]
    'middle3'
    """
    known = ARCHITECTURES.get(architecture)
    if known is None:
        return {"layers": [], "default_layer": None, "strides": {}, "depths": []}
    return {
        "layers": list(known.layers),
        "default_layer": known.evidence,
        "strides": dict(known.strides),
        "depths": list(known.depths),
    }
