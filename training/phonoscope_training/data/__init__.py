"""Labelled clips from any of the known layouts, as log-mel spectrograms in memory."""

from phonoscope_training.data.clips import Clips, split_for_validation
from phonoscope_training.data.sources import load_clips

__all__ = ["Clips", "load_clips", "split_for_validation"]
