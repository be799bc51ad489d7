"""From labelled recordings and a body to a served head, through the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from phonoscope.audio.decode import Recording
from phonoscope.catalogue import Catalogue, LiveCatalogue
from phonoscope_ml.inference import predict, run_body
from phonoscope_ml.loaded import LoadedModels
from phonoscope_training.__main__ import main
from tests.support import tone_wav
from tests.unit.ml.headed import MUSIC, write_body

RECIPE = """
on = [{choices}]
decays = [1e-3, 1e-2]

[[sounds]]
source = "folders"
path = "sounds"
folds = 2

[[none]]
source = "files"
path = "none"

[[strangers]]
source = "folders"
path = "strange"

{copies}

[card]
kind = "tone"
data = "tones"
licence = "none"
"""
COPIES = """
[[copies]]
gain_db = 10.0
"""
HERTZ = {"high": 2_500.0, "low": 300.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones, eight of each, tones between as none of them, others as strangers, and two bodies."""
    root = tmp_path_factory.mktemp("heads")
    for label, hertz in HERTZ.items():
        (root / "sounds" / label).mkdir(parents=True)
        for number in range(8):
            clip = tone_wav(1.0, hertz * (1 + 0.02 * number), 16_000, seed=number)
            (root / "sounds" / label / f"{number}.wav").write_bytes(clip)
    (root / "none").mkdir()
    (root / "strange" / "middle").mkdir(parents=True)
    (root / "strange" / "low").mkdir(parents=True)
    for number in range(8):
        (root / "none" / f"{number}.wav").write_bytes(tone_wav(1.0, 900.0 + 30 * number, 16_000, seed=number))
        (root / "strange" / "middle" / f"{number}.wav").write_bytes(tone_wav(1.0, 915.0 + 30 * number, 16_000, seed=50))
    (root / "strange" / "low" / "0.wav").write_bytes(tone_wav(1.0, 310.0, 16_000, seed=51))
    write_body(root / "models" / "general", "mobilenet")
    write_body(root / "models" / "music", "musicnn", MUSIC)
    (root / "tones.toml").write_text(RECIPE.format(choices='["absent"], ["general"]', copies=COPIES))
    (root / "both.toml").write_text(RECIPE.format(choices='["music", "general"]', copies=""))
    return root


def train(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: str) -> int:
    """The command's exit status."""
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["phonoscope-train", "head", *arguments])
    try:
        main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def make(monkeypatch: pytest.MonkeyPatch, root: Path, name: str, run: str) -> Path:
    """A head's folder, fitted and exported."""
    fit = ("fit", f"{name}.toml", "--models", "models", "--data", str(root), "--run", run)
    assert train(monkeypatch, root, *fit) == 0
    assert train(monkeypatch, root, "export", run, "--to", f"{run}-models/{name}", "--card", "cards") == 0
    return root / f"{run}-models" / name


@pytest.fixture(scope="module")
def head(root: Path) -> Path:
    """A head on one body."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return make(monkeypatch, root, "tones", "runs/tones")


def heard(root: Path, folder: Path, clip: bytes) -> dict[str, object]:
    """The served classification of a recording."""
    models = LoadedModels(LiveCatalogue(folder.parent, root / "models"), torch.device("cpu"))
    model = models.get(folder.name)
    (root / "asked.wav").write_bytes(clip)
    passes = []
    for body in model.bodies:
        with (root / "asked.wav").open("rb") as file, Recording(file) as recording:
            passes.append(run_body(body, recording.mono(body.front_end.settings.sample_rate_hz)))
    return predict(model, passes).summary(2)


def test_a_head_is_served_as_it_was_taught(root: Path, head: Path) -> None:
    """A tone that was in no file gets its label."""
    for label, hertz in HERTZ.items():
        result = heard(root, head, tone_wav(1.0, 1.03 * hertz, 16_000, seed=77))
        assert result["top"][0]["label"] == label  # type: ignore[index]
        assert not result["unknown"]


def test_what_was_taught_as_none_is_unknown(root: Path, head: Path) -> None:
    """Neither label is near the probability that it has for its own recordings."""
    result = heard(root, head, tone_wav(1.0, 1_005.0, 16_000, seed=78))
    assert result["unknown"]
    assert sum(top["probability"] for top in result["top"]) < 0.5  # type: ignore[attr-defined]


def test_a_choice_whose_body_is_absent_is_left_out(root: Path, head: Path) -> None:
    """The manifest has the choices that were fitted, by name and digest of their bodies."""
    manifest = json.loads((head / "manifest.json").read_text())
    general = Catalogue(root / "models").bodies["general"]
    assert [choice["bodies"] for choice in manifest["on"]] == [[{"name": "general", "digest": general.digest}]]
    assert manifest["activation"] == "softmax-none"


def test_strangers_bear_no_label_that_the_head_knows(head: Path) -> None:
    """Of nine strangers one is called low, as a label is."""
    unknown = json.loads((head / "manifest.json").read_text())["on"][0]["metrics"]["unknown"]
    assert unknown["strangers"] == 8
    assert unknown["strangers_rejected"] > 0.9


def test_the_same_recipe_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch, root: Path, head: Path) -> None:
    """Features, copies and the fit depend on the recipe and its seed alone."""
    again = make(monkeypatch, root, "tones", "runs/again")
    assert (again / "general.safetensors").read_bytes() == (head / "general.safetensors").read_bytes()


def test_features_are_computed_once(monkeypatch: pytest.MonkeyPatch, root: Path, head: Path) -> None:
    """A second fit of a run needs no recording."""
    (root / "sounds").rename(root / "moved")
    try:
        assert train(monkeypatch, root, "fit", "tones.toml", "--models", "models", "--data", str(root)) == 0
    finally:
        (root / "moved").rename(root / "sounds")


def test_a_head_on_two_bodies_hears_with_both(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Its windows are the first body's, and it is served as it was taught."""
    folder = make(monkeypatch, root, "both", "runs/both")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [body["name"] for body in manifest["on"][0]["bodies"]] == ["music", "general"]
    for label, hertz in HERTZ.items():
        result = heard(root, folder, tone_wav(1.0, 1.03 * hertz, 16_000, seed=79))
        assert result["top"][0]["label"] == label  # type: ignore[index]


def test_a_body_that_heard_the_recordings_is_scored_by_its_twin(
    monkeypatch: pytest.MonkeyPatch, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the one fold that the twin was trained without; without a twin there are no figures."""
    for place, seed in (("tuned", 1), ("twin", 2)):
        manifest_file = root / place / "general" / "manifest.json"
        write_body(manifest_file.parent, "mobilenet", seed=seed)
        heard = {"sounds": [{"source": "folders", "path": "sounds", "labelled": True}]}
        manifest = json.loads(manifest_file.read_text()) | {"metrics": {"fold": 1}, "recipe": heard}
        manifest_file.write_text(json.dumps(manifest))
    fit = ("fit", "tones.toml", "--models", "tuned", "--data", str(root), "--run", "runs/tuned")
    assert train(monkeypatch, root, *fit) == 1
    assert "`--unheard` must name the folder" in " ".join(capsys.readouterr().err.split())
    assert train(monkeypatch, root, *fit, "--unheard", "sounds") == 1
    assert "`--unheard` must name the folder" in " ".join(capsys.readouterr().err.split())
    assert train(monkeypatch, root, *fit, "--unheard", "twin") == 0
    metrics = json.loads((root / "runs" / "tuned" / "general" / "metrics.json").read_text())
    assert metrics["trained_without"] == 1
    assert list(metrics["cross_validation"]["accuracy_by_fold"]) == ["1"]
    assert metrics["bodies"][0]["digest"] == Catalogue(root / "tuned").bodies["general"].digest
    assert train(monkeypatch, root, "export", "runs/tuned", "--to", "tuned-models/tones", "--card", "tuned-cards") == 0
    assert "on fold 1, by a body that was trained without it" in (root / "tuned-cards" / "tones.md").read_text()


def test_the_card_shows_each_choice(root: Path, head: Path) -> None:
    """Its figures, its weights' digest and its confusions."""
    card = (root / "cards" / "tones.md").read_text()
    digest = json.loads((head / "manifest.json").read_text())["on"][0]["weights"]["sha256"]
    assert "## On general" in card
    assert digest in card
    assert (root / "cards" / "tones-general-confusion.png").stat().st_size > 1_000


def test_without_any_body_the_command_says_which_there_are(
    monkeypatch: pytest.MonkeyPatch, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written as a result."""
    (root / "nowhere").mkdir()
    fit = ("fit", "tones.toml", "--models", "nowhere", "--data", str(root), "--run", "runs/none")
    assert train(monkeypatch, root, *fit) == 1
    assert "no choice has all its bodies: absent, or general; there are: none" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize(
    ("choices", "copies", "reason"),
    [
        ('["music", "general"]', COPIES, "several would hear different copies"),
        ('["general"]', COPIES + "mix = 0.5", "a mixture has two labels"),
    ],
)
def test_copies_that_a_head_cannot_be_taught_on_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    capsys: pytest.CaptureFixture[str],
    choices: str,
    copies: str,
    reason: str,
) -> None:
    """The error says why."""
    (root / "wrong.toml").write_text(RECIPE.format(choices=choices, copies=copies))
    assert train(monkeypatch, root, "fit", "wrong.toml", "--models", "models", "--data", str(root)) == 1
    assert reason in " ".join(capsys.readouterr().err.split())
