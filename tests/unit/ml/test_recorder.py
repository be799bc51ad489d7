"""What a pass keeps for those who ask why."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pytest
import torch

from phonoscope.audio.samples import Samples
from phonoscope.errors import InvalidRequest, UndecodableRecording, UnknownLayer
from phonoscope_ml import recorder as witnessing
from phonoscope_ml.inference import run_body, run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model

RATE_HZ = 8_000


def sound(seconds: float, seed: int = 5) -> Samples:
    """Half-second bursts of tones in noise, so that windows differ."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    hertz = 200.0 * (1 + (time_s // 0.5) * 3 % 13)
    noise = np.random.default_rng(seed).standard_normal(len(time_s))
    return (0.3 * np.sin(2 * np.pi * hertz * time_s) + 0.03 * noise).astype(np.float32)


def test_looking_on_changes_nothing(model: Model) -> None:
    """Probabilities and embedding are those of a pass that nobody witnesses."""
    alone = run_inference(model, [sound(6.0)])
    with EvidenceRecorder(model, "layer2") as recorder:
        seen = run_inference(model, [sound(6.0)], forward=recorder)
    np.testing.assert_array_equal(seen.probabilities, alone.probabilities)
    np.testing.assert_array_equal(seen.embedding, alone.embedding)


def test_a_short_recording_is_kept_whole(model: Model) -> None:
    """Every window, with the very output that classified it."""
    with EvidenceRecorder(model) as recorder:
        prediction = run_inference(model, [sound(6.0)], forward=recorder)
        batches = recorder.batches(1)
        spans = [(window.start_s, window.end_s) for batch in batches for window in batch.windows]
        probabilities = [chance for batch in batches for chance in batch.probabilities(1)]
    assert spans == prediction.spans_s
    assert probabilities == pytest.approx(prediction.probabilities[:, 1].tolist(), abs=1e-6)
    assert [place for batch in batches for place in batch.indices] == [*range(8), *range(3)]


def test_of_a_long_recording_the_strongest_window_is_kept(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those chosen in a second pass, with the probability that it had in the first; a silent window never."""
    monkeypatch.setattr(witnessing, "MOST_EXPLAINED_S", 4.0)
    samples = np.concatenate([np.zeros(3 * RATE_HZ, np.float32), sound(9.0), np.zeros(3 * RATE_HZ, np.float32)])
    with EvidenceRecorder(model) as recorder:
        prediction = run_inference(model, [samples], forward=recorder)
        assert recorder.overran
        recorder.choose([prediction.strongest(label) for label in prediction.labels])
        run_body(model.body, [samples], forward=recorder, wanted=recorder.wants, end_s=recorder.end_s)
        for label in range(4):
            (batch,) = recorder.batches(label)
            (index,) = batch.indices
            best = np.where(prediction.silent, -1.0, prediction.probabilities[:, label])
            assert (batch.windows[index].start_s, batch.windows[index].end_s) == prediction.spans_s[best.argmax()]
            assert batch.probabilities(label)[index] == pytest.approx(best.max(), abs=1e-5)


def test_nothing_of_a_long_recording_is_kept_until_windows_are_chosen(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither samples nor activations, however many labels the model has; an answer says that nothing is there."""
    monkeypatch.setattr(witnessing, "MOST_EXPLAINED_S", 4.0)
    with EvidenceRecorder(model) as recorder:
        run_inference(model, [sound(20.0)], forward=recorder)
        assert not recorder._kept
        with pytest.raises(InvalidRequest):
            recorder.batches(0)


def test_what_follows_the_last_chosen_window_is_not_read(model: Model) -> None:
    """A second pass reads as far as it must, and not hours further."""
    read = []

    def blocks() -> Iterator[Samples]:
        for number in range(3_600):
            read.append(number)
            yield sound(1.0)

    with EvidenceRecorder(model) as recorder:
        recorder.choose([(2.0, 3.0), (4.5, 5.5)])
        run_body(model.body, blocks(), forward=recorder, wanted=recorder.wants, end_s=recorder.end_s)
        (batch,) = recorder.batches(0)
    assert [(window.start_s, window.end_s) for window in batch.windows] == [(0.0, 1.0), (2.0, 3.0), (4.5, 5.5)]
    assert batch.indices[0] in {1, 2}
    assert len(read) < 40  # some blocks are decoded ahead


def test_of_a_long_silence_a_window_is_kept(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is something to show, though nothing to hear."""
    monkeypatch.setattr(witnessing, "MOST_EXPLAINED_S", 2.0)
    silence = [np.zeros(6 * RATE_HZ, np.float32)]
    with EvidenceRecorder(model) as recorder:
        prediction = run_inference(model, silence, forward=recorder)
        recorder.choose([prediction.strongest("bell")])
        run_body(model.body, silence, forward=recorder, wanted=recorder.wants)
        (batch,) = recorder.batches(0)
    assert batch.windows[batch.indices[0]].silent


def test_a_stretch_asked_for_is_kept(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows that overlap it, wherever it lies in a recording of any length, and no others."""
    monkeypatch.setattr(witnessing, "MOST_EXPLAINED_S", 2.0)
    with EvidenceRecorder(model, span_s=(5.25, 5.75)) as recorder:
        run_inference(model, [sound(20.0)], forward=recorder)
        spans = [batch.windows[place].start_s for batch in recorder.batches(0) for place in batch.indices]
    assert spans == [4.5, 5.0, 5.5]


def test_a_span_after_the_end_is_refused(model: Model) -> None:
    """The container's word for its length may have been wrong."""
    with EvidenceRecorder(model, span_s=(7.0, 8.0)) as recorder:
        run_inference(model, [sound(2.0)], forward=recorder)
        with pytest.raises(InvalidRequest, match="start_s: must be before the recording's end"):
            recorder.batches(0)


def test_features_are_kept_with_their_windows(model: Model) -> None:
    """Depths and single blocks, batch by batch."""
    with EvidenceRecorder(model, features=["layer4.1", "conv1"]) as recorder:
        run_inference(model, [sound(6.0)], forward=recorder)
        names = [[found.name for found in batch.features] for batch in recorder.batches(0)]
        means = [[len(found.mean) for found in batch.features] for batch in recorder.batches(0)]
    assert names == [["layer4.1", "conv1"]] * 2
    assert means == [[8, 8], [3, 3]]


def test_nothing_is_left_behind(model: Model) -> None:
    """No hook on the network, no batch, whatever happened inside."""
    recorder = EvidenceRecorder(model, features=["layer1.0"])
    with pytest.raises(UndecodableRecording), recorder:
        run_inference(model, chain([sound(2.0)], _broken()), forward=recorder)
    assert not any(module._forward_hooks for module in model.network.modules())
    assert not recorder._kept


def _broken() -> Iterator[Samples]:
    yield from ()
    raise UndecodableRecording("in the middle")


def test_unknown_layers_are_refused_before_any_pass(model: Model) -> None:
    """By either of the two that know."""
    with pytest.raises(UnknownLayer, match="layer: there is no layer5"):
        EvidenceRecorder(model, "layer5")
    with pytest.raises(UnknownLayer, match="layers: there is no fc"):
        EvidenceRecorder(model, features=["fc"])


def test_memory_does_not_grow_with_the_recording(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three minutes hold no more samples than forty seconds; what is left is the prediction's own few numbers."""
    monkeypatch.setattr(witnessing, "MOST_EXPLAINED_S", 4.0)
    block = sound(1.0)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        with torch.no_grad(), EvidenceRecorder(model, features=()) as recorder:
            run_inference(model, (block for _ in range(blocks)), forward=recorder)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(2)
    assert peak(180) < peak(40) + 1_000_000
