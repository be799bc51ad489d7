"""Recipes: TOML files with everything that decides the outcome of a training."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from phonoscope.catalogue.architectures import Residual
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_training.errors import InvalidRecipe

RecipeT = TypeVar("RecipeT", bound=BaseModel)


class Section(BaseModel):
    """A section of a recipe; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(Section):
    """The source of labelled clips.

    Args:
        source: ``esc`` (``meta.csv`` + ``audio/``), ``folders`` (``<label>/<files>``), ``gtzan``, ``spectrograms``.
        path: relative to the data folder.
        folds: number of blocks that a source without folds is cut into.
        windows: the most windows of one recording that are used.
    """

    source: Literal["esc", "folders", "gtzan", "spectrograms"]
    path: Path
    folds: int = Field(default=4, ge=2, le=20)
    windows: int = Field(default=4, ge=1)
    labels: list[str] = []


class NetworkSettings(Section):
    """The network, and the run or served model that its body is initialised from.

    Args:
        start_from: a run in the same folder of runs; of a deeper body the first blocks of
            each group are used.
        start_from_same_folds: each fold starts from that run's weights of the same fold.
    """

    architecture: Residual = "resnet34"
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    start_from: str | None = None
    start_from_same_folds: bool = False


class AugmentationSettings(Section):
    """Augmentations of spectrograms; widths in frames and bands, everything else as shares of 1."""

    roll: bool = False
    crop_frames: int = Field(default=0, ge=0)
    stretch: float = Field(default=0.0, ge=0.0, lt=1.0)
    mel_shift: int = Field(default=0, ge=0)
    keep_a_part: float = Field(default=0.0, ge=0.0, le=1.0)
    frequency_mask: int = Field(default=0, ge=0)
    time_mask: int = Field(default=0, ge=0)
    gain: float = Field(default=0.0, ge=0.0, le=1.0)
    noise: float = Field(default=0.0, ge=0.0, le=1.0)
    mixup_alpha: float = Field(default=0.0, ge=0.0)
    mixup_share: float = Field(default=1.0, ge=0.0, le=1.0)
    mixup_as_sound: bool = False


class OneCycleSettings(Section):
    """AdamW under a one-cycle schedule (Smith and Topin, 2019, arXiv 1708.07120)."""

    epochs: int = Field(ge=1)
    batch: int = Field(default=32, ge=2)
    peak_rate: float = Field(gt=0.0)
    warm_up: float = Field(default=0.3, gt=0.0, lt=1.0)
    weight_decay: float = Field(default=0.01, ge=0.0)
    ema_decay: float = Field(default=0.0, ge=0.0, lt=1.0)
    clip_norm: float = Field(default=5.0, gt=0.0)


class ScheduleSettings(OneCycleSettings):
    """The schedule and the label smoothing."""

    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)


class CardSettings(Section):
    """The card's text about the data and about the limits of the figures."""

    kind: str = "sound"
    data: str = "labelled recordings of the one who trained it"
    licence: str = "as the training recordings allow"
    limits: list[str] = []


class Recipe(Section):
    """The recipe of a classifier; see ``training/recipes``."""

    seed: int = 1
    data: DataSettings
    strangers: DataSettings | None = None
    front_end: DecibelSettings
    network: NetworkSettings = NetworkSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    schedule: ScheduleSettings
    card: CardSettings = CardSettings()

    @field_validator("front_end", mode="before")
    @classmethod
    def _every_setting(cls, value: Any) -> Any:
        return DecibelSettings.from_dict(value) if isinstance(value, dict) else value

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a recipe. Raises ``InvalidRecipe``, which names the file and the key."""
        return read_recipe(cls, path)


def read_recipe(kind: type[RecipeT], path: Path) -> RecipeT:
    """Reads a recipe of a kind from its TOML file. Raises ``InvalidRecipe``, which names the file and the key."""
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = "is not a key of a recipe" if first["type"] == "extra_forbidden" else first["msg"]
        raise InvalidRecipe(f"{path}: {where}: {what}") from error
    except (OSError, ValueError, TypeError) as error:
        raise InvalidRecipe(f"{path}: {error}") from error
