"""Small networks with random weights."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch
from demucs.htdemucs import HTDemucs

SOURCES = ["drums", "bass", "other", "vocals"]
SMALL = {"channels": 8, "bottom_channels": 32, "t_layers": 1, "t_heads": 4, "segment": Fraction(1, 2)}


def network(seed: int = 1, **changes: Any) -> HTDemucs:
    """An untrained hybrid Demucs."""
    torch.manual_seed(seed)
    made: HTDemucs = HTDemucs(SOURCES, **(SMALL | changes)).eval()
    return made


@pytest.fixture(scope="session")
def small() -> HTDemucs:
    """Half a second at a time, 0.3 M parameters."""
    return network()
