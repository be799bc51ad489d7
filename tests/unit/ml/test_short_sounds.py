"""A short sound in a longer recording is found where it sounds, by a published network on real recordings."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from phonoscope.audio.samples import Samples
from phonoscope.catalogue import Manifest
from phonoscope.catalogue.architectures import METHODS, Method
from phonoscope_ml.bodies import Body
from phonoscope_ml.explain import Explanation, explain
from phonoscope_ml.frontends import KaldiLogMel, KaldiSettings
from phonoscope_ml.inference import run_inference
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.registry import Model
from tests.unit.ml.published import mn04, published, samples

SETTINGS = KaldiSettings()
RATE_HZ = SETTINGS.sample_rate_hz
SOUND_S, TOLERANCE_S = 0.3, 0.3
SOUNDS = {
    "Bark": "esc10/audio/4-182395-A.ogg",
    "Sneeze": "esc10/audio/4-156843-A.ogg",
    "Knock": "esc50/audio/4-182034-A-30.ogg",
}


@pytest.fixture(scope="module")
def tagger(model: Model) -> Model:
    """``mn04_as`` with AudioSet's labels."""
    with published("audioset_labels.csv").open(newline="", encoding="utf-8") as file:
        labels = [row["display_name"] for row in csv.DictReader(file)]
    assert isinstance(model.manifest, Manifest)
    manifest = model.manifest.model_copy(update={"labels": labels})
    body = Body("mn04", manifest.identity, KaldiLogMel(SETTINGS).eval(), mn04(), torch.device("cpu"))
    return Model(manifest, body, body.network)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("label", SOUNDS)
def test_a_short_sound_in_a_window_is_found(tagger: Model, label: str, method: Method) -> None:
    """Its strongest column lies within 0.3 s of it, also at the window's edges."""
    for start_s in (0.0, 0.6, 2.35, 4.7):
        _assert_found(_explained(tagger, label, method, start_s, 5.0), start_s)


@pytest.mark.parametrize("method", METHODS)
def test_a_bark_is_read_where_it_sounds(tagger: Model, method: Method) -> None:
    """Faint evidence all over the window does not widen the region."""
    for start_s in (0.0, 1.53, 2.35, 3.4, 4.7):
        _assert_read(_explained(tagger, "Bark", method, start_s, 5.0), start_s)


@pytest.mark.parametrize("method", METHODS)
def test_a_bark_in_overlapping_windows_is_found(tagger: Model, method: Method) -> None:
    """Where several windows have heard it, and near the ends of twelve seconds."""
    for start_s in (0.1, 4.9, 7.3, 11.6):
        found = _explained(tagger, "Bark", method, start_s, 12.0)
        _assert_found(found, start_s)
        _assert_read(found, start_s)


def _explained(tagger: Model, label: str, method: Method, start_s: float, seconds: float) -> Explanation:
    with EvidenceRecorder(tagger, features=()) as recorder:
        run_inference(tagger, [_recording(SOUNDS[label], start_s, seconds)], forward=recorder)
        return explain(recorder, label, method)


def _assert_found(found: Explanation, start_s: float) -> None:
    strongest_s = found.grid.seconds[found.heatmap.sum(axis=0).argmax()]
    assert start_s - TOLERANCE_S <= strongest_s <= start_s + SOUND_S + TOLERANCE_S


def _assert_read(found: Explanation, start_s: float) -> None:
    region = found.evidence.region
    assert region is not None
    assert (region.start_s + region.end_s) / 2 == pytest.approx(start_s + SOUND_S / 2, abs=TOLERANCE_S)


def _recording(file: str, start_s: float, seconds: float) -> Samples:
    """The loudest 0.3 s of a recording, with soft ends, in quiet noise."""
    whole, length = samples(file, RATE_HZ)[0].numpy(), round(SOUND_S * RATE_HZ)
    energy = np.concatenate([[0.0], np.square(whole, dtype=np.float64).cumsum()])
    loudest = int((energy[length:] - energy[:-length]).argmax())
    fade = np.minimum(np.arange(length), np.arange(length)[::-1]).clip(0, 160) / 160
    part = whole[loudest : loudest + length] * fade
    noise = np.random.default_rng(round(start_s * 100)).standard_normal(round(seconds * RATE_HZ)) * 1e-3
    first = round(start_s * RATE_HZ)
    noise[first : first + length] += 0.5 * part / np.abs(part).max()
    return noise.astype(np.float32)
