"""Recipes of bodies: TOML files with everything that decides the outcome of a fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from phonoscope_ml.frontends import FrontEndSettings, read_settings
from phonoscope_training.recipe import OneCycleSettings, Section, read_recipe
from phonoscope_training.sounds import Alteration, SoundSettings


class BodyAlteration(Alteration):
    """How recordings and their spectrograms are altered.

    Args:
        bands, frames: the widest stripes of the spectrogram that are set to its mean (Park et al., 2019).
    """

    bands: int = Field(default=0, ge=0)
    frames: int = Field(default=0, ge=0)


class BodySchedule(OneCycleSettings):
    """The schedule and the weights of the losses.

    Args:
        label_smoothing: of the targets.
        anchor: the weight of the embedding's mean squared distance from the published network's.
    """

    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)
    anchor: float = Field(default=1.0, ge=0.0)


class BodyCard(Section):
    """The card's text about the body, its data and its licence."""

    data: str
    licence: str
    limits: list[str] = Field(default_factory=list)


class BodyRecipe(Section):
    """The recipe of a body that is fine-tuned from a published network.

    Args:
        sounds: the sets it is taught on.
        arguments: the network's constructor arguments.
        shares: the shares of the fine-tuned weights, between 0 (published) and 1, that are tried.
    """

    seed: int = 1
    sounds: list[SoundSettings] = Field(min_length=1)
    front_end: FrontEndSettings
    architecture: Literal["mobilenet"] = "mobilenet"
    arguments: dict[str, Any] = Field(default_factory=dict)
    augmentation: BodyAlteration = BodyAlteration()
    schedule: BodySchedule
    shares: list[float] = Field(default=[0.25, 0.5, 0.75, 1.0], min_length=1)
    card: BodyCard

    @field_validator("front_end", mode="before")
    @classmethod
    def _every_setting(cls, value: Any) -> Any:
        return read_settings(value) if isinstance(value, dict) else value

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a recipe. Raises ``InvalidRecipe``, which names the file and the key."""
        return read_recipe(cls, path)
