"""A model's pass over a recording."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
import torch

from phonoscope.audio.decode import Samples
from phonoscope.errors import UndecodableRecording
from phonoscope_ml import inference as listening
from phonoscope_ml.audible import audible
from phonoscope_ml.inference import Prediction, run_body, run_inference
from phonoscope_ml.networks import Output
from phonoscope_ml.registry import Model
from phonoscope_ml.windows import Window, cut_windows

RATE_HZ = 8_000


def sound(seconds: float) -> Samples:
    """Half-second bursts of tones in noise, so that windows differ."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hertz = 200.0 * (1 + (time_s // 0.5) * 3 % 13)
    noise = np.random.default_rng(5).standard_normal(len(time_s))
    return (0.3 * np.sin(2 * np.pi * hertz * time_s) + 0.03 * noise).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), dtype=np.float32)


@pytest.fixture(scope="module")
def prediction(model: Model) -> Prediction:
    """What the model makes of six seconds."""
    return run_inference(model, [sound(6.0)])


def test_every_window_has_its_probabilities(prediction: Prediction) -> None:
    """One row of probabilities for each window; every row sums to 1."""
    assert prediction.spans_s == [(0.5 * step, 0.5 * step + 1.0) for step in range(11)]
    assert prediction.probabilities.shape == (11, 4)
    assert prediction.probabilities.dtype == np.float32
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert not prediction.silent.any()


class Counting:
    """Counts the batches that the network runs over; wants the windows within a span."""

    def __init__(self, model: Model, span_s: tuple[float, float] = (0.0, 0.0)) -> None:
        self.network = model.network
        self.span_s = span_s
        self.batches = 0

    def __call__(self, _windows: list[Window], spectrograms: torch.Tensor) -> Output:
        self.batches += 1
        with torch.inference_mode():
            return cast(Output, self.network(spectrograms))

    def wants(self, window: Window) -> bool:
        return self.span_s[0] <= window.start_s < self.span_s[1]


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_a_constant_is_computed_once(model: Model, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a minute between sounds few batches are computed, with exactly the results of computing all of them."""
    constant = silence(60.0) + np.float32(value)
    blocks = [sound(6.0), constant, sound(6.0), constant]
    forward = Counting(model)
    found = run_body(model.body, blocks, forward=forward)
    assert forward.batches < 12
    monkeypatch.setattr(listening, "_constant", lambda _: None)
    whole = Counting(model)
    computed = run_body(model.body, blocks, forward=whole)
    assert whole.batches == 33
    assert found.spans_s == computed.spans_s
    for name in ("features", "silent", "embedding"):
        np.testing.assert_array_equal(getattr(found, name), getattr(computed, name))


def test_an_offset_is_silence(model: Model) -> None:
    """Nobody hears one: windows within it are those of silence."""
    found = run_body(model.body, [silence(20.0), silence(20.0) + np.float32(0.5)])
    np.testing.assert_array_equal(found.features[0], found.features[16])
    np.testing.assert_array_equal(found.features[0], found.features[-1])
    assert found.silent[-1]


def test_what_is_wanted_of_a_constant_is_seen(model: Model) -> None:
    """The windows that an explanation needs are shown, though equal ones are known."""
    none, some = Counting(model), Counting(model, (30.0, 36.0))
    run_body(model.body, [silence(60.0)], forward=none)
    run_body(model.body, [silence(60.0)], forward=some)
    assert some.batches - none.batches in (2, 3)


def test_windows_are_judged_by_what_is_in_them(prediction: Prediction) -> None:
    """Different sounds give different probabilities: the network does see its input."""
    assert all(np.abs(one - other).max() > 1e-4 for one, other in pairwise(prediction.probabilities))


def test_the_embedding_is_the_direction_of_the_mean(model: Model, prediction: Prediction) -> None:
    """It is the mean of the windows' penultimate activations, at length 1."""
    windows = cut_windows(audible([sound(6.0)], RATE_HZ), RATE_HZ, RATE_HZ, RATE_HZ // 2)
    samples = torch.from_numpy(np.stack([window.samples for window in windows]))
    with torch.inference_mode():
        mean = model.network(model.front_end(samples)).embedding.mean(dim=0).numpy()
    assert np.linalg.norm(direction(prediction)) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(direction(prediction), mean / np.linalg.norm(mean), atol=1e-5)


def direction(prediction: Prediction) -> Samples:
    """The embedding of what is not silent."""
    assert prediction.embedding is not None
    return prediction.embedding


def windows_of(prediction: Prediction, top_k: int = 1) -> list[dict[str, Any]]:
    """All windows of a prediction, as a result has them."""
    return [prediction.window(index, top_k) for index in range(len(prediction.spans_s))]


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_batch_size_changes_nothing(
    model: Model, prediction: Prediction, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Batches are for speed alone."""
    monkeypatch.setattr(listening, "_BATCH", batch)
    other = run_inference(model, [sound(6.0)])
    assert other.spans_s == prediction.spans_s
    np.testing.assert_allclose(other.probabilities, prediction.probabilities, atol=1e-5)
    np.testing.assert_allclose(direction(other), direction(prediction), atol=1e-5)


def test_blocks_may_have_any_size(model: Model, prediction: Prediction) -> None:
    """A stream in odd pieces gives what the whole gives."""
    other = run_inference(model, np.array_split(sound(6.0), 17))
    np.testing.assert_allclose(other.probabilities, prediction.probabilities, atol=1e-6)
    np.testing.assert_allclose(direction(other), direction(prediction), atol=1e-6)


def test_silent_windows_have_no_say(model: Model) -> None:
    """Silence after a sound moves neither the labels nor the embedding, and is itself unknown."""
    alone, padded = run_inference(model, [sound(3.0)]), run_inference(model, [sound(3.0), silence(4.0)])
    assert padded.silent.tolist() == [False] * 6 + [True] * 7
    counted = padded.probabilities[:6]
    assert (
        padded.summary(4)["top"]
        == Prediction(
            padded.labels, padded.thresholds, padded.spans_s[:6], counted, padded.silent[:6], padded.embedding
        ).summary(4)["top"]
    )
    windows = windows_of(padded)
    assert [window["silent"] for window in windows] == padded.silent.tolist()
    assert all(window["unknown"] for window in windows if window["silent"])
    assert float(direction(alone) @ direction(padded)) > 0.98


def test_nothing_but_silence_is_unknown(model: Model) -> None:
    """No label is given to silence, and it has no direction among the recordings."""
    prediction = run_inference(model, [silence(2.5)])
    found = prediction.summary(2)
    assert prediction.silent.all()
    assert found["unknown"]
    assert len(found["top"]) == 2
    assert prediction.embedding is None


def test_silence_starts_at_eighty_decibels_below_full_scale(model: Model) -> None:
    """A tone just above the limit counts, one just below does not."""
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    assert run_inference(model, [tone * 1.01e-4]).silent.tolist() == [False]
    assert run_inference(model, [tone * 0.99e-4]).silent.tolist() == [True]


@pytest.mark.parametrize("top_k", [1, 3, 4, 100])
def test_top_names_the_likeliest_first(prediction: Prediction, top_k: int) -> None:
    """As many labels as asked for, or as there are; no label twice; probabilities never rise."""
    found = prediction.summary(top_k)
    mean = prediction.probabilities.mean(axis=0)
    assert len(found["top"]) == min(top_k, 4)
    assert found["top"][0]["label"] == prediction.labels[int(mean.argmax())]
    for top in (found["top"], *(window["top"] for window in windows_of(prediction, top_k))):
        probabilities = [row["probability"] for row in top]
        assert probabilities == sorted(probabilities, reverse=True)
        assert len({row["label"] for row in top}) == min(top_k, 4)
    if top_k >= 4:
        assert sum(row["probability"] for row in found["top"]) == pytest.approx(1.0, abs=1e-3)


def test_what_is_not_likely_enough_is_unknown() -> None:
    """The threshold is the manifest's, for the whole and for each window by itself."""
    probabilities = np.array([[0.9, 0.1], [0.45, 0.55]], dtype=np.float32)
    spans = [(0.0, 1.0), (0.5, 1.5)]
    embedding = np.zeros(512, dtype=np.float32)
    prediction = Prediction(
        ["a", "b"], np.array([0.6], dtype=np.float32), spans, probabilities, np.array([False, False]), embedding
    )
    found, windows = prediction.summary(1), windows_of(prediction)
    assert found["top"] == [{"label": "a", "probability": pytest.approx(0.675, abs=1e-4)}]
    assert not found["unknown"]
    assert [window["unknown"] for window in windows] == [False, True]
    assert [window["top"][0]["label"] for window in windows] == ["a", "b"]


def test_progress_goes_forward_to_the_end(model: Model) -> None:
    """After every batch one is told how far it is; the last word is the recording's end."""
    told: list[float] = []
    run_inference(model, [sound(10.0)], told.append)
    assert told == [4.5, 8.5, 10.0]


@pytest.mark.parametrize("blocks", [[], [silence(0.0)]])
def test_no_samples_are_an_error(model: Model, blocks: list[Samples]) -> None:
    """Nothing is said about nothing."""
    with pytest.raises(UndecodableRecording, match="no samples"):
        run_inference(model, blocks)


def test_memory_does_not_grow_with_the_recording(model: Model) -> None:
    """Eight minutes go through in less than half of the memory that they would fill, most of it what windows give."""
    second = sound(1.0)

    def blocks() -> Iterator[Samples]:
        for _ in range(480):
            yield second.copy()

    tracemalloc.start()
    try:
        prediction = run_inference(model, blocks())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(prediction.spans_s) == 959
    assert peak < 480 * second.nbytes / 2
