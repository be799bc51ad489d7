"""Recipes of separating networks: what is refused, and that the shipped one is sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from demucs.htdemucs import HTDemucs

from phonoscope_training.errors import InvalidRecipe
from phonoscope_training.recipe import read_recipe
from phonoscope_training.separation.network import count_parameters, served_network, training_network
from phonoscope_training.separation.recipe import SeparationRecipe
from tests.unit.training.separation.tones import RECIPE

SHIPPED = Path("training/recipes/demucs-mini.toml")


def test_the_shipped_recipe_makes_a_small_network() -> None:
    """At most six million parameters, which are twelve megabytes in half precision."""
    recipe = read_recipe(SeparationRecipe, SHIPPED)
    network = training_network(recipe.network)
    assert count_parameters(network) <= 6_000_000
    assert isinstance(served_network(recipe.network, network.state_dict()), HTDemucs)
    assert any("demonstration" in limit for limit in recipe.card.limits)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("epochs = 3", "epoch = 3", "schedule.epoch"),
        ("remix = 0.5", "remix = 0.5\nreverb = 0.1", "mixing.reverb: is not a key of a recipe"),
        ("remix = 0.5", "remix = 1.5", "mixing.remix"),
        ("speed = 0.04", "speed = 0.9", "mixing.speed"),
        ("held_out_share = 0.5", "held_out_share = 1.0", "data.held_out_share"),
        ("channels = 8", "channels = 8\nstride = 3", "network: Value error, kernel_size must be twice the stride"),
        ("depth = 2", "depth = 5", "nfft of 256 leaves no frequencies after 5 layers"),
        ("t_heads = 4", "t_heads = 5", "t_heads must divide the channels of the deepest layer"),
        ("segment_s = 0.25", "segment_s = 0.0", "network.segment_s"),
        ("[network]", "[network", "Expected ']'"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path: Path, old: str, new: str, what: str) -> None:
    """One sentence says which file and which key, before anything is trained."""
    assert old in RECIPE
    path = tmp_path / "changed.toml"
    path.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(InvalidRecipe) as caught:
        read_recipe(SeparationRecipe, path)
    assert str(path) in caught.value.detail
    assert what in caught.value.detail
