"""A body is fine-tuned from published weights, stays near them, and continues where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from phonoscope.catalogue import Catalogue
from phonoscope_ml.frontends import build_front_end
from phonoscope_ml.networks import MobileNet
from phonoscope_ml.registry import load_body
from phonoscope_training.__main__ import main
from phonoscope_training.bodies.export import export_body
from phonoscope_training.bodies.fit import fit, interpolated, new_training, published_body
from phonoscope_training.bodies.recipe import BodyRecipe
from phonoscope_training.checkpoint import load_checkpoint, save_checkpoint
from phonoscope_training.errors import InvalidRun, TrainingError
from phonoscope_training.sounds import Sounds, read_sounds
from phonoscope_training.training import Epoch
from tests.support import tone_wav

RECIPE = """
[[sounds]]
source = "folders"
path = "sounds"
folds = 2
full_band = true

[[sounds]]
source = "files"
path = "others"
labelled = false

[front_end]
kind = "kaldi"
sample_rate_hz = 32_000
n_fft = 1_024
hop_length = 320
n_mels = 128
f_min_hz = 0.0
f_max_hz = 15_000.0
win_length = 800
pre_emphasis = 0.97
window_s = 0.7
window_hop_s = 0.7

[arguments]
width = 0.1

[augmentation]
gain_db = 6.0
high_band = 0.5
mix = 0.5
bands = 4
frames = 4

[schedule]
epochs = 2
batch = 6
peak_rate = 1e-3
ema_decay = 0.5

[card]
data = "tones"
licence = "none"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones, eight of each, four recordings without a label, and the weights to start from."""
    root = tmp_path_factory.mktemp("bodies")
    for label, hertz in (("high", 6_000.0), ("low", 300.0)):
        (root / "sounds" / label).mkdir(parents=True)
        for number in range(8):
            clip = tone_wav(0.7, hertz * (1 + 0.02 * number), 32_000, seed=number)
            (root / "sounds" / label / f"{number}.wav").write_bytes(clip)
    (root / "others").mkdir()
    for number in range(4):
        (root / "others" / f"{number}.wav").write_bytes(tone_wav(0.7, 1_000.0, 32_000, seed=20 + number))
    torch.manual_seed(7)
    network = MobileNet(0.1)
    torch.nn.init.normal_(network.penultimate.weight, 0.0, 0.3)
    save_file(network.state_dict(), root / "published.safetensors")
    (root / "body.toml").write_text(RECIPE)
    return root


@pytest.fixture(scope="module")
def recipe(root: Path) -> BodyRecipe:
    """The recipe."""
    return BodyRecipe.read(root / "body.toml")


@pytest.fixture(scope="module")
def published(root: Path, recipe: BodyRecipe) -> dict[str, Tensor]:
    """The weights to start from."""
    return published_body(root / "published.safetensors", recipe)


@pytest.fixture(scope="module")
def sounds(root: Path, recipe: BodyRecipe) -> Sounds:
    """The recordings."""
    return read_sounds(recipe.sounds, root, replace(recipe.front_end, window_s=0.7, window_hop_s=0.7))


def test_it_begins_at_the_fitted_head(sounds: Sounds, recipe: BodyRecipe, published: dict[str, Tensor]) -> None:
    """Before the first step the network knows the tones that it is taught, with the published body."""
    training = new_training(sounds, recipe, published)
    weights = training.network.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in published.items())
    labelled = sounds.part(sounds.targets >= 0)
    with torch.inference_mode():
        logits = training.network(build_front_end(recipe.front_end)(labelled.wave(torch.arange(16)))).logits
    assert (logits.argmax(1) == labelled.targets).double().mean() > 0.9


def test_a_stopped_training_ends_with_the_same_weights(
    tmp_path: Path, sounds: Sounds, recipe: BodyRecipe, published: dict[str, Tensor]
) -> None:
    """A checkpoint holds all that the next epoch depends on."""

    def keep(epoch: Epoch) -> None:
        if epoch.number == 1:
            save_checkpoint(epoch.training, tmp_path / "checkpoint.safetensors")

    whole = fit(sounds, new_training(sounds, recipe, published), published, [keep]).state_dict()
    continued = new_training(sounds, recipe, published)
    load_checkpoint(continued, tmp_path / "checkpoint.safetensors")
    assert continued.epochs_done == 1
    rest = fit(sounds, continued, published).state_dict()
    assert all(torch.equal(rest[name], value) for name, value in whole.items())
    assert any(not torch.equal(published[name], whole[name]) for name in published)


def test_batch_statistics_stay_the_published_ones(
    sounds: Sounds, recipe: BodyRecipe, published: dict[str, Tensor]
) -> None:
    """They come from far more recordings than there are here."""
    tuned = fit(sounds, new_training(sounds, recipe, published), published).state_dict()
    statistics = [name for name in published if name.endswith(("running_mean", "running_var"))]
    assert statistics
    assert all(torch.equal(tuned[name], published[name]) for name in statistics)


def test_an_anchor_keeps_the_embedding_near(sounds: Sounds, recipe: BodyRecipe, published: dict[str, Tensor]) -> None:
    """The heavier it weighs, the less the embedding of the recordings changes."""
    front_end = build_front_end(recipe.front_end)
    spectrograms = front_end(sounds.wave(torch.arange(len(sounds))))
    start = new_training(sounds, recipe, published).network
    changes = []
    for weight in (0.0, 100.0):
        schedule = recipe.schedule.model_copy(update={"anchor": weight, "epochs": 6})
        changed = recipe.model_copy(update={"schedule": schedule})
        network = fit(sounds, new_training(sounds, changed, published), published)
        with torch.inference_mode():
            changes.append((network(spectrograms).embedding - start(spectrograms).embedding).norm().item())
    assert changes[1] < 0.9 * changes[0]


def test_shares_lie_on_the_line_between_the_weights() -> None:
    """A share of 0 is the published network, 1 the tuned one; counters are the published ones."""
    published = {"weight": torch.tensor([0.0, 2.0]), "count": torch.tensor(3)}
    tuned = {"weight": torch.tensor([4.0, 4.0]), "count": torch.tensor(9)}
    quarter = interpolated(published, tuned, 0.25)
    assert quarter["weight"].tolist() == [1.0, 2.5]
    assert quarter["count"].item() == 3
    assert interpolated(published, tuned, 1.0)["weight"].tolist() == [4.0, 4.0]


@pytest.fixture(scope="module")
def run(root: Path) -> Path:
    """A finished run."""
    fit_body = ["fit", "body.toml", "--start", "published.safetensors", "--data", str(root), "--run", "run"]
    assert command(root, *fit_body) == 0
    return root / "run"


def command(root: Path, *arguments: str) -> int:
    """The exit status of ``phonoscope-train body``."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(root)
        monkeypatch.setattr("sys.argv", ["phonoscope-train", "body", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
    return int(stopped.value.code or 0)


def test_the_command_scores_every_share_and_fits_the_final_weights(run: Path) -> None:
    """The run's folder has the scores of a fold and the weights of both fits."""
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics["shares"]) == ["0", "0.25", "0.5", "0.75", "1"]
    assert metrics["shares"]["1"]["0.01"]["sounds"] > 0.8
    assert "stem.conv.weight" in load_file(run / "final" / "weights.safetensors")


def test_an_exported_body_can_be_served(root: Path, run: Path, published: dict[str, Tensor]) -> None:
    """The catalogue has it, and its weights lie at the best share between the published and the tuned ones."""
    exported = ("export", "run", "--start", "published.safetensors", "--to", "models/small", "--card", "cards")
    assert command(root, *exported) == 0
    catalogue = Catalogue(root / "models")
    body = load_body(catalogue.bodies["small"], catalogue.folder("small"), torch.device("cpu"))
    share = catalogue.bodies["small"].metrics["share"]
    assert share > 0.0
    tuned = load_file(run / "final" / "weights.safetensors")
    expected = torch.lerp(published["penultimate.weight"], tuned["penultimate.weight"], share)
    torch.testing.assert_close(body.network.state_dict()["penultimate.weight"], expected, atol=1e-3, rtol=1e-3)
    held_out = load_file(run / "fold-1" / "weights.safetensors")
    twin = load_file(run / "fold-1" / "models" / "small" / "weights.safetensors")
    expected = torch.lerp(published["penultimate.weight"], held_out["penultimate.weight"], share)
    torch.testing.assert_close(twin["penultimate.weight"].float(), expected, atol=1e-3, rtol=1e-3)
    assert f"| tuned share of the weights | {share:g} |" in (root / "cards" / "small.md").read_text()


def test_an_unfinished_run_is_not_exported(tmp_path: Path, published: dict[str, Tensor]) -> None:
    """The error names what is missing."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    with pytest.raises(InvalidRun, match="not finished"):
        export_body(tmp_path, tmp_path / "body", published)


def test_weights_that_cannot_be_read_are_named(tmp_path: Path, recipe: BodyRecipe) -> None:
    """The command ends with a sentence, not a traceback."""
    with pytest.raises(TrainingError, match=r"nothing\.safetensors"):
        published_body(tmp_path / "nothing.safetensors", recipe)
