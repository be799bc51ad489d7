"""From a folder of songs in stems to a model that can be served, through the commands."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from phonoscope_ml.separation.networks import open_model
from phonoscope_training.__main__ import main
from phonoscope_training.callbacks import CHECKPOINT
from phonoscope_training.card import model_card
from phonoscope_training.checkpoint import save_checkpoint
from phonoscope_training.separation.fit import fit, new_training
from phonoscope_training.separation.recipe import SeparationRecipe
from phonoscope_training.separation.run import SeparationRun
from phonoscope_training.separation.songs import SOURCES, Song
from phonoscope_training.training import Epoch
from tests.unit.training.separation.tones import NAMES, RECIPE, write_stems


def separation(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: str) -> int:
    """The command's exit status."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("PHONOSCOPE_DATA", str(root))
    monkeypatch.setattr("sys.argv", ["phonoscope-train", "separation", *arguments])
    try:
        main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """For fixtures that last."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield monkeypatch


@pytest.fixture(scope="module")
def run(root: Path, patch: pytest.MonkeyPatch) -> Path:
    """A finished run."""
    assert separation(patch, root, "fit", "tones.toml") == 0
    return root / "runs" / "tones"


@pytest.fixture(scope="module")
def model(root: Path, run: Path, patch: pytest.MonkeyPatch) -> Path:
    """The exported model."""
    assert separation(patch, root, "export", str(run), "--to", "models/tones", "--card", "cards") == 0
    return root / "models" / "tones"


def test_a_run_keeps_everything_that_made_it(run: Path) -> None:
    """Recipe, environment, weights, epochs, TensorBoard's log and figures; no checkpoint is left."""
    assert (run / "recipe.toml").read_text() == RECIPE
    assert json.loads((run / "environment.json").read_text())["torch"] == torch.__version__
    assert len((run / "epochs.csv").read_text().splitlines()) == 4
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))
    assert not (run / CHECKPOINT).exists()
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["songs_held_out"] == [NAMES[0], NAMES[3]]
    assert metrics["songs_learned"] == 2
    assert metrics["epochs"] == 3
    assert set(metrics["improvement"]) == set(SOURCES)


def test_the_model_can_be_served_at_once(model: Path) -> None:
    """The service's own reader takes it, checks its digest, and gets a network with the names of its sources."""
    manifest, (network,) = open_model(model)
    assert manifest.kind == "separation"
    assert manifest.sources == list(SOURCES)
    assert manifest.segment == 2_000
    with torch.no_grad():
        assert network(torch.randn(1, 2, 2_000)).shape == (1, 4, 2, 2_000)


def test_the_weights_ship_in_half_precision_under_their_digest(run: Path, model: Path) -> None:
    """They are the run's, and those the figures were measured with."""
    manifest = json.loads((model / "manifest.json").read_text())
    assert manifest["weights"][0]["sha256"] == hashlib.sha256((model / "weights.safetensors").read_bytes()).hexdigest()
    with safe_open(model / "weights.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    trained, served = load_file(run / "weights.safetensors"), load_file(model / "weights.safetensors")
    torch.testing.assert_close(served, trained, rtol=0.0, atol=0.0)
    assert manifest["parameters"] == sum(value.numel() for value in served.values())


def test_the_card_is_made_of_the_manifest_alone(root: Path, model: Path) -> None:
    """Every figure on the page is one of the manifest's; limits and held-out songs are said."""
    manifest = json.loads((model / "manifest.json").read_text())
    page = (root / "cards" / "tones.md").read_text()
    assert page == model_card(manifest)
    assert "It knows tones alone." in page
    assert NAMES[3] in page
    assert f"{manifest['metrics']['improvement_of_all']:.1f} dB" in page


def test_a_run_that_is_under_way_can_be_scored_and_exported(
    root: Path, recipe: SeparationRecipe, songs: list[Song], patch: pytest.MonkeyPatch
) -> None:
    """From its checkpoint, which is left as it was; the figures say after how many epochs."""
    folder = root / "runs" / "half"
    folder.mkdir(parents=True)
    for name in ("recipe.toml", "environment.json"):
        shutil.copy(root / "runs" / "tones" / name, folder / name)

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            save_checkpoint(epoch.training, folder / CHECKPOINT)

    fit(songs, new_training(recipe, torch.device("cpu")), [stop])
    before = (folder / CHECKPOINT).read_bytes()
    assert separation(patch, root, "evaluate", "runs/half") == 0
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == 2
    assert separation(patch, root, "export", "runs/half", "--to", "models/half", "--card", "cards") == 0
    open_model(root / "models" / "half")
    assert (folder / CHECKPOINT).read_bytes() == before


def test_a_finished_run_is_not_fitted_again(root: Path, run: Path, patch: pytest.MonkeyPatch) -> None:
    """The same command scores it once more, and gets the same figures."""
    before = (run / "weights.safetensors").stat().st_mtime_ns
    metrics = (run / "metrics.json").read_text()
    assert separation(patch, root, "fit", "tones.toml") == 0
    assert (run / "weights.safetensors").stat().st_mtime_ns == before
    assert (run / "metrics.json").read_text() == metrics


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("fit", "other.toml", "--run", "runs/tones"), "runs/tones has a run of another recipe than other.toml"),
        (("fit", "broken.toml"), "broken.toml: schedule.epoch"),
        (("fit", "tones.toml", "--run", "runs/x", "--data", "few"), "bad - song.stem.mp4 has 2 audio streams"),
        (("fit", "tones.toml", "--run", "runs/x", "--data", "elsewhere"), "elsewhere/songs does not exist"),
        (("fit", "tones.toml", "--device", "abacus"), "device 'abacus' is not available"),
        (("evaluate", "songs"), "songs has no run: recipe.toml is missing"),
        (("evaluate", "runs/fresh"), "runs/fresh: there are no weights yet"),
        (("export", "runs/unscored", "--to", "models/x"), "the figures are not those after epoch 3"),
    ],
)
def test_what_cannot_go_on_stops_with_one_sentence(
    root: Path,
    run: Path,
    patch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    songs: list[Song],
    arguments: tuple[str, ...],
    what: str,
) -> None:
    """It names the file or the setting, and the status is 1."""
    (root / "other.toml").write_text(RECIPE.replace("epochs = 3", "epochs = 5"))
    (root / "broken.toml").write_text(RECIPE.replace("epochs = 3", "epoch = 3"))
    (root / "few" / "songs").mkdir(parents=True, exist_ok=True)
    write_stems(root / "few" / "songs" / "bad - song.stem.mp4", list(songs[0].stems[:2]))
    for name in ("fresh", "unscored"):
        shutil.copytree(run, root / "runs" / name, dirs_exist_ok=True)
        (root / "runs" / name / "metrics.json").unlink()
    (root / "runs" / "fresh" / "weights.safetensors").unlink()
    assert separation(patch, root, *arguments) == 1
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


def test_a_run_goes_on_from_its_checkpoint(
    tmp_path: Path, recipe: SeparationRecipe, songs: list[Song], root: Path, run: Path
) -> None:
    """Killed after an epoch, it ends with the weights of the run that was never stopped."""
    from rich.console import Console

    def keep(epoch: Epoch) -> None:
        if epoch.number == 1:
            save_checkpoint(epoch.training, tmp_path / CHECKPOINT)

    shutil.copy(run / "recipe.toml", tmp_path)
    this = SeparationRun.open(tmp_path, None, root, torch.device("cpu"), Console(quiet=True))
    learned, held_out = this.load()
    fit(learned, new_training(recipe, torch.device("cpu")), [keep])
    this.fit(learned, held_out)
    weights, epochs = this.weights()
    assert epochs == 3
    torch.testing.assert_close(weights, load_file(run / "weights.safetensors"), rtol=0.0, atol=0.0)
