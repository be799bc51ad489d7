"""A small network with random weights, alone and in a model's folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from demucs.htdemucs import HTDemucs

from tests.separators import network, write_separator


@pytest.fixture(scope="session")
def small() -> HTDemucs:
    """Half a second at a time, 0.3 M parameters."""
    return network()


@pytest.fixture
def separator(tmp_path: Path, small: HTDemucs) -> Path:
    """The folder of a model with one small network."""
    return write_separator(tmp_path / "models" / "tiny", small)
