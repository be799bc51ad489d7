"""The errors that stop a training.

TrainingError
├── InvalidRecipe
├── InvalidDataset
└── InvalidRun
"""

from __future__ import annotations

from phonoscope.errors import PhonoscopeError


class TrainingError(PhonoscopeError):
    """The training cannot continue."""


class InvalidRecipe(TrainingError):
    """The recipe is not valid."""


class InvalidDataset(TrainingError):
    """The data are not what the recipe describes."""


class InvalidRun(TrainingError):
    """The run's folder does not have what is needed."""
