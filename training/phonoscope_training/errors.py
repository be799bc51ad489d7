"""What stops a training before any long work.

TrainingError
├── InvalidRecipe
├── InvalidDataset
└── InvalidRun
"""

from __future__ import annotations

from phonoscope.errors import PhonoscopeError


class TrainingError(PhonoscopeError):
    """The training cannot go on."""


class InvalidRecipe(TrainingError):
    """The recipe says something that cannot be done."""


class InvalidDataset(TrainingError):
    """The data are not what the recipe says."""


class InvalidRun(TrainingError):
    """The run's folder does not hold what is asked of it."""
