"""Explanations of stretches: joined, read, played and checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from phonoscope.audio.samples import Samples
from phonoscope.errors import UnknownLabel
from phonoscope_ml.attribution import Attribution
from phonoscope_ml.audible import audible
from phonoscope_ml.evidence import axes
from phonoscope_ml.explain import Explanation, explain
from phonoscope_ml.frontends import DecibelSettings
from phonoscope_ml.inference import run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from tests.unit.ml.listeners import burst
from tests.unit.ml.test_recorder import RATE_HZ, sound


def heard(samples: Samples) -> Samples:
    return np.concatenate(list(audible([samples], RATE_HZ)))


def explained(
    model: Model, samples: Samples, label: str = "saw", span_s: tuple[float, float] | None = None
) -> Explanation:
    with EvidenceRecorder(model, span_s=span_s) as recorder:
        run_inference(model, [samples], forward=recorder)
        return explain(recorder, label, "grad-cam")


def test_one_window_is_shown_as_it_is(model: Model) -> None:
    """Its heatmap is Grad-CAM's own, to the last bit, of what can be heard."""
    found = explained(model, sound(1.0))
    samples = heard(sound(1.0))
    with Attribution(model.network) as attribution:
        output = attribution(model.spectrograms(torch.from_numpy(samples)[None]))
        wanted = attribution.heatmaps(output, model.manifest.labels.index("saw")).values[0]
    np.testing.assert_allclose(found.heatmap, wanted, atol=1e-6)
    np.testing.assert_allclose(found.samples, samples, atol=1e-6)
    assert found.span_s == (0.0, 1.0)


def test_windows_are_joined_to_one_picture(model: Model, whistler: Model, small: DecibelSettings) -> None:
    """A whistle in the middle of six seconds lights up where it sounded, though many windows heard it."""
    quiet = np.random.default_rng(3).standard_normal(6 * RATE_HZ).astype(np.float32) * np.float32(1e-3)
    quiet[3 * RATE_HZ : 4 * RATE_HZ] += burst(small, 1_000.0, 0.2, 0.6)
    found = explained(whistler, quiet, "bell")
    assert found.heatmap.shape == (small.n_mels, len(found.grid.seconds))
    assert (found.heatmap.min(), found.heatmap.max()) == (0.0, 1.0)
    region = found.evidence.region
    assert region is not None
    assert 750.0 < region.low_hz < 1_000.0 < region.high_hz < 1_200.0
    assert 3.1 < region.start_s < region.end_s < 3.75
    assert found.evidence.reading.startswith("Most of the evidence for *bell* lies between ")
    assert found.span_s == (0.0, 6.0)
    assert len(found.parts) == 11


def test_the_cells_are_the_layer_s(model: Model, small: DecibelSettings) -> None:
    """As long as a window divided by the columns of its layer; as many bands as that has rows."""
    found = explained(model, sound(6.0))
    rows, columns = found.parts[0].heatmaps.raw.shape[-2:]
    assert found.cell_bands == rows < small.n_mels
    assert found.cell_s == pytest.approx(small.window_s / columns, rel=0.05)


def test_the_joined_axes_are_as_fine_as_a_window_s(model: Model, small: DecibelSettings) -> None:
    """Columns from the stretch's start to its end, a frame apart."""
    found = explained(model, sound(6.0))
    assert found.grid.seconds_edges[[0, -1]].tolist() == [0.0, 6.0]
    steps = np.diff(found.grid.seconds)
    assert steps == pytest.approx(np.full(len(steps), small.hop_length / small.sample_rate_hz))
    np.testing.assert_array_equal(found.grid.hertz, axes(small).hertz)


def test_a_stretch_is_cut_to_what_was_asked_for(model: Model) -> None:
    """To the sample, and its axes with it."""
    samples = sound(6.0)
    found = explained(model, samples, span_s=(2.25, 3.5))
    assert found.span_s == (2.25, 3.5)
    wanted = heard(samples)[round(2.25 * RATE_HZ) : round(3.5 * RATE_HZ)]
    np.testing.assert_allclose(found.samples, wanted, atol=1e-6)
    assert found.heatmap.shape[1] == len(found.grid.seconds) == pytest.approx(1.25 * 40, abs=1)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.37])
def test_a_short_recording_ends_where_it_ends(model: Model, seconds: float) -> None:
    """The silence after it, which the network saw too, is not shown."""
    found = explained(model, sound(1.0)[: round(seconds * RATE_HZ)])
    assert found.span_s == pytest.approx((0.0, seconds))
    assert len(found.samples) == round(seconds * RATE_HZ)
    assert found.heatmap.shape == (32, len(found.grid.seconds))
    assert found.sonify().shape == found.samples.shape


def test_silence_has_no_evidence(model: Model) -> None:
    """It says so; nothing is NaN, and there is nothing to check."""
    found = explained(model, np.zeros(3 * RATE_HZ, np.float32))
    assert found.silent
    assert found.evidence.reading == "There is only silence, and no evidence for *saw*."
    assert not found.heatmap.any()
    assert not found.sonify().any()
    assert found.trust() is None


def test_silent_windows_have_no_say(whistler: Model, small: DecibelSettings) -> None:
    """Beside a sound, silence shows no evidence, and the strongest window is never a silent one."""
    whistle = burst(small, 1_000.0, 0.1, 0.9)
    found = explained(whistler, np.concatenate([np.zeros(3 * RATE_HZ, np.float32), whistle]), "bell")
    assert not found.silent
    assert not found.strongest.window.silent
    assert not _before(found, 1.9).any()
    assert found.heatmap.any()


def test_what_is_played_is_what_was_heard(whistler: Model, small: DecibelSettings) -> None:
    """Of two tones that sound together the one that counted remains."""
    both = burst(small, 1_000.0, 0.2, 0.8) + burst(small, 2_500.0, 0.2, 0.8)
    played = explained(whistler, np.concatenate([both, both]), "bell").sonify()
    spectrum = np.abs(np.fft.rfft(played))
    hertz = np.fft.rfftfreq(len(played), 1.0 / RATE_HZ)
    own, other = (spectrum[np.abs(hertz - tone) < 50.0].max() for tone in (1_000.0, 2_500.0))
    assert own > 10.0 * other


def test_trust_is_of_the_strongest_window(model: Model) -> None:
    """All areas lie in [0, 1], and the same request gives the same figures."""
    found = explained(model, sound(3.0))
    first, again = found.trust(), found.trust()
    assert first == again
    assert first is not None
    assert all(0.0 <= area <= 1.0 for area in (first.deletion, first.insertion))


def test_an_unknown_label_is_refused(model: Model) -> None:
    """With those there are."""
    with pytest.raises(UnknownLabel, match="there is no dog; there are bell, rain"):
        explained(model, sound(1.0), "dog")


def _before(found: Explanation, seconds: float) -> NDArray[np.float32]:
    columns: NDArray[np.float32] = found.heatmap[:, found.grid.seconds < seconds]
    return columns
