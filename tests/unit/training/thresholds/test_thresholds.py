"""Thresholds of labels that somebody else taught: by what is known of recordings."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from phonoscope_cli.pulling import published
from phonoscope_training.__main__ import main
from phonoscope_training.errors import InvalidRecipe
from phonoscope_training.thresholds.choose import Heard, choose_thresholds
from phonoscope_training.thresholds.recipe import ThresholdRecipe
from tests.support import tone_wav
from tests.unit.ml.headed import write_body, write_head

LABELS = ["bell", "rain", "saw"]
RECIPE = """
seed = 1
model = "any-of"
check = 2
least_precision = {precision}
most_false = 0.01
least = 0.1
greatest = 0.9

[[sounds]]
source = "folders"
path = "sounds"
folds = 2

[holds]
{label} = ["low"]
"""


def recipe(**changes: Any) -> ThresholdRecipe:
    usual: dict[str, Any] = {
        "seed": 1,
        "model": "m",
        "sounds": [{"source": "folders", "path": "sounds"}],
        "check": 2,
        "holds": {"bell": ["ringing"]},
        "least_precision": 0.9,
        "most_false": 0.01,
        "least": 0.1,
        "greatest": 0.9,
    }
    return ThresholdRecipe.model_validate(usual | changes)


def heard() -> Heard:
    """Four recordings of each category and fold: *bell* tells ringing apart, but in one; all hear *saw* a little."""
    categories = torch.tensor([0, 1, 2]).repeat_interleave(8)
    bell = torch.tensor([0.8, 0.7, 0.6, 0.5, 0.8, 0.7, 0.6, 0.2] + [0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1] * 2)
    saw = torch.full((24,), 0.4)
    folds = torch.tensor([1, 1, 1, 1, 2, 2, 2, 2]).repeat(3)
    probabilities = torch.stack([bell, torch.zeros(24), saw], dim=1)
    return Heard(probabilities, categories, folds, LABELS, ["ringing", "wet", "wooden"])


def test_a_label_that_is_known_is_measured_on_the_fold_that_checks() -> None:
    """The threshold is between what holds and what does not in the other folds."""
    bell = choose_thresholds(recipe(), heard())[0]
    assert (bell.label, bell.rule) == ("bell", "measured")
    assert 0.2 < bell.value < 0.5
    assert (bell.precision, bell.recall) == (1.0, 0.75)


def test_a_label_is_not_counted_where_it_may_hold() -> None:
    """What it says there is neither right nor wrong."""
    found = heard()
    found.probabilities[8:16, 0] = 0.9
    with pytest.raises(InvalidRecipe, match=r"never have a precision of 0\.9"):
        choose_thresholds(recipe(least_precision=0.9), found)
    bell = choose_thresholds(recipe(may_hold={"bell": ["wet"]}), found)[0]
    assert (bell.precision, bell.recall) == (1.0, 0.75)


def test_other_labels_have_the_usual_threshold_or_a_higher_one() -> None:
    """*saw* is heard in recordings that surely lack it, *rain* is not."""
    absent = [{"labels": ["saw"], "first": "rain", "last": "saw", "categories": ["ringing"]}]
    bell, rain, saw = choose_thresholds(recipe(absent=absent), heard())
    assert (rain.rule, rain.precision) == ("usual", None)
    assert rain.value == pytest.approx(bell.value, abs=0.01)
    assert (saw.rule, saw.value) == ("absent", 0.4)


def test_thresholds_stay_within_their_bounds() -> None:
    """Of what was measured and of what was not."""
    found = choose_thresholds(recipe(least=0.6, greatest=0.7), heard())
    assert [each.value for each in found] == [0.6] * 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"holds": {"whale": ["ringing"]}}, "no label 'whale'"),
        ({"holds": {"bell": ["loud"]}}, "no recording has the category 'loud'"),
        ({"absent": [{"labels": ["whale"], "categories": ["wet"]}]}, "no such label"),
    ],
)
def test_a_recipe_that_names_what_there_is_not_is_refused(changes: dict[str, Any], reason: str) -> None:
    """A label that is written wrong would otherwise have the usual threshold."""
    with pytest.raises(InvalidRecipe, match=reason):
        choose_thresholds(recipe(**changes), heard())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones, and a sigmoid head that was taught nothing."""
    root = tmp_path_factory.mktemp("thresholds")
    for label, hertz in (("low", 300.0), ("high", 2_500.0)):
        (root / "sounds" / label).mkdir(parents=True)
        for number in range(4):
            clip = tone_wav(1.0, hertz + 20.0 * number, 16_000, seed=number)
            (root / "sounds" / label / f"{number}.wav").write_bytes(clip)
    digest = write_body(root / "models" / "general", "mobilenet")
    write_head(root / "models" / "any-of", {"general": digest}, 896, activation="sigmoid")
    return root


def choose(monkeypatch: pytest.MonkeyPatch, root: Path, **words: str) -> int:
    """The command's exit status."""
    (root / "recipe.toml").write_text(RECIPE.format(**({"label": "bell", "precision": "0.4"} | words)))
    options = ("--models", "models", "--data", str(root), "--to", "table.csv", "--run", f"runs/{words}")
    monkeypatch.chdir(root)
    monkeypatch.setattr("sys.argv", ["phonoscope-train", "thresholds", "recipe.toml", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_the_command_writes_a_table_with_every_label(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the model's order; the figures are those of the fold that checks."""
    assert choose(monkeypatch, root) == 0
    with (root / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == LABELS
    assert all(0.1 <= float(row["threshold"]) <= 0.9 for row in rows)
    assert [bool(row["recall"]) for row in rows] == [True, False, False]


def test_the_command_says_what_is_wrong_with_a_recipe(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    assert choose(monkeypatch, root, label="whale") == 1
    assert "the model has no label 'whale'" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["audioset-527", "music-100"])
def test_published_labels_have_thresholds(model: str) -> None:
    """Each has one, and those that can be measured have their own."""
    found = published.thresholds(model)
    assert len(found) == int(model.rpartition("-")[2])
    assert all(0.1 <= each <= 0.8 for each in found)
    assert len(set(found)) > 10
