"""Recipes: what is refused, and that the shipped ones are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonoscope_ml.frontends import KaldiSettings
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.errors import InvalidRecipe
from phonoscope_training.heads.recipe import HeadRecipe
from phonoscope_training.recipe import Recipe

RECIPES = Path("training/recipes")
HEADS = ("environment-10", "environment-50", "genre-10", "kinds")
OTHERS = ("demucs-mini", "mobilenet", *HEADS)
CLASSIFIERS = sorted(path for path in RECIPES.glob("*.toml") if path.stem not in OTHERS)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = (RECIPES / "melmage.toml").read_text()
    assert old in text
    (tmp_path / "changed.toml").write_text(text.replace(old, new, 1))
    return tmp_path / "changed.toml"


@pytest.mark.parametrize("path", CLASSIFIERS, ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read(path: Path) -> None:
    """Every recipe of the project is valid, and says what a card needs."""
    recipe = Recipe.read(path)
    assert recipe.schedule.epochs >= 1
    assert recipe.card.kind


@pytest.mark.parametrize("name", HEADS)
def test_shipped_recipes_of_heads_can_be_read(name: str) -> None:
    """They name their bodies, and say what a card needs."""
    recipe = HeadRecipe.read(RECIPES / f"{name}.toml")
    assert recipe.on
    assert recipe.card.limits


def test_the_shipped_recipe_of_a_body_can_be_read() -> None:
    """It listens as the published network does, which it starts from."""
    recipe = BodyRecipe.read(RECIPES / "mobilenet.toml")
    assert recipe.front_end == KaldiSettings()
    assert recipe.card.licence


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("seed = 1", "sed = 1", "sed: is not a key of a recipe"),
        ("epochs = 100", "epoch = 100", "schedule.epoch"),
        ("epochs = 100", "epochs = 0", "schedule.epochs"),
        ("n_mels = 128", "", "front_end lacks n_mels"),
        ("n_mels = 128", "n_mels = 128\nfmin = 3", "fmin"),
        ('source = "esc"', 'source = "cloud"', "data.source"),
        ('architecture = "resnet34"', 'architecture = "vgg"', "network.architecture"),
        ("dropout = 0.5", "dropout = 1.5", "network.dropout"),
        ("[network]", "[network", "Expected ']'"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, old: str, new: str, what: str) -> None:
    """One sentence says which file and which key, before anything is trained."""
    with pytest.raises(InvalidRecipe) as caught:
        Recipe.read(changed(tmp_path, old, new))
    assert str(tmp_path / "changed.toml") in caught.value.detail
    assert what in caught.value.detail


def test_a_recipe_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(InvalidRecipe, match=r"none\.toml"):
        Recipe.read(tmp_path / "none.toml")
