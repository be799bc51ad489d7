"""Labelled recordings as samples in memory, for the training of bodies and heads, and their augmentation."""

from phonoscope_training.sounds.alter import alter
from phonoscope_training.sounds.read import Sounds, Windows, read_sounds
from phonoscope_training.sounds.settings import Alteration, SoundSettings

__all__ = ["Alteration", "SoundSettings", "Sounds", "Windows", "alter", "read_sounds"]
