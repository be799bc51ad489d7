"""Which recordings are read, and how copies of them are altered."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from phonoscope.catalogue import Kind
from phonoscope_training.recipe import Section

MIXTURE = "mixture"


class SoundSettings(Section):
    """A set of recordings.

    Args:
        source: its layout: ``esc`` (``meta.csv`` + ``audio/``), ``folders`` (``<label>/<files>``), ``gtzan``,
            ``files``: recordings without labels, or ``stems``: one stem of songs in ``.stem.mp4`` files.
        path: relative to the data folder.
        stem: which stem of ``stems``, or the mixture of all.
        label: the label of all its recordings, in place of their own.
        kinds: the kinds that replace the label where a recipe's teacher hears them; windows whose kind is then silence
            are left out.
        folds: the number of blocks that a source without folds is cut into.
        windows: the most windows of one recording that are used.
        most: the most recordings of each label; by default all are used. The first ones of every fold are kept.
        labelled: whether its labels are used.
        repeated: whether recordings shorter than a window are repeated to fill it, as windows within a long recording
            are full, and not followed by silence.
        full_band: whether its recordings reach half the sample rate, so that others can borrow their highest band.
    """

    source: Literal["esc", "files", "folders", "gtzan", "stems"]
    path: Path
    stem: Literal["drums", "bass", "other", "vocals", "mixture"] = "mixture"
    label: str | None = None
    kinds: list[Kind] = Field(default_factory=list)
    folds: int = Field(default=4, ge=2, le=20)
    windows: int = Field(default=1, ge=1)
    most: int | None = Field(default=None, ge=1)
    labelled: bool = True
    repeated: bool = False
    full_band: bool = False

    @property
    def name(self) -> str:
        """How results call it: its folder, with the stem, and whether windows are full."""
        stem = f" ({self.stem})" if self.source == "stems" else ""
        return f"{self.path.name}{stem}" + ", in full windows" * self.repeated


class Alteration(Section):
    """How recordings are altered at random; shares are parts of 1.

    Args:
        gain_db: the widest change of level, in decibels, up to 6 dB upwards.
        low_pass: the share of recordings that are low-passed, at 3 kHz to half the sample rate.
        high_band: the share of recordings whose band above 8 kHz is replaced by that of a full-band one, at the level
            that continues their own band below; it teaches that the presence of this band says nothing of the label.
        cut: the share of recordings that end early, in silence.
        mix: the share of recordings that are mixed with another one, with both labels (Zhang et al., 2018).
    """

    gain_db: float = Field(default=0.0, ge=0.0)
    low_pass: float = Field(default=0.0, ge=0.0, le=1.0)
    high_band: float = Field(default=0.0, ge=0.0, le=1.0)
    cut: float = Field(default=0.0, ge=0.0, le=1.0)
    mix: float = Field(default=0.0, ge=0.0, le=1.0)
