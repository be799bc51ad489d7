"""Checks of heatmaps are themselves checked: on maps known to be faithful, and on maps known not to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from phonoscope_ml.attribution import Attribution, Heatmaps
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.networks import Network
from phonoscope_ml.registry import Model
from phonoscope_ml.trust import deletion_and_insertion, measure_trust, randomised, randomised_similarity
from tests.unit.ml.listeners import BandListener, burst, clip, spectrogram


@pytest.fixture(scope="module")
def baby(shipped: Model) -> Tensor:
    """A recording that it knows, ``(1, 1, 128, 500)``."""
    settings = shipped.front_end.settings
    return spectrogram(settings, clip("baby.opus", settings.sample_rate_hz))


def test_a_faithful_map_beats_random_ones(small: DecibelSettings) -> None:
    """What a hand-made model looks at: without it the label is lost sooner, with it alone the label is found sooner."""
    network = BandListener(small, 850.0, 1_150.0)
    seen = spectrogram(small, burst(small, 1_000.0, 0.2, 0.4) + burst(small, 2_500.0, 0.25, 0.4))
    found = _explained(network, seen, 0)
    shuffled = _scattered(found)
    deletion, insertion = deletion_and_insertion(
        network, seen[0], torch.from_numpy(np.stack([found.values[0], shuffled, 1.0 - found.values[0]])), 0, steps=8
    )
    assert deletion[0] < deletion[1] - 0.1
    assert insertion[0] > insertion[1] + 0.05
    assert insertion[0] > insertion[2] + 0.1
    assert all(0.0 <= area <= 1.0 for area in [*deletion, *insertion])


def test_a_learned_model_s_map_is_faithful(shipped: Model, baby: Tensor) -> None:
    """On a recording that it knows, every figure falls on the side of trust."""
    found = _explained(shipped.network, baby, None)
    assert shipped.manifest.labels[found.labels[0]] == "crying_baby"
    trust = measure_trust(shipped.network, baby[0], found)
    assert trust.deletion < trust.random_deletion - 0.1
    assert trust.insertion > trust.random_insertion + 0.05
    assert -1.0 <= trust.randomised < 0.5


@pytest.mark.parametrize("layer", ["stage3", "last"])
def test_a_random_block_changes_the_map_of_a_model_that_learned(shipped: Model, baby: Tensor, layer: str) -> None:
    """At the last layer and below it; while the same network gives the same map."""
    found = _explained(shipped.network, baby, None, layer)
    assert randomised_similarity(shipped.network, baby[0], found) < 0.5
    same = _explained(shipped.network, baby, None, layer)
    assert np.corrcoef(found.values.ravel(), same.values.ravel())[0, 1] == pytest.approx(1.0)


def test_a_map_that_does_not_change_is_found_out(shipped: Model, baby: Tensor) -> None:
    """One that looks the same under a random block has a similarity of 1."""
    twin = _explained(randomised(shipped.network, 0), baby, None)
    assert randomised_similarity(shipped.network, baby[0], twin, draws=1) == pytest.approx(1.0, abs=1e-4)


def test_the_network_comes_back_unharmed(shipped: Model, baby: Tensor) -> None:
    """Not a weight, buffer, hook or flag of it differs; the twin shares all but its last block."""
    before = {name: value.clone() for name, value in shipped.network.state_dict().items()}
    state = torch.get_rng_state()
    measure_trust(shipped.network, baby[0], _explained(shipped.network, baby, 0), steps=2, draws=1)
    after = shipped.network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(module._forward_hooks or module.training for module in shipped.network.modules())
    assert torch.equal(torch.get_rng_state(), state)
    twin = randomised(shipped.network, seed=1)
    assert twin.layer("stage5") is shipped.network.layer("stage5")
    changed = {name for name, value in twin.state_dict().items() if not torch.equal(value, after[name])}
    deciding = {id(module) for root in shipped.network.deciding() for module in root.modules()}
    kept = [name for name, module in shipped.network.named_modules() if id(module) not in deciding]
    assert changed
    assert not any(name.rpartition(".")[0] in kept for name in changed)
    assert not any(module.training for module in twin.modules())


def test_the_same_seed_gives_the_same_figures(model: Model) -> None:
    """And another seed others."""
    seen = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(5))
    found = _explained(model.network, seen, None)
    first, again, other = (measure_trust(model.network, seen[0], found, steps=3, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first.random_deletion, first.randomised) != (other.random_deletion, other.randomised)
    assert first.deletion == other.deletion


def test_each_window_is_checked_by_itself(model: Model) -> None:
    """The second of two windows gives the figures that it gives alone."""
    seen = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(5))
    both, alone = _explained(model.network, seen, 0), _explained(model.network, seen[1:], 0)
    second = measure_trust(model.network, seen[1], both, window=1, steps=3, draws=1)
    assert second.deletion == pytest.approx(measure_trust(model.network, seen[1], alone, steps=3, draws=1).deletion)


def test_silence_gives_numbers(small: DecibelSettings, model: Model) -> None:
    """A dark spectrogram and a map of zeros have areas and a similarity of 0, never NaN."""
    dark = spectrogram(small, np.zeros(small.window_samples, np.float32))
    found = _explained(model.network, dark, 0)
    nothing = replace(found, values=np.zeros_like(found.values), raw=np.zeros_like(found.raw))
    for heatmaps in (found, nothing):
        trust = measure_trust(model.network, dark[0], heatmaps, steps=2, draws=1)
        assert all(np.isfinite(value) for value in vars(trust).values())
        assert trust.deletion == pytest.approx(trust.random_deletion)
    assert measure_trust(model.network, dark[0], nothing, steps=2, draws=1).randomised == 0.0


def _explained(network: Network, seen: Tensor, label: int | None, layer: str | None = None) -> Heatmaps:
    with Attribution(network, layer) as attribution:
        return attribution.heatmaps(attribution(seen), label)


def _scattered(found: Heatmaps) -> np.ndarray:
    flat = found.values[0].ravel()
    return np.random.default_rng(0).permutation(flat).reshape(found.values[0].shape)
