"""Heads on bodies: shared bodies, one pass for many heads, evidence, and what happens when a body is absent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope.catalogue.architectures import ARCHITECTURES, METHODS
from phonoscope.errors import BodyAbsent, InvalidManifest, UnknownLayer, WeightsMismatch
from phonoscope_ml.attribution import Attribution
from phonoscope_ml.explain import explain
from phonoscope_ml.features import FeatureTap
from phonoscope_ml.heads import Head, HeadedNetwork
from phonoscope_ml.inference import BodyPass, Prediction, predict, run_body, run_inference
from phonoscope_ml.loaded import LoadedModels
from phonoscope_ml.networks import build_network
from phonoscope_ml.recorder import EvidenceRecorder
from phonoscope_ml.trust import randomised
from tests.unit.ml.headed import MUSIC, write_body, write_head


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bodies; a softmax and a sigmoid head on the first, and a head on both."""
    folder = tmp_path_factory.mktemp("models")
    general, music = write_body(folder / "general", "mobilenet"), write_body(folder / "music", "musicnn", MUSIC)
    write_head(folder / "one-of", {"general": general}, 896)
    write_head(folder / "any-of", {"general": general}, 896, activation="sigmoid")
    write_head(folder / "both", {"general": general, "music": music}, 896 + 400)
    return folder


@pytest.fixture(scope="module")
def models(folder: Path) -> LoadedModels:
    """The models of the folder."""
    return LoadedModels(LiveCatalogue(folder), torch.device("cpu"))


def noise(rate_hz: int, seconds: float = 2.5) -> np.ndarray:
    """The same noise at every rate, but for its bandwidth."""
    found = np.random.default_rng(4).standard_normal(round(seconds * rate_hz))
    return (0.1 * found).astype(np.float32)


def test_heads_share_their_body(models: LoadedModels) -> None:
    """It is in memory once, and loaded when a head first needs it."""
    assert models.get("one-of").body is models.get("any-of").body is models.get("both").body


def test_one_pass_of_a_body_serves_its_heads(models: LoadedModels) -> None:
    """Each head reads the same features, and gives what it gives by itself."""
    one, many = models.get("one-of"), models.get("any-of")
    heard = run_body(one.body, [noise(8_000)])
    for model in (one, many):
        alone = run_inference(model, [noise(8_000)])
        np.testing.assert_allclose(predict(model, [heard]).probabilities, alone.probabilities, rtol=1e-5)
    np.testing.assert_allclose(predict(one, [heard]).probabilities.sum(axis=1), 1.0, rtol=1e-5)
    logits = many.network.classify(torch.from_numpy(heard.features))
    np.testing.assert_allclose(predict(many, [heard]).probabilities, (logits / 2.0).sigmoid().numpy(), rtol=1e-4)


def test_each_label_has_its_threshold() -> None:
    """A window is unknown when every label is below its own threshold, not the lowest of all."""
    rows = np.array([[0.6, 0.1], [0.6, 0.35]], dtype=np.float32)
    thresholds = np.array([0.7, 0.3], dtype=np.float32)
    spans = [(0.0, 1.0), (0.5, 1.5)]
    prediction = Prediction(["a", "b"], thresholds, spans, rows, np.zeros(2, dtype=bool), np.zeros(512, np.float32))
    assert [prediction.window(index, 1)["unknown"] for index in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("row", "one", "many"),
    [
        ([0.8, 0.7, 0.1], ["a"], ["a", "b"]),
        ([0.4, 0.2, 0.3], ["a"], ["c"]),
        ([0.4, 0.2, 0.1], [], []),
    ],
    ids=["two above", "only the less probable", "none"],
)
def test_the_labels_that_count(row: list[float], one: list[str], many: list[str]) -> None:
    """All above their own thresholds where several hold, else the most probable one; in silence none."""
    thresholds = np.array([0.5, 0.5, 0.25], dtype=np.float32)
    rows, spans = np.array([row], dtype=np.float32), [(0.0, 1.0)]
    whole = Prediction(["a", "b", "c"], thresholds, spans, rows, np.zeros(1, bool), np.zeros(512, np.float32))
    assert (whole.heard(several=False), whole.heard(several=True)) == (one, many)
    silent = replace(whole, silent=np.ones(1, bool))
    assert (silent.heard(several=False), silent.heard(several=True)) == ([], [])


def test_a_head_on_two_bodies_hears_both_at_the_same_time(models: LoadedModels) -> None:
    """The second body's features are those of the windows that overlap, and they matter."""
    model = models.get("both")
    passes = [run_body(body, [noise(body.front_end.settings.sample_rate_hz)]) for body in model.bodies]
    first, second = passes
    joined = np.concatenate([first.features, second.during(first.spans_s)], axis=1)
    wanted = model.network.probabilities(model.network.classify(torch.from_numpy(joined))).numpy()
    np.testing.assert_allclose(predict(model, passes).probabilities, wanted)
    changed = BodyPass(second.spans_s, second.features + 1.0, second.silent, second.embedding, second.vectors)
    assert not np.allclose(predict(model, [first, changed]).probabilities, wanted, atol=1e-3)


def test_features_of_other_windows_are_means_by_overlap() -> None:
    """A window that lies half in each of two others hears both alike; one after the end hears the last."""
    features = np.array([[0.0], [1.0], [4.0]], dtype=np.float32)
    spans, silent = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)], np.zeros(3, dtype=bool)
    heard = BodyPass(spans, features, silent, None, np.zeros((3, 512), np.float16))
    found = heard.during([(0.5, 1.5), (1.0, 2.0), (1.75, 2.25), (3.5, 4.0)])
    np.testing.assert_allclose(found[:, 0], [0.5, 1.0, 2.5, 4.0])


@pytest.mark.parametrize("name", ["one-of", "any-of", "both"])
def test_a_head_s_labels_are_explained(models: LoadedModels, name: str) -> None:
    """The recorder's pass gives the probabilities of a plain one, and evidence with its trust at every layer."""
    model = models.get(name)
    others = [run_body(body, [noise(body.front_end.settings.sample_rate_hz)]) for body in model.others]
    plain = predict(model, [run_body(model.body, [noise(8_000)]), *others])
    for layer in model.network.depths.layers:
        with EvidenceRecorder(model, layer, others=others) as recorder:
            heard = run_body(model.body, [noise(8_000)], forward=recorder)
            assert np.allclose(predict(model, [heard, *others]).probabilities, plain.probabilities, atol=1e-5)
            found = explain(recorder, "rain", "grad-cam")
            assert [part.probability for part in found.parts] == pytest.approx(plain.probabilities[:, 1], abs=1e-5)
            assert found.heatmap.shape[0] == 32
    trust = found.trust()
    assert trust is not None
    assert all(np.isfinite(value) for value in vars(trust).values())


@pytest.mark.parametrize("architecture", ["mobilenet", "musicnn"])
def test_evidence_and_feature_maps_exist_at_every_depth(architecture: str) -> None:
    """By every method, at the spectrogram's resolution; musicnn's evidence is the same in all bands."""
    torch.manual_seed(3)
    network = HeadedNetwork(build_network(architecture, {}).eval(), Head(build_network(architecture, {}).features, 4))
    seen = torch.rand(2, 1, 96, 64)
    for layer in network.depths.layers:
        with Attribution(network, layer) as attribution:
            output = attribution(seen)
            for method in METHODS:
                heatmaps = attribution.heatmaps(output, 1, method)
                assert heatmaps.values.shape == (2, 96, 64)
                assert np.isfinite(heatmaps.values).all()
                if architecture == "musicnn":
                    assert np.ptp(heatmaps.values, axis=1).max() < 1e-6
    with FeatureTap(network, network.depths.names) as tap, torch.inference_mode():
        assert [one.name for one in tap.features(network(seen))] == network.depths.names
    with pytest.raises(UnknownLayer, match=network.depths.layers[0]):
        Attribution(network, "layer4")


def test_a_randomised_network_keeps_all_but_its_deciding_part() -> None:
    """The head and the last layer are drawn again; the layers before them are shared."""
    network = HeadedNetwork(build_network("mobilenet", {}).eval(), Head(896, 4))
    twin = randomised(network, 1)
    assert twin.layer("stage6") is network.layer("stage6")
    for name in ("body.last.conv", "body.penultimate", "head.linear"):
        assert not torch.equal(twin.get_parameter(f"{name}.weight"), network.get_parameter(f"{name}.weight"))


def test_a_card_describes_the_bodies_that_the_head_runs_on(tmp_path: Path) -> None:
    """Their network, digest, data and licence; the layers are the first one's."""
    digests = {name: write_body(tmp_path / name, name) for name in ("mobilenet", "musicnn")}
    published = tmp_path / "musicnn" / "manifest.json"
    origin = {"package": "musicnn==0.1.0", "sha256": "0" * 64}
    published.write_text(json.dumps(json.loads(published.read_text()) | {"origin": origin}))
    write_head(tmp_path / "both", digests, 1_024)
    card = Catalogue(tmp_path).get("both").card()
    told = [(body.name, body.architecture, body.digest, body.data, body.licence) for body in card.bodies]
    assert told == [(name, name, f"sha256:{digest}", "none", "none") for name, digest in digests.items()]
    assert [body.origin for body in card.bodies] == [None, origin]
    assert card.layers == list(ARCHITECTURES["mobilenet"].layers)
    assert card.default_layer == ARCHITECTURES["mobilenet"].evidence


def test_a_head_whose_body_is_absent_names_the_command(tmp_path: Path) -> None:
    """It is not listed among the served ones; named, it is a typed error and stops no other model."""
    write_head(tmp_path / "lonely", {"mn04": "0" * 64}, 896)
    catalogue = Catalogue(tmp_path)
    assert list(catalogue.manifests) == []
    with pytest.raises(BodyAbsent, match="lonely needs mn04: run `phonoscope models pull mn04`"):
        catalogue.get("lonely")


def test_a_body_with_another_digest_is_not_used(tmp_path: Path) -> None:
    """A head on other weights would tell nonsense."""
    write_body(tmp_path / "general", "mobilenet")
    write_head(tmp_path / "odd", {"general": "0" * 64}, 896)
    with pytest.raises(BodyAbsent, match="odd was taught on another general"):
        Catalogue(tmp_path).get("odd")


def test_the_first_choice_whose_bodies_are_there_is_used(tmp_path: Path) -> None:
    """The shipped body where the pulled one is absent, the pulled one as soon as it is there."""
    shipped = write_body(tmp_path / "shipped", "mobilenet")
    manifest = write_head(tmp_path / "env", {"shipped": shipped}, 896)
    pulled = write_body(tmp_path / "elsewhere" / "pulled", "mobilenet", seed=2)
    preferred = manifest["on"][0] | {"bodies": [{"name": "pulled", "digest": pulled}]}
    (tmp_path / "env" / "manifest.json").write_text(json.dumps(manifest | {"on": [preferred, *manifest["on"]]}))
    models = LoadedModels(LiveCatalogue(tmp_path), torch.device("cpu"))
    before = models.get("env")
    assert (before.body.name, before.space.digest) == ("shipped", f"sha256:{shipped}")
    (tmp_path / "elsewhere" / "pulled").rename(tmp_path / "pulled")
    after = models.get("env")
    assert (after.body.name, after.space.digest) == ("pulled", f"sha256:{pulled}")


def test_weights_that_do_not_fit_the_bodies_are_refused(tmp_path: Path) -> None:
    """A head for more features than its body has."""
    write_head(tmp_path / "wide", {"general": write_body(tmp_path / "general", "mobilenet")}, 900)
    with pytest.raises(WeightsMismatch, match="does not fit wide"):
        LoadedModels(LiveCatalogue(tmp_path), torch.device("cpu")).get("wide")


def test_a_body_of_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    """The error names the file, the architecture and those there are."""
    write_body(tmp_path / "general", "mobilenet")
    path = tmp_path / "general" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architecture": "vgg"}))
    with pytest.raises(InvalidManifest, match="unknown architecture 'vgg'; known: resnet18"):
        Catalogue(tmp_path).check("general")


def test_unused_models_are_dropped_when_memory_is_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those asked for lately stay, and with them the body that they share."""
    models = LoadedModels(LiveCatalogue(folder), torch.device("cpu"))
    first, clock = models.get("one-of"), [10_000.0]
    monkeypatch.setattr("phonoscope_ml.loaded.monotonic", lambda: clock[0])
    models.get("one-of")
    clock[0] += 601.0
    models.get("any-of")
    assert models.get("one-of") is first
    clock[0] += 601.0
    models.get("any-of")
    monkeypatch.setattr("phonoscope_ml.loaded.available_bytes", lambda: 0)
    models.get("both")
    assert models.get("one-of") is not first
    assert models.get("one-of").body is first.body


def test_a_head_can_say_none_of_its_labels() -> None:
    """Logits are relative to that of none: far below 0 all labels are improbable, far above they share 1."""
    head = Head(4, 3, "softmax-none")
    none, some, undecided = head.probabilities(torch.tensor([[-9.0] * 3, [9.0, -9.0, -9.0], [0.0] * 3]))
    assert none.sum() < 0.001
    assert some[0] > 0.999
    torch.testing.assert_close(undecided, torch.full((3,), 0.25))
