"""What the tests of separation share."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from phonoscope_training.separation.recipe import SeparationRecipe
from phonoscope_training.separation.songs import SUFFIX, Song
from tests.unit.training.separation.tones import NAMES, RECIPE, stems_of, write_stems


@pytest.fixture(scope="session")
def songs() -> list[Song]:
    """Four songs, of whom the recipe's rule holds out two."""
    return [Song(name, stems_of(seed)) for seed, name in enumerate(NAMES)]


@pytest.fixture(scope="session")
def recipe() -> SeparationRecipe:
    """A network that takes a moment."""
    return SeparationRecipe.model_validate(tomllib.loads(RECIPE))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same songs as files, and the recipe."""
    root = tmp_path_factory.mktemp("separation")
    (root / "songs").mkdir()
    for seed, name in enumerate(NAMES):
        write_stems(root / "songs" / f"{name}{SUFFIX}", list(stems_of(seed)))
    (root / "tones.toml").write_text(RECIPE)
    return root
