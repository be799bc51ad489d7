"""The recipe of a separation network."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from phonoscope_training.recipe import CardSettings, OneCycleSettings, Section


class SongSettings(Section):
    """The source of songs in stems.

    Args:
        path: a folder of ``.stem.mp4`` files, relative to the data folder.
        held_out_share: the share of artists held out for scoring; see ``songs.held_out``.
    """

    path: Path
    held_out_share: float = Field(default=0.15, gt=0.0, lt=1.0)


class NetworkSettings(Section):
    """Constructor arguments of ``demucs.htdemucs.HTDemucs``, and the length of a segment.

    Args:
        segment_s: length of a training example and of a segment in serving, in seconds.
    """

    segment_s: float = Field(gt=0.0, le=10.0)
    sample_rate_hz: int = Field(default=44_100, ge=8_000)
    channels: int = Field(ge=4)
    growth: int = Field(default=2, ge=1)
    nfft: int = Field(default=4_096, ge=256)
    depth: int = Field(default=4, ge=1, le=6)
    kernel_size: int = Field(default=8, ge=2)
    stride: int = Field(default=4, ge=2)
    dconv_mode: int = Field(default=1, ge=0, le=3)
    dconv_depth: int = Field(default=2, ge=1)
    t_layers: int = Field(default=0, ge=0)
    t_heads: int = Field(default=8, ge=1)
    t_hidden_scale: float = Field(default=4.0, gt=0.0)
    t_cross_first: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kernel_size != 2 * self.stride:
            raise ValueError("kernel_size must be twice the stride")
        if self.nfft // 2 < self.kernel_size * self.stride ** (self.depth - 1):
            raise ValueError(f"nfft of {self.nfft} leaves no frequencies after {self.depth} layers")
        if self.t_layers and self.channels * self.growth ** (self.depth - 1) % self.t_heads:
            raise ValueError("t_heads must divide the channels of the deepest layer")
        return self

    @property
    def samples(self) -> int:
        """The length of a training example, in samples."""
        return round(self.segment_s * self.sample_rate_hz)


class MixingSettings(Section):
    """How training examples are mixed.

    Args:
        remix: share of the examples whose stems come from different songs and positions.
        gain_db: the largest change of a stem's level, in decibels.
        swap: share of the stems whose left and right are exchanged.
        flip: share of the stems whose sign is inverted.
        speed: the largest change of speed, as a share; the pitch changes with it.
        speed_share: share of the stems whose speed is changed.
    """

    remix: float = Field(default=0.0, ge=0.0, le=1.0)
    gain_db: float = Field(default=0.0, ge=0.0, le=30.0)
    swap: float = Field(default=0.0, ge=0.0, le=1.0)
    flip: float = Field(default=0.0, ge=0.0, le=1.0)
    speed: float = Field(default=0.0, ge=0.0, lt=0.5)
    speed_share: float = Field(default=1.0, ge=0.0, le=1.0)


class ScheduleSettings(OneCycleSettings):
    """The schedule; an epoch has a fixed number of steps, since examples are drawn without end.

    Args:
        score_every: the held-out songs are scored after every ``score_every`` epochs; 0 never scores them.
    """

    steps: int = Field(ge=1)
    score_every: int = Field(default=0, ge=0)


class SeparationRecipe(Section):
    """The recipe of a separation network; see ``training/recipes/demucs-mini.toml``."""

    seed: int = 1
    data: SongSettings
    network: NetworkSettings
    mixing: MixingSettings = MixingSettings()
    schedule: ScheduleSettings
    card: CardSettings = CardSettings()
