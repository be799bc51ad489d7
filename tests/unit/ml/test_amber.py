"""How much of the page's amber lies where nothing sounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope.catalogue.architectures import DEFAULT_METHOD
from phonoscope_ml.explain import Explanation, explain
from phonoscope_ml.inference import run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from tests.unit.ml.listeners import clip

_BARK_S, _SECONDS = 0.3, 5.0
_OPACITY, _SEEN = 0.75, 0.15
"""The page's opacity of evidence, and what of it is seen as amber at all."""


def _bark(rate_hz: int, start_s: float, noise: float) -> Samples:
    """The loudest 0.3 s of the demo's dog, with soft ends, in five seconds of silence or of quiet noise."""
    whole, length = clip("dog_large.flac", rate_hz), round(_BARK_S * rate_hz)
    energy = np.concatenate([[0.0], np.square(whole, dtype=np.float64).cumsum()])
    loudest = int((energy[length:] - energy[:-length]).argmax())
    fade = np.minimum(np.arange(length), np.arange(length)[::-1]).clip(0, 160) / 160
    samples = np.random.default_rng(1).standard_normal(round(_SECONDS * rate_hz)) * noise
    part = whole[loudest : loudest + length] * fade
    samples[round(start_s * rate_hz) :][:length] += 0.5 * part / np.abs(part).max()
    return samples.astype(np.float32)


def _amber(found: Explanation) -> NDArray[np.float64]:
    """The opacity of the amber over each spot, as ``evidencePalette`` in the page's ``colours.ts`` has it."""
    return _OPACITY * (1.1 * found.heatmap.astype(np.float64) ** 1.6).clip(0.0, 1.0)


@pytest.mark.parametrize("noise", [0.0, 1e-3], ids=["silence", "noise"])
@pytest.mark.parametrize("start_s", [0.0, 1.6, 2.35, 4.7])
def test_the_amber_of_a_short_bark_does_not_cover_the_silence_around_it(
    shipped: Model, start_s: float, noise: float
) -> None:
    """Of 4.7 s without a bark less than half a second is under amber, however faint."""
    samples = _bark(shipped.front_end.settings.sample_rate_hz, start_s, noise)
    with EvidenceRecorder(shipped, features=()) as recorder:
        run_inference(shipped, [samples], forward=recorder)
        found = explain(recorder, "dog", DEFAULT_METHOD)
    amber, seconds = _amber(found), found.grid.seconds
    outside = (seconds < start_s) | (seconds > start_s + _BARK_S)
    covered_s = (amber.max(axis=0)[outside] > _SEEN).sum() * shipped.front_end.settings.frame_s
    share = amber[:, outside].sum() / amber.sum()
    assert covered_s < 0.5
    assert share < 0.6
