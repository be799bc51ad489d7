"""From a folder of labelled recordings to a served model, through the commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from phonoscope.audio.decode import Recording
from phonoscope_ml.inference import run_inference
from phonoscope_ml.registry import load_model
from phonoscope_training.__main__ import main
from phonoscope_training.callbacks import CHECKPOINT
from phonoscope_training.card import model_card
from tests.support import tone_wav

RECIPE = """
[data]
source = "folders"
path = "sounds"
folds = 2

[strangers]
source = "folders"
path = "strange"

[front_end]
sample_rate_hz = 16_000
n_fft = 512
hop_length = 320
n_mels = 40
f_min_hz = 0.0
f_max_hz = 8_000.0
range_db = 80.0
quietest_peak_db = -40.0
scaling = "range"
frame_offset = 0.0
frame_step = 1.0
window_s = 0.5
window_hop_s = 0.5

[network]
architecture = "resnet18"

[augmentation]
roll = true

[schedule]
epochs = 4
batch = 6
peak_rate = 1e-3
ema_decay = 0.5
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones, eight of each, and two noises of another kind."""
    root = tmp_path_factory.mktemp("training")
    for label, hertz in (("high", 4_000.0), ("low", 300.0)):
        (root / "sounds" / label).mkdir(parents=True)
        for number in range(8):
            clip = tone_wav(0.5, hertz * (1 + 0.03 * number), 16_000, seed=number)
            (root / "sounds" / label / f"{number}.wav").write_bytes(clip)
    for label, hertz in (("middle", 1_200.0), ("low", 310.0)):
        (root / "strange" / label).mkdir(parents=True)
        for number in range(2):
            (root / "strange" / label / f"{number}.wav").write_bytes(tone_wav(0.5, hertz, 16_000, seed=number))
    (root / "tones.toml").write_text(RECIPE)
    return root


def train(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: str) -> int:
    """The command's exit status."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("PHONOSCOPE_DATA", str(root))
    monkeypatch.setattr("sys.argv", ["phonoscope-train", *arguments])
    try:
        main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture(scope="module")
def run(root: Path) -> Path:
    """A finished run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, root, "fit", "tones.toml", "--data", str(root)) == 0
    return root / "runs" / "tones"


@pytest.fixture(scope="module")
def model(root: Path, run: Path) -> Path:
    """The exported model."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train(monkeypatch, root, "export", str(run), "--to", "models/tones", "--card", "cards") == 0
    return root / "models" / "tones"


def test_a_run_keeps_everything_that_made_it(root: Path, run: Path) -> None:
    """Recipe, environment, metrics, and for each fit weights, epochs and TensorBoard's log; no checkpoint is left."""
    assert (run / "recipe.toml").read_text() == RECIPE
    assert json.loads((run / "environment.json").read_text())["torch"] == torch.__version__
    for name in ("fold-1", "fold-2", "final"):
        assert (run / name / "weights.safetensors").exists()
        assert len((run / name / "epochs.csv").read_text().splitlines()) == 5
        assert list((run / name / "tensorboard").glob("events.out.tfevents.*"))
        assert not (run / name / CHECKPOINT).exists()
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["labels"] == ["high", "low"]
    assert metrics["cross_validation"]["recordings"] == 16
    assert metrics["cross_validation"]["accuracy_mean"] > 0.9


def test_a_model_that_is_exported_again_is_a_new_version(
    monkeypatch: pytest.MonkeyPatch, root: Path, run: Path
) -> None:
    """Whoever compares two manifests knows which is the later one."""
    for version in (1, 2):
        assert train(monkeypatch, root, "export", str(run), "--to", "models/again", "--card", "cards") == 0
        assert json.loads((root / "models" / "again" / "manifest.json").read_text())["version"] == version


def test_strangers_are_those_of_no_known_label(run: Path) -> None:
    """A stranger that bears one of the model's labels is no stranger."""
    assert json.loads((run / "metrics.json").read_text())["unknown"]["strangers"] == 2


def test_the_model_can_be_served_at_once(root: Path, model: Path) -> None:
    """Two commands after a folder of recordings, a tone that was in no file gets its label."""
    served = load_model(model, torch.device("cpu"))
    (root / "new.wav").write_bytes(tone_wav(1.5, 4_300.0, 16_000, seed=77))
    with (root / "new.wav").open("rb") as file, Recording(file) as recording:
        heard = run_inference(served, recording.mono(16_000))
    assert heard.summary(1)["top"][0]["label"] == "high"
    assert heard.embedding is not None
    assert heard.embedding.shape == (512,)


def test_the_temperature_is_in_the_last_layer(run: Path, model: Path) -> None:
    """Served logits are those of the run divided by it; all else is as it was trained."""
    trained, served = load_file(run / "final" / "weights.safetensors"), load_file(model / "weights.safetensors")
    temperature = json.loads((run / "metrics.json").read_text())["calibration"]["temperature"]
    torch.testing.assert_close(
        served["fc.weight"].float() * temperature, trained["fc.weight"].float(), rtol=2e-3, atol=1e-5
    )
    torch.testing.assert_close(served["layer4.1.bn2.bias"], trained["layer4.1.bn2.bias"], rtol=0.0, atol=0.0)
    with safe_open(model / "weights.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in served} == {torch.float16, torch.int64}


def test_the_card_is_made_of_the_manifest_alone(root: Path, model: Path) -> None:
    """Every figure on the page is one of the manifest's; the confusion matrix is drawn beside it."""
    manifest = json.loads((model / "manifest.json").read_text())
    assert (root / "cards" / "tones.md").read_text() == model_card(manifest)
    assert (root / "cards" / "tones-confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_goes_on_where_it_was_stopped(
    root: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folds that are done are not done again, and what is missing is made as it was."""
    again = tmp_path / "runs" / "tones"
    shutil.copytree(run, again)
    shutil.rmtree(again / "fold-2")
    before = (again / "fold-1" / "weights.safetensors").stat().st_mtime_ns
    assert train(monkeypatch, root, "fit", "tones.toml", "--run", str(again)) == 0
    assert (again / "fold-1" / "weights.safetensors").stat().st_mtime_ns == before
    torch.testing.assert_close(
        load_file(again / "fold-2" / "predictions.safetensors"),
        load_file(run / "fold-2" / "predictions.safetensors"),
        rtol=0.0,
        atol=0.0,
    )


def test_another_recipe_may_start_from_a_run(root: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold for fold: the body that never saw the fold about to be scored."""
    start = 'architecture = "resnet18"\nstart_from = "tones"\nstart_from_same_folds = true'
    text = RECIPE.replace('architecture = "resnet18"', start).replace("peak_rate = 1e-3", "peak_rate = 1e-9")
    (root / "tuned.toml").write_text(text.replace("epochs = 4", "epochs = 1").replace("ema_decay = 0.5", ""))
    assert train(monkeypatch, root, "fit", "tuned.toml", "--fold", "2", "--no-final") == 0
    tuned = load_file(root / "runs" / "tuned" / "fold-2" / "weights.safetensors")
    torch.testing.assert_close(tuned["conv1.weight"], load_file(run / "fold-2" / "weights.safetensors")["conv1.weight"])
    assert not (root / "runs" / "tuned" / "final").exists()


def test_a_body_to_start_from_needs_no_figures(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without folds there are the final weights alone, from which another run's body starts, whatever its labels."""
    assert train(monkeypatch, root, "fit", "tones.toml", "--run", "runs/body", "--no-folds") == 0
    assert not list((root / "runs" / "body").glob("fold-*"))
    assert train(monkeypatch, root, "export", "runs/body", "--to", "models/body") == 1
    start = 'architecture = "resnet18"\nstart_from = "body"'
    text = RECIPE.replace('architecture = "resnet18"', start).replace("peak_rate = 1e-3", "peak_rate = 1e-9")
    (root / "onwards.toml").write_text(text.replace("epochs = 4", "epochs = 1").replace("ema_decay = 0.5", ""))
    assert train(monkeypatch, root, "fit", "onwards.toml", "--run", "runs/onwards", "--no-folds") == 0
    body, onwards = (load_file(root / "runs" / name / "final" / "weights.safetensors") for name in ("body", "onwards"))
    torch.testing.assert_close(onwards["conv1.weight"], body["conv1.weight"])


def test_weights_that_saw_the_fold_to_be_scored_are_refused(
    root: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the other run lacks a fold its final weights are taken only if they did not learn from it."""
    shutil.copytree(run, tmp_path / "tones", ignore=shutil.ignore_patterns("fold-2"))
    start = '[network]\nstart_from = "tones"\nstart_from_same_folds = true'
    (root / "leaking.toml").write_text(RECIPE.replace("[network]", start))
    arguments = ("fit", "leaking.toml", "--run", str(tmp_path / "leaking"), "--fold", "2", "--no-final")
    assert train(monkeypatch, root, *arguments) == 1
    assert "final/weights.safetensors was trained on fold 2, which is to be scored" in capsys.readouterr().err


def test_a_trial_scores_no_fold(root: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are chosen on a part of the training folds: nothing that a claim is made of is written."""
    assert train(monkeypatch, root, "fit", "tones.toml", "--run", "runs/trial", "--trial") == 0
    assert not list((root / "runs" / "trial").glob("fold-*"))
    assert not (root / "runs" / "trial" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("fit", "other.toml", "--run", "runs/tones"), "runs/tones has a run of another recipe than other.toml"),
        (("fit", "broken.toml"), "broken.toml: schedule.epoch"),
        (("fit", "orphan.toml"), "fit 'nobody' first"),
        (("fit", "tones.toml", "--fold", "9"), "there is no fold 9; there are [1, 2]"),
        (("fit", "tones.toml", "--data", "elsewhere"), "elsewhere/sounds does not exist"),
        (("fit", "tones.toml", "--device", "abacus"), "device 'abacus' is not available"),
        (("evaluate", "sounds"), "sounds: no fold has been scored yet"),
        (("export", "sounds", "--to", "models/x"), "the run is not finished"),
    ],
)
def test_what_cannot_go_on_stops_with_one_sentence(
    root: Path,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    what: str,
) -> None:
    """It names the file or the setting, and the status is 1."""
    (root / "other.toml").write_text(RECIPE.replace("epochs = 4", "epochs = 5"))
    (root / "broken.toml").write_text(RECIPE.replace("epochs = 4", "epoch = 4"))
    (root / "orphan.toml").write_text(RECIPE.replace("[network]", '[network]\nstart_from = "nobody"'))
    assert train(monkeypatch, root, *arguments) == 1
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1
