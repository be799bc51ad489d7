"""A published head teaches another: the kinds of some windows, and the weights that it starts at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from phonoscope.catalogue import Catalogue, Kind
from phonoscope_training.errors import InvalidRecipe, InvalidRun
from phonoscope_training.heads.recipe import HeadRecipe, TeacherSettings
from phonoscope_training.heads.teaching import kinds_heard, load_teacher, relabelled, starting_layer
from phonoscope_training.sounds import SoundSettings
from tests.support import tone_wav
from tests.unit.ml.headed import write_body, write_head
from tests.unit.training.heads.test_features import features
from tests.unit.training.heads.test_head_run import train

LABELS = ["music", "sound", "speech"]
RECIPE = """
on = [["general"]]
decays = [1e-1]
exhaustive = true

[teacher]
model = "teacher"
labels = { high = "music" }

[[sounds]]
source = "folders"
path = "high"
label = "high"
folds = 3

[[sounds]]
source = "folders"
path = "low"
label = "low"
folds = 3

[[checks]]
source = "folders"
path = "middle"
label = "middle"

[card]
kind = "tone"
data = "tones"
licence = "none"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A body, a head on it that teaches, and tones in three sets."""
    root = tmp_path_factory.mktemp("teaching")
    digest = write_body(root / "models" / "general", "mobilenet")
    write_head(root / "models" / "teacher", {"general": digest}, 896, labels=LABELS)
    for name, hertz in {"high": 2_500.0, "low": 300.0, "middle": 310.0}.items():
        (root / name / "all").mkdir(parents=True)
        for number in range(6):
            clip = tone_wav(1.0, hertz * (1 + 0.02 * number), 16_000, seed=number)
            (root / name / "all" / f"{number}.wav").write_bytes(clip)
    (root / "tones.toml").write_text(RECIPE)
    return root


def settings(*kinds: Kind) -> SoundSettings:
    return SoundSettings(source="files", path=Path("a"), label="a", kinds=list(kinds))


def test_a_teacher_decides_only_the_kinds_that_a_set_names() -> None:
    """Windows that it hears as silent are left out where the set says so."""
    heard = features(torch.zeros(4, 2), [1, 1, 2, 2])  # labels a, b, a, b
    heard.sets[2:] = 1
    sets = [settings(Kind.SPEECH, Kind.SILENCE), settings()]
    found = relabelled(heard, sets, [Kind.SPEECH, Kind.SILENCE, Kind.SPEECH, Kind.SILENCE])
    assert found.labels == ["a", "b", "speech"]
    assert [found.labels[target] for target in found.targets] == ["speech", "a", "b"]
    assert found.recordings.tolist() == [0, 2, 3]


def test_a_head_starts_at_the_teacher_s_rows(root: Path) -> None:
    """Labels without one start at zero."""
    teaching = TeacherSettings(model="teacher", labels={"voice": "speech"})
    teacher = load_teacher(teaching, Catalogue(root / "models"))
    start = starting_layer(teacher, teaching, ["noise", "voice"], 896)
    units = torch.randn(3, 896, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(start.logits(units)[:, 1].float(), teacher.network.classify(units)[:, 2])
    assert start.logits(units)[:, 0].abs().max() == 0.0
    with pytest.raises(InvalidRun, match="takes 896 features, and the bodies give 512"):
        starting_layer(teacher, teaching, ["voice"], 512)


def test_a_teacher_hears_kinds(root: Path) -> None:
    """Here the label of its highest logit."""
    teacher = load_teacher(TeacherSettings(model="teacher"), Catalogue(root / "models"))
    units = torch.randn(20, 896, generator=torch.Generator().manual_seed(2))
    assert kinds_heard(teacher, units) == [LABELS[row] for row in teacher.network.classify(units).argmax(1)]


def test_a_teacher_without_the_label_is_refused(root: Path) -> None:
    """The error names it."""
    with pytest.raises(InvalidRun, match="teacher cannot teach: it has no label 'Yodeling'"):
        load_teacher(TeacherSettings(model="teacher", labels={"a": "Yodeling"}), Catalogue(root / "models"))


def test_the_card_says_what_is_answered_for_each_set(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Sets that are only scored are among them, and nothing of them is taught."""
    fit = ("fit", "tones.toml", "--models", "models", "--data", str(root), "--run", "run")
    assert train(monkeypatch, root, *fit) == 0
    assert train(monkeypatch, root, "export", "run", "--to", "models/tones", "--card", "cards") == 0
    manifest = json.loads((root / "models" / "tones" / "manifest.json").read_text())
    assert manifest["labels"] == ["high", "low"]
    rows = manifest["on"][0]["metrics"]["answers_by_set"]
    assert [(row["set"], row["recordings"], row.get("only_scored", False)) for row in rows] == [
        ("high", 6, False),
        ("low", 6, False),
        ("middle", 6, True),
    ]
    assert rows[0]["answers"][0] > 0.7
    assert rows[2]["answers"][1] > 0.7
    assert "| middle, only scored | 6 |" in (root / "cards" / "tones.md").read_text()


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path) -> Path:
    """A head that was fitted and exported, and the folder of its card beside it."""
    fit = ("fit", "tones.toml", "--models", "models", "--data", str(root), "--run", "run")
    assert train(monkeypatch, root, *fit) == 0
    to = ("--to", str(tmp_path / "tones"), "--card", str(tmp_path))
    assert train(monkeypatch, root, "export", "run", *to) == 0
    return tmp_path / "tones"


def check(monkeypatch: pytest.MonkeyPatch, root: Path, head: Path, data: Path, models: str = "models") -> int:
    asked = ("check", str(head), "--models", models, "--data", str(data), "--card", str(head.parent))
    return train(monkeypatch, root, *asked)


def test_an_exported_head_is_checked_as_it_was_when_it_was_fitted(
    monkeypatch: pytest.MonkeyPatch, root: Path, exported: Path
) -> None:
    """The same recordings give the same manifest and card, to the byte."""
    before = (exported / "manifest.json").read_bytes(), (exported.parent / "tones.md").read_bytes()
    assert check(monkeypatch, root, exported, root) == 0
    assert ((exported / "manifest.json").read_bytes(), (exported.parent / "tones.md").read_bytes()) == before


def test_a_head_is_checked_on_other_recordings(
    monkeypatch: pytest.MonkeyPatch, root: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the rows of the checks change: their number, and what is answered."""
    before = json.loads((exported / "manifest.json").read_text())
    (tmp_path / "data" / "middle" / "all").mkdir(parents=True)
    for number, hertz in enumerate((2_450.0, 2_600.0, 2_550.0, 310.0)):
        clip = tone_wav(1.0, hertz, 16_000, seed=90 + number)
        (tmp_path / "data" / "middle" / "all" / f"{number}.wav").write_bytes(clip)
    assert check(monkeypatch, root, exported, tmp_path / "data") == 0
    after = json.loads((exported / "manifest.json").read_text())
    rows = after["on"][0]["metrics"].pop("answers_by_set")
    taught = before["on"][0]["metrics"].pop("answers_by_set")[:2]
    assert after == before
    assert rows[:2] == taught
    assert rows[2] == {"set": "middle", "recordings": 4, "answers": [0.75, 0.25], "only_scored": True}
    assert "| middle, only scored | 4 | 75.0% | 25.0% |" in (exported.parent / "tones.md").read_text()
    assert "75.0%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipe": {}}, "has no sets that are only scored"),
        ({"recipe": {"checks": [{"source": "folders", "path": "away", "label": "a"}]}}, "away does not exist"),
        ({"kind": "body", "on": None}, "is not a head's folder"),
    ],
)
def test_a_head_that_cannot_be_checked_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    exported: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    reason: str,
) -> None:
    """The error says why, and nothing is written."""
    source = root / "models" / "general" if "on" in change else exported
    manifest = json.loads((source / "manifest.json").read_text()) | change | {"name": "tones"}
    written = json.dumps({name: value for name, value in manifest.items() if value is not None})
    (exported / "manifest.json").write_text(written)
    assert check(monkeypatch, root, exported, root) == 1
    assert reason in " ".join(capsys.readouterr().err.split())
    assert (exported / "manifest.json").read_text() == written


def test_a_head_whose_bodies_are_absent_is_not_checked(
    monkeypatch: pytest.MonkeyPatch, root: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the body."""
    (root / "nowhere").mkdir()
    assert check(monkeypatch, root, exported, root, "nowhere") == 1
    assert "tones needs general, which is not there" in " ".join(capsys.readouterr().err.split())


def test_nothing_is_unknown_to_a_head_whose_labels_are_exhaustive(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Its threshold is 0, and the card says so."""
    fit = ("fit", "tones.toml", "--models", "models", "--data", str(root), "--run", "run")
    assert train(monkeypatch, root, *fit) == 0
    assert train(monkeypatch, root, "export", "run", "--to", "exhaustive/tones", "--card", "exhaustive") == 0
    manifest = json.loads((root / "exhaustive" / "tones" / "manifest.json").read_text())
    assert manifest["on"][0]["thresholds"] == [0.0]
    assert "nothing: every recording has one of the labels" in (root / "exhaustive" / "tones.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('[teacher]\nmodel = "teacher"\nlabels = { high = "music" }', "", "kinds are decided by a teacher"),
        ('kinds = ["speech"]', 'kinds = ["speech"]\nwindows = 2', "has one window of each recording"),
        ("decays = [1e-1]", "near = 0.5", "has neither none nor near"),
    ],
)
def test_what_a_teacher_cannot_do_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """The error says why."""
    recipe = RECIPE.replace('label = "low"', 'label = "low"\nkinds = ["speech"]')
    assert old in recipe
    (tmp_path / "wrong.toml").write_text(recipe.replace(old, new))
    with pytest.raises(InvalidRecipe, match=reason):
        HeadRecipe.read(tmp_path / "wrong.toml")
