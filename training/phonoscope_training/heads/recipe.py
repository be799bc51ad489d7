"""Recipes of heads: TOML files with everything that decides the outcome of a head's training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from phonoscope_training.recipe import CardSettings, Section, read_recipe
from phonoscope_training.sounds import Alteration, SoundSettings


class TeacherSettings(Section):
    """A published head on a body of the same architecture, which knows AudioSet's labels.

    Args:
        model: its folder's name.
        labels: for labels of the recipe the published one whose weights they start at; the others start at zero.
    """

    model: str
    labels: dict[str, str] = Field(default_factory=dict)


class HeadRecipe(Section):
    """The recipe of a head.

    Args:
        sounds: the sets it is taught on; sets with the same folds may share recordings.
        none: sets that are taught as none of the labels, so that the head rejects their kind. A recording with one of
            the labels is left out.
        strangers: sets without the labels that are only scored.
        checks: sets that are only scored; the card says what the head answers for them and for the taught sets.
        exhaustive: whether every recording has one of the labels: none is then unknown.
        teacher: a head that decides the kinds of some sets' windows, and whose weights this head starts at.
        on: choices of bodies, by the names of their folders; the first whose bodies are there is served. Windows
            are those of a choice's first body.
        copies: altered copies that are taught beside the recordings as they are; for heads on one body.
        decays: the squared weights' factors that are tried.
        near: recordings without folds of their own whose features have a cosine above it share a fold; 1 keeps all
            folds. Features are standardised first.
    """

    seed: int = 1
    sounds: list[SoundSettings] = Field(min_length=1)
    none: list[SoundSettings] = Field(default_factory=list)
    strangers: list[SoundSettings] = Field(default_factory=list)
    checks: list[SoundSettings] = Field(default_factory=list)
    exhaustive: bool = False
    teacher: TeacherSettings | None = None
    on: list[list[str]] = Field(min_length=1)
    copies: list[Alteration] = Field(default_factory=list)
    decays: list[float] = Field(default=[3e-3, 1e-2, 3e-2], min_length=1)
    near: float = Field(default=1.0, gt=0.0, le=1.0)
    card: CardSettings

    @property
    def activation(self) -> Literal["softmax", "softmax-none"]:
        """How logits become probabilities."""
        return "softmax-none" if self.none else "softmax"

    @model_validator(mode="after")
    def _check_copies(self) -> Self:
        if self.copies and any(len(bodies) != 1 for bodies in self.on):
            raise ValueError("copies are for heads on one body: several would hear different copies")
        if any(copy.mix for copy in self.copies):
            raise ValueError("copies keep their recording's label: a mixture has two labels, and is for bodies")
        if not all(self.on):
            raise ValueError("on must name a body in each choice")
        return self

    @model_validator(mode="after")
    def _check_teacher(self) -> Self:
        decided = [each for each in self.sounds if each.kinds]
        if decided and self.teacher is None:
            raise ValueError("kinds are decided by a teacher, and the recipe has none")
        if any(each.windows > 1 for each in decided):
            raise ValueError("a set whose kinds a teacher decides has one window of each recording")
        if self.teacher and (self.none or self.near < 1.0):
            raise ValueError("a head with a teacher has neither none nor near")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a recipe. Raises ``InvalidRecipe``, which names the file and the key."""
        return read_recipe(cls, path)
