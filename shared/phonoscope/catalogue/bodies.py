"""Manifests of bodies and heads: a body listens, a head names what its body heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from phonoscope.catalogue.architectures import ARCHITECTURES, EMBEDDERS
from phonoscope.catalogue.base import BodyManifestBase, CheckedFile, ManifestBase, Weights, label_index
from phonoscope.catalogue.cards import BodyCard, ModelCard, layers_of
from phonoscope.catalogue.pullable import PULLABLE
from phonoscope.errors import BodyAbsent
from phonoscope.work import Space

BODY = "body"
OWN = "own"
"""The kind of heads that owners taught."""


class TextTower(BaseModel):
    """What puts sentences into a body's space: a RoBERTa encoder and its projection.

    Args:
        tokenizer: a ``tokenizer.json`` as Hugging Face's library reads it.
        heads: of the encoder's attention.
        longest: the most tokens of a sentence.
        scale: the factor on cosines by which a softmax over sentences was taught.
    """

    weights: Weights
    tokenizer: CheckedFile
    heads: int = Field(gt=0)
    longest: int = Field(gt=2)
    scale: float = Field(gt=0.0, allow_inf_nan=False)


def _is_none(value: object) -> bool:
    return value is None


def _is_features(value: object) -> bool:
    return value == "features"


class BodyManifest(BodyManifestBase):
    """The manifest of a body: front end, network, and an embedding that is a space of its own.

    Args:
        arguments: the network's constructor arguments, besides its labels.
        text: puts sentences into the same space.
    """

    version: int
    kind: Literal["body"]
    architecture: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    embedding_dim: Literal[512]
    front_end: dict[str, Any]
    text: TextTower | None = Field(None, exclude_if=_is_none)
    metrics: dict[str, Any]
    data: str
    licence: str
    limits: list[str]

    @model_validator(mode="after")
    def _check_architecture(self) -> Self:
        known = (*ARCHITECTURES, *EMBEDDERS)
        if self.architecture not in known:
            raise ValueError(f"unknown architecture {self.architecture!r}; known: {', '.join(known)}")
        return self

    @property
    def files(self) -> list[CheckedFile]:
        return [self.weights, *([self.text.weights, self.text.tokenizer] if self.text else [])]

    def card(self) -> BodyCard:
        told = self.model_dump(include={"name", "architecture", "data", "licence", "origin"})
        return BodyCard(digest=f"sha256:{self.digest}", **told)


class BodyRef(BaseModel):
    """A body that a head was taught on, by its name and the digest of its weights."""

    name: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")


class HeadChoice(BaseModel):
    """One way to serve a head.

    Args:
        bodies: the windows and the evidence are the first one's; the features of all follow one another.
        temperature: logits are divided by it.
        thresholds: the probability from which a label counts as heard: one for all labels, or one for each.
    """

    bodies: list[BodyRef] = Field(min_length=1)
    weights: Weights
    temperature: float = Field(1.0, gt=0.0)
    thresholds: list[float] = Field(min_length=1)
    metrics: dict[str, Any] = Field(default_factory=dict)


class HeadManifest(ManifestBase):
    """The manifest of a head.

    Args:
        activation: ``softmax`` when one label holds at a time, ``softmax-none`` when one or none of them does,
            ``sigmoid`` when each holds or not by itself.
        reads: ``features`` of its bodies, or the ``embedding`` of its one body as a vector of the body's space.
        space: the digest of the space whose vectors an ``embedding`` head was taught on.
        on: in order of preference; the first choice whose bodies are there is served.
    """

    name: str
    version: int
    kind: str
    labels: list[str] = Field(min_length=2)
    activation: Literal["softmax", "softmax-none", "sigmoid"]
    reads: Literal["features", "embedding"] = Field("features", exclude_if=_is_features)
    space: str | None = Field(None, pattern=r"^sha256:[0-9a-f]{64}$", exclude_if=_is_none)
    on: list[HeadChoice] = Field(min_length=1)
    metrics: dict[str, Any] = Field(default_factory=dict)
    data: str
    licence: str
    limits: list[str]

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        if any(len(choice.thresholds) not in {1, len(self.labels)} for choice in self.on):
            raise ValueError("thresholds must be one for all labels, or one for each")
        return self

    @model_validator(mode="after")
    def _check_space(self) -> Self:
        if self.reads == "embedding" and (self.space is None or any(len(choice.bodies) > 1 for choice in self.on)):
            raise ValueError("a head that reads an embedding has one body and names its space")
        return self

    @property
    def several(self) -> bool:
        """Whether several labels can hold at once."""
        return self.activation == "sigmoid"

    @property
    def files(self) -> list[CheckedFile]:
        return [choice.weights for choice in self.on]


@dataclass(frozen=True)
class HeadedManifest:
    """A head with the bodies that it is served on: a model as it is named and listed."""

    head: HeadManifest
    choice: HeadChoice
    bodies: tuple[BodyManifest, ...]

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def version(self) -> int:
        return self.head.version

    @property
    def kind(self) -> str:
        return self.head.kind

    @property
    def labels(self) -> list[str]:
        return self.head.labels

    @property
    def several(self) -> bool:
        """Whether several labels can hold at once."""
        return self.head.several

    @property
    def architecture(self) -> str:
        """Of its first body."""
        return self.bodies[0].architecture

    @property
    def embedding_dim(self) -> int:
        return self.bodies[0].embedding_dim

    @property
    def unknown_below(self) -> float:
        """The lowest of its thresholds."""
        return min(self.choice.thresholds)

    @property
    def identity(self) -> str:
        """A digest of all that decides the model's answers."""
        return ":".join(manifest.identity for manifest in (self.head, *self.bodies))

    @property
    def space(self) -> Space:
        """The space of its first body."""
        return self.bodies[0].space

    @property
    def digest(self) -> str:
        """Of the head's weights."""
        return self.choice.weights.sha256

    def label_index(self, label: str) -> int:
        """The index of a label. Raises ``UnknownLabel``, which names the labels there are."""
        return label_index(self.labels, label)

    def card(self) -> ModelCard:
        return ModelCard(
            digest=f"sha256:{self.digest}",
            architecture=self.architecture,
            embedding_dim=self.embedding_dim,
            unknown_below=self.unknown_below,
            thresholds=self.choice.thresholds,
            bodies=[body.card() for body in self.bodies],
            **layers_of(self.architecture),
            **self.head.model_dump(exclude={"on", "metrics"}),
            metrics=self.head.metrics | self.choice.metrics,
        )


def headed(head: HeadManifest, bodies: dict[str, BodyManifest]) -> HeadedManifest:
    """A head on the first of its choices whose bodies are there.

    Raises:
        BodyAbsent: no choice has all its bodies; the error names the bodies of the first one, and how to fetch them
            where they are published.
    """
    for choice in head.on:
        there = [bodies.get(wanted.name) for wanted in choice.bodies]
        found = tuple(
            body
            for body, wanted in zip(there, choice.bodies, strict=True)
            if body and body.digest == wanted.digest and _serves(body, head)
        )
        if len(found) == len(choice.bodies):
            return HeadedManifest(head, choice, found)
    raise BodyAbsent(_absence(head, bodies))


def _serves(body: BodyManifest, head: HeadManifest) -> bool:
    return body.architecture in ARCHITECTURES and head.space in {None, body.space.digest}


def _absence(head: HeadManifest, bodies: dict[str, BodyManifest]) -> str:
    wanted = head.on[0].bodies
    others = [one.name for one in wanted if one.name in bodies and bodies[one.name].digest != one.digest]
    if others:
        return f"{head.name} was taught on another {others[0]}: its digest differs from that of the body that is there"
    if only := [one.name for one in wanted if one.name in bodies and bodies[one.name].architecture in EMBEDDERS]:
        return f"{head.name} cannot be served on {only[0]}, which only embeds"
    missing = [one.name for one in wanted if one.name not in bodies]
    if not missing:
        return f"{head.name} was taught on other vectors of {wanted[0].name}: its space differs from the one there is"
    needs = f"{head.name} needs {' and '.join(missing)}"
    if not set(missing) <= set(PULLABLE):
        return f"{needs}, which is not there"
    return f"{needs}: run `phonoscope models pull {' '.join(missing)}`"
