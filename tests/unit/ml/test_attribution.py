"""Heatmaps against an independent reference, against physics, and against leaks."""

from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from phonoscope.catalogue.architectures import ARCHITECTURES, METHODS, Method
from phonoscope.errors import InvalidRequest, UnknownLabel, UnknownLayer
from phonoscope_ml.attribution import Attribution, upsampled
from phonoscope_ml.evidence import axes
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.networks import AudioResNet, Network
from phonoscope_ml.registry import Model
from tests.unit.ml.listeners import BandListener, burst, clip, spectrogram

REFERENCES = {"grad-cam": GradCAM, "grad-cam++": GradCAMPlusPlus, "hirescam": HiResCAM}

LAYERS = ARCHITECTURES["resnet18"].layers


class _Logits(nn.Module):
    """What the reference expects a network to return."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x).logits
        return logits


@pytest.fixture(scope="module")
def heard(shipped: Model) -> Tensor:
    """Two of the demo's recordings as the shipped model sees them, ``(2, 1, 128, 500)``."""
    settings = shipped.front_end.settings
    return torch.cat(
        [
            spectrogram(settings, clip("dog_large.flac", settings.sample_rate_hz)),
            spectrogram(settings, clip("clock_tall.wav", settings.sample_rate_hz)),
        ]
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", LAYERS)
def test_random_weights_agree_with_the_reference(model: Model, layer: str, method: Method) -> None:
    """Every method at every layer gives the map that another implementation gives, for a label of either window's."""
    spectrograms = torch.rand(2, 1, 96, 83, generator=torch.Generator().manual_seed(3))
    with Attribution(model.network, layer) as attribution:
        found = attribution.heatmaps(attribution(spectrograms), [0, 3], method)
    _assert_same(found.values, _reference(model.network, layer, method, spectrograms, [0, 3]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["stage3", "last"])
def test_the_shipped_model_agrees_with_the_reference(shipped: Model, heard: Tensor, layer: str, method: Method) -> None:
    """On real weights and whole recordings, for the labels found most probable."""
    with Attribution(shipped.network, layer) as attribution:
        found = attribution.heatmaps(attribution(heard), method=method)
    assert [shipped.manifest.labels[index] for index in found.labels] == ["dog", "clock_tick"]
    assert found.values.shape == (2, 128, 500)
    _assert_same(found.values, _reference(shipped.network, layer, method, heard, found.labels.tolist()))


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_looks_at_one_tone_lights_up_that_tone(small: DecibelSettings, method: Method) -> None:
    """Its band and its time, though another tone sounds later; and that other one for the other label."""
    network = BandListener(small, 850.0, 1_150.0)
    sound = burst(small, 1_000.0, 0.2, 0.4) + burst(small, 2_500.0, 0.6, 0.9)
    with Attribution(network) as attribution:
        output = attribution(spectrogram(small, sound))
        inside = attribution.heatmaps(output, 0, method).values[0]
        beside = attribution.heatmaps(output, 1, method).values[0]
    assert _share(small, inside, (700.0, 1_300.0), (0.1, 0.5)) > 0.95
    assert _share(small, beside, (2_000.0, 3_100.0), (0.5, 1.0)) > 0.95
    assert _share(small, beside, (850.0, 1_150.0), (0.1, 0.5)) < 0.02
    mel, frame = np.unravel_index(inside.argmax(), inside.shape)
    assert axes(small).hertz[mel] == pytest.approx(1_000.0, abs=120.0)
    assert 0.2 <= axes(small).seconds[frame] <= 0.4


def test_the_pass_is_the_one_that_classifies(model: Model) -> None:
    """Logits, embedding and maps are the very numbers of a plain pass, even within inference mode."""
    spectrograms = torch.rand(2, 1, 32, 41)
    with torch.inference_mode():
        plain = model.network(spectrograms)
        with Attribution(model.network, "layer2") as attribution:
            output = attribution(spectrograms)
            found = attribution.heatmaps(output)
    assert torch.equal(output.logits, plain.logits)
    assert torch.equal(output.embedding, plain.embedding)
    assert all(torch.equal(output.maps[name], plain.maps[name]) for name in plain.maps)
    assert found.labels.tolist() == plain.logits.argmax(1).tolist()


def test_nothing_below_the_layer_is_differentiated(model: Model) -> None:
    """A served network's lower maps carry no graph; neither do its weights."""
    with Attribution(model.network, "layer3") as attribution:
        output = attribution(torch.rand(1, 1, 32, 41))
    assert [name for name, found in output.maps.items() if found.requires_grad] == ["layer3", "layer4"]
    assert output.maps["layer3"].is_leaf
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_a_network_in_training_is_explained_too() -> None:
    """Its maps already carry a graph, and its weights receive no gradient from being explained."""
    network = AudioResNet("resnet18", 3).eval()
    with Attribution(network, "layer1") as attribution:
        found = attribution.heatmaps(attribution(torch.rand(1, 1, 32, 41)), 2, "grad-cam++")
    assert found.values.max() == 1.0
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_a_map_without_evidence_is_zero_and_never_nan(small: DecibelSettings, method: Method) -> None:
    """Silence is dark to a network that sees brightness alone; a window beside it is not harmed."""
    silence, sound = np.zeros(small.window_samples, np.float32), burst(small, 1_000.0, 0.2, 0.4)
    with Attribution(BandListener(small, 850.0, 1_150.0)) as attribution:
        output = attribution(torch.cat([spectrogram(small, silence), spectrogram(small, sound)]))
        found = attribution.heatmaps(output, 0, method)
    assert not found.values[0].any()
    assert not found.raw[0].any()
    assert found.values[1].max() == 1.0


def test_the_least_of_numbers_still_make_a_map() -> None:
    """A map of subnormal height is scaled to 1 like any other, one of zeros stays as it is."""
    raw = torch.zeros(2, 4, 4)
    raw[1, 1, 2] = 1e-40
    large = upsampled(raw, (32, 40))
    assert not large[0].any()
    assert large[1].isfinite().all()
    assert large[1].max() == 1.0


def test_a_layer_that_does_not_exist_is_refused_with_those_that_do(model: Model) -> None:
    """The request is not valid, and the answer names the choices."""
    with pytest.raises(
        UnknownLayer, match=r"layer: there is no layer9; there are layer1, layer2, layer3, layer4"
    ) as at:
        Attribution(model.network, "layer9")
    assert at.value.status == 422
    assert at.value.errors[0]["field"] == "layer"


def test_a_label_that_does_not_exist_is_refused_with_those_that_do(model: Model) -> None:
    """By name with the names, by index with the indices, below zero as well as above."""
    assert model.manifest.label_index("saw") == 2
    with pytest.raises(UnknownLabel, match="label: there is no dog; there are bell, rain, saw, tone") as at:
        model.manifest.label_index("dog")
    assert at.value.status == 422
    with Attribution(model.network) as attribution:
        output = attribution(torch.rand(1, 1, 32, 41))
        for index in (4, -1):
            with pytest.raises(UnknownLabel, match=f"there is no {index}; there are 0, 1, 2, 3"):
                attribution.heatmaps(output, index)


def test_a_method_that_does_not_exist_is_refused(model: Model) -> None:
    """Likewise."""
    with Attribution(model.network) as attribution:
        output = attribution(torch.rand(1, 1, 32, 41))
        with pytest.raises(InvalidRequest, match=r"there are grad-cam, grad-cam\+\+, hirescam"):
            attribution.heatmaps(output, method="scorecam")  # type: ignore[arg-type]


def test_hooks_are_removed_after_an_error(model: Model) -> None:
    """A pass that fails within, or an error of the caller's, leaves the network as it was."""
    attribution = Attribution(model.network, "layer2")
    with pytest.raises(RuntimeError, match="5 channels"), attribution:
        attribution(torch.rand(1, 5, 32, 41))
    assert _hooks(model.network) == 0
    with pytest.raises(RuntimeError, match="inside its with block"):
        attribution(torch.rand(1, 1, 32, 41))


def test_a_thousand_calls_leave_nothing_behind(small: DecibelSettings) -> None:
    """Neither hooks, tensors nor other objects grow in number, without a collection's help; nor does the process."""
    network, sound = BandListener(small, 850.0, 1_150.0), spectrogram(small, burst(small, 1_000.0, 0.2, 0.4))
    _explain(network, sound, 50)
    gc.collect()
    gc.disable()
    try:
        before, size = _census(), psutil.Process().memory_info().rss
        _explain(network, sound, 1_000)
        after, grown = _census(), psutil.Process().memory_info().rss - size
    finally:
        gc.enable()
    assert after[0] == before[0]
    assert after[1] - before[1] < 100
    assert grown < 8 * 1024**2
    assert _hooks(network) == 0


def test_a_real_network_s_graph_is_freed_with_its_output(model: Model) -> None:
    """Once output and heatmaps are gone, so are the activations, without a collection's help."""
    gc.collect()
    gc.disable()
    try:
        before = _census()[0]
        _explain(model.network, torch.rand(1, 1, 32, 41), 3)
        assert _census()[0] == before
    finally:
        gc.enable()


def _explain(network: Network, spectrograms: Tensor, times: int) -> None:
    for call in range(times):
        with Attribution(network, LAYERS[call % 4]) as attribution:
            attribution.heatmaps(attribution(spectrograms), 0, METHODS[call % 3])


def _census() -> tuple[int, int]:
    objects = gc.get_objects()
    return sum(issubclass(type(one), Tensor) for one in objects), len(objects)


def _hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def _reference(network: Network, layer: str, method: str, spectrograms: Tensor, labels: list[int]) -> np.ndarray:
    # The reference takes gradients from the input down, since served weights have none.
    asked = spectrograms.clone().requires_grad_()
    with REFERENCES[method](model=_Logits(network), target_layers=[network.layer(layer)]) as reference:
        return np.asarray(reference(asked, targets=[ClassifierOutputTarget(label) for label in labels]))


def _assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.min() >= 0.0
    for mine, other in zip(found, expected, strict=True):
        assert mine.max() == pytest.approx(1.0)
        assert np.corrcoef(mine.ravel(), other.ravel())[0, 1] >= 0.999


def _share(
    settings: DecibelSettings, heat: np.ndarray, hertz: tuple[float, float], seconds: tuple[float, float]
) -> float:
    grid = axes(settings)
    rows = (grid.hertz >= hertz[0]) & (grid.hertz <= hertz[1])
    columns = (grid.seconds >= seconds[0]) & (grid.seconds <= seconds[1])
    return float(heat[np.ix_(rows, columns)].sum() / heat.sum())
