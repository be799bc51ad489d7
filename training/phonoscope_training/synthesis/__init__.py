"""Synthesises labelled recordings, to pre-train on where recordings are few."""

from __future__ import annotations

from phonoscope_training.synthesis.files import write_all
from phonoscope_training.synthesis.scenes import LABELS, scene

__all__ = ["LABELS", "scene", "write_all"]
