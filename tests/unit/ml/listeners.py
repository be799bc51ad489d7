"""Networks and sounds whose evidence is known beforehand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.functional import resample

from phonoscope.audio.decode import Samples
from phonoscope_ml.evidence import axes
from phonoscope_ml.frontends import FrontEndSettings, build_front_end
from phonoscope_ml.networks import EMBEDDING_DIM, Network, Output
from tests.support import examples

_FADE_S = 0.05


class BandListener(Network):
    """Hears label 0 in what is bright within a band, and label 1 in what is bright beside it.

    Its depths hand the spectrogram on, at half the resolution from ``layer1``; nothing in it is random.
    """

    def __init__(self, settings: FrontEndSettings, low_hz: float, high_hz: float, gain: float = 400.0) -> None:
        super().__init__("resnet18", 2, 2)
        hertz = torch.from_numpy(axes(settings).hertz)
        inside = ((hertz >= low_hz) & (hertz <= high_hz)).float()
        self.conv1 = nn.AvgPool2d(1)
        self.layer1 = nn.AvgPool2d(2)
        self.layer2 = nn.AvgPool2d(1)
        self.layer3 = nn.AvgPool2d(1)
        self.layer4 = _Gate(nn.functional.max_pool1d(inside[None], 2)[0])
        self.fc = nn.Linear(2, 2, bias=False)
        nn.init.eye_(self.fc.weight)
        self.gain = gain
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Output:
        maps: dict[str, Tensor] = {}
        for name in self.depths.depths:
            x = maps[name] = getattr(self, name)(x)
        features = x.mean(dim=(2, 3))
        embedding = nn.functional.pad(features, (0, EMBEDDING_DIM - self.features))
        return Output(self.classify(features), embedding, features, maps)

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.gain * self.fc(features)
        return logits


class _Gate(nn.Module):
    """Two channels: the rows inside, and the others."""

    def __init__(self, inside: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", torch.stack([inside, 1.0 - inside])[None, :, :, None])

    def forward(self, x: Tensor) -> Tensor:
        return x * self.get_buffer("rows")


def burst(settings: FrontEndSettings, hz: float, start_s: float, end_s: float, amplitude: float = 0.5) -> Samples:
    """A tone that sounds for a while within a window of silence, its ends softened so that they do not click."""
    seconds = np.arange(settings.window_samples) / settings.sample_rate_hz
    inward = np.minimum(seconds - start_s, end_s - seconds).clip(0.0, _FADE_S) / _FADE_S
    sounding = np.sin(np.pi / 2 * inward) ** 2
    tone: Samples = (amplitude * sounding * np.sin(2 * np.pi * hz * seconds)).astype(np.float32)
    return tone


def spectrogram(settings: FrontEndSettings, samples: Samples) -> Tensor:
    """A window as a network sees it, ``(1, 1, mels, frames)``."""
    seen: Tensor = build_front_end(settings)(torch.from_numpy(samples)[None])
    return seen


def clip(file: str, rate_hz: int) -> Samples:
    """One of the demo's environmental recordings, five seconds, resampled from 44.1 kHz."""
    found = next(one for one in examples().CLIPS if one.file == file)
    samples = found.samples()
    loud: Samples = (samples / np.abs(samples).max() * found.peak).astype(np.float32)
    resampled: Samples = resample(torch.from_numpy(loud), 44_100, rate_hz).numpy()
    return resampled
