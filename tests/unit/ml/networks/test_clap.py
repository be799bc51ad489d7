"""CLAP's audio tower as a body gives the vectors of ``transformers``' own pipeline."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ClapModel

from phonoscope.audio.samples import Samples
from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.errors import ExtraAbsent, UnknownModel, WeightsMismatch
from phonoscope_ml.bodies import Body
from phonoscope_ml.frontends import ClapSettings, build_front_end
from phonoscope_ml.inference import run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.networks import build_network
from tests.clap import AUDIO, TEXT, TRUE_AUDIO, pull_clap, random_clap, small_clap
from tests.unit.ml.frontends.test_clap import RATE_HZ, extractor, music, tone

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of models with a small CLAP, pulled; changed by no test."""
    folder = tmp_path_factory.mktemp("models")
    pull_clap(folder, small_clap())
    return folder


@pytest.fixture(scope="module")
def body(folder: Path) -> Body:
    return LoadedModels(LiveCatalogue(folder), CPU).body("clap")


def by_transformers(model: ClapModel, recording: Samples) -> Samples:
    """The vector of at most 10 s by their feature extractor and their model."""
    features = extractor()(recording, sampling_rate=RATE_HZ, return_tensors="pt")
    with torch.inference_mode():
        found = model.get_audio_features(**features).pooler_output
    return np.asarray(found.numpy()[0], dtype=np.float32)


def test_a_recording_has_the_vectors_of_transformers(body: Body) -> None:
    """Window by window, from samples to vectors of length 1; the last window ends with the recording."""
    recording = music(25 * RATE_HZ)
    heard = run_body(body, np.array_split(recording, 40))
    assert heard.spans_s == [(0.0, 10.0), (10.0, 20.0), (15.0, 25.0)]
    for (start_s, end_s), vector in zip(heard.spans_s, heard.vectors, strict=True):
        part = recording[int(start_s * RATE_HZ) : int(end_s * RATE_HZ)]
        np.testing.assert_allclose(vector, by_transformers(small_clap(), part), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(heard.vectors, axis=1), 1.0, atol=1e-5)
    assert np.abs(heard.vectors[0] - heard.vectors[2]).max() > 1e-3


def test_what_nobody_hears_is_silent(body: Body) -> None:
    """An offset and rumble have no vector, as in the spaces of other bodies."""
    offset, silence = np.full(20 * RATE_HZ, 0.5, np.float32), np.zeros(20 * RATE_HZ, np.float32)
    rumble = (0.2 * np.sin(2 * np.pi * 5.0 * np.arange(20 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    for recording in (offset, silence):
        heard = run_body(body, np.array_split(recording, 7))
        assert heard.silent.all()
        assert heard.embedding is None
    assert run_body(body, np.array_split(rumble, 7)).silent[1]


@pytest.mark.parametrize("samples", [7 * RATE_HZ, 3 * RATE_HZ, 2_000])
def test_a_short_recording_has_the_vector_of_transformers(body: Body, samples: int) -> None:
    """It is repeated as often as it fits into the window."""
    recording = tone(samples)
    (vector,) = run_body(body, [recording]).vectors
    np.testing.assert_allclose(vector, by_transformers(small_clap(), recording), atol=1e-4)


def test_the_true_configuration_gives_the_vectors_of_transformers() -> None:
    """69 million parameters, in a batch as by themselves."""
    model = random_clap(TRUE_AUDIO, TEXT, seed=1)
    kept = {name: value for name, value in model.state_dict().items() if name.startswith("audio_")}
    network = build_network("clap", TRUE_AUDIO).eval()
    network.load_state_dict({name: value for name, value in kept.items() if value.is_floating_point()})
    assert sum(value.numel() for value in network.parameters()) == 68_611_864
    recordings = [music(480_000), tone(480_000)]
    with torch.inference_mode():
        found = network(build_front_end(ClapSettings())(torch.from_numpy(np.stack(recordings)))).embedding.numpy()
    for vector, recording in zip(found, recordings, strict=True):
        np.testing.assert_allclose(vector, by_transformers(model, recording), atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_half_precision_gives_nearly_the_same(body: Body) -> None:
    """As it runs on a GPU; here by the processor's own half precision, which is coarser."""
    windows = body.spectrograms(torch.from_numpy(np.stack([music(480_000), tone(480_000)])))
    with torch.inference_mode():
        whole = body.network(windows).embedding
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = body.network(windows).embedding
    assert (half * whole).sum(dim=-1).min() > 0.99
    assert (half - whole).abs().max() > 1e-5


def test_a_body_is_loaded_once_and_again_when_it_is_another(tmp_path: Path) -> None:
    """Beside models, which do not push it out; a body that is removed is unknown."""
    place = pull_clap(tmp_path, small_clap())
    models = LoadedModels(LiveCatalogue(tmp_path), CPU)
    before = models.body("clap")
    assert models.body("clap") is before
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    with pytest.raises(UnknownModel, match="no body 'clap'"):
        models.body("clap")
    pull_clap(tmp_path, small_clap(1))
    assert models.body("clap") is not before


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    """By their digest."""
    place = pull_clap(tmp_path, small_clap())
    path = place / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsMismatch, match="weights"):
        LoadedModels(LiveCatalogue(tmp_path), CPU).body("clap")


def test_without_the_extra_the_command_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else of the catalogue is lost with it."""
    monkeypatch.delitem(sys.modules, "phonoscope_ml.networks.clap", raising=False)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ExtraAbsent, match=r"transformers is not .*: run `pip install 'phonoscope\[clap\]'`"):
        LoadedModels(LiveCatalogue(folder), CPU).body("clap")
    assert Catalogue(folder).with_text is not None


def test_it_has_no_labels() -> None:
    """A head of its own would be no part of what is published."""
    with pytest.raises(ValueError, match="clap has no labels"):
        build_network("clap", AUDIO, labels=2)
