"""What a figure is of chose nothing: thresholds and temperatures of each fold come from the others, and strangers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from phonoscope_ml.teaching import Examples, LinearHead, probabilities, teach
from phonoscope_ml.teaching import selection as selecting
from phonoscope_ml.teaching.calibration import thresholds_of
from phonoscope_ml.teaching.fitting import Candidate
from phonoscope_ml.teaching.heldout import FOLDS, TEMPERATURES, Cases
from phonoscope_ml.teaching.selection import HeldOut, hold_out
from phonoscope_ml.teaching.strangers import Strangers, answers_for
from tests.unit.ml.teaching.worlds import World, unit

CASES, LABELS = 100, 3


def cases(count: int, of_each: int = 1) -> Cases:
    """So many cases of so many windows, dealt to folds and labels."""
    ids = np.arange(count)
    whole = np.ones(count, dtype=np.bool_)
    members = np.arange(count * of_each)
    return Cases(ids, ids, ids // FOLDS % LABELS, whole, whole, ids % FOLDS, members, members // of_each)


def held_out(several: bool) -> HeldOut:
    rng = np.random.default_rng(5)
    some = cases(CASES)
    known = replace(some, holds=rng.random(CASES) < 0.5) if several else some
    return HeldOut(Candidate("prototypes"), "", 1.0, FOLDS, known, rng.random((CASES, LABELS), np.float32))


def unsaid(count: int) -> Strangers:
    found = np.random.default_rng(6).random((count, LABELS), np.float32)
    return Strangers(found, found)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("strangers", [0, 60])
def test_a_fold_s_thresholds_are_chosen_by_the_others(several: bool, strangers: int) -> None:
    """Whatever is said of the recordings of a fold, the thresholds by which they are judged stay the same."""
    before = held_out(several)
    chosen = thresholds_of(before, unsaid(strangers), several=several, seed=0)
    assert chosen.of_folds.shape == (FOLDS, LABELS if several else 1)
    moved = []
    for fold in range(FOLDS):
        own = before.cases.folds == fold
        answers = np.where(own[:, None], 0.5 * before.probabilities, before.probabilities)
        other = thresholds_of(replace(before, probabilities=answers), unsaid(strangers), several=several, seed=0)
        np.testing.assert_array_equal(other.of_folds[fold], chosen.of_folds[fold])
        moved.append(not np.array_equal(other.values, chosen.values))
    assert any(moved)


def test_a_fold_s_temperature_is_chosen_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fold that wants a high temperature decides that of the head, and not the one by which it is judged."""
    examples = World(LABELS).taught(20)

    def scores(_: Any, some: Cases, __: Any) -> np.ndarray:
        found = np.zeros((len(TEMPERATURES), len(some)))
        found[0, some.folds != 0] = 1.0
        found[-1, some.folds == 0] = 1_000.0
        return found

    monkeypatch.setattr(selecting, "by_temperature", scores)
    held = hold_out(examples, examples, LABELS, "softmax", 0, lambda _: None)
    assert held.temperature == TEMPERATURES[-1]
    sharpest = held.probabilities.max(axis=1)
    assert sharpest[held.cases.folds == 0].mean() > sharpest[held.cases.folds != 0].mean() + 0.1


def test_figures_are_by_the_thresholds_of_folds() -> None:
    """Of labels that say nothing the figures are those of calling everything, whatever would be best afterwards."""
    rng = np.random.default_rng(0)
    vectors = unit(rng.standard_normal((60, 512)))
    table = (rng.random((60, 8)) < 0.25).astype(float)
    taught = teach([f"l{label}" for label in range(8)], Examples.of(vectors, table, np.arange(60)), several=True)
    calling_all = 2.0 * table.mean(axis=0) / (1.0 + table.mean(axis=0))
    assert taught.figures.macro_f1 is not None
    assert taught.figures.macro_f1 < calling_all.mean() + 0.02


def head() -> LinearHead:
    rng = np.random.default_rng(2)
    weights = rng.standard_normal((LABELS, 512)).astype(np.float32)
    return LinearHead(("a", "b", "c"), "softmax", weights, np.zeros(LABELS, np.float32), 0.1, np.zeros(1, np.float32))


@pytest.mark.parametrize(("length", "of_piece"), [(1, 1), (3, 3), (9, 6)])
def test_strangers_are_compared_in_pieces_as_long_as_examples(length: int, of_piece: int) -> None:
    """A piece is a run of windows of one recording; what is counted of strangers is of whole ones."""
    vectors = unit(np.random.default_rng(3).standard_normal((24, 512)))
    recordings = np.repeat([7, 2, 9, 4], 6)
    found = answers_for(head(), vectors, recordings, cases(10, of_each=length), 0)
    windows = probabilities(head(), vectors).reshape(4, 6, LABELS)[np.argsort([7, 2, 9, 4])]
    np.testing.assert_allclose(found.whole, windows.mean(axis=1), atol=1e-6)
    for piece, own in zip(found.pieces, windows, strict=True):
        runs = np.stack([own[at : at + of_piece].mean(axis=0) for at in range(7 - of_piece)])
        assert np.abs(runs - piece).max(axis=1).min() < 1e-6


def test_the_figure_of_strangers_holds_for_others() -> None:
    """It is what a head makes of whole recordings that it never saw, though its examples are windows."""
    world = World(4, noise=2.0)

    def recordings(seed: int) -> np.ndarray:
        chance = np.random.default_rng(seed).integers(100, 140, 150)
        return np.concatenate([world.windows(int(label), 1, 12, seed=seed) for label in chance])

    ids = np.repeat(np.arange(150), 12)
    taught = teach(["a", "b", "c", "d"], world.taught(30), recordings(1), ids, several=False)
    new = probabilities(taught, recordings(2)).reshape(150, 12, 4).mean(axis=1)
    unknown = (new < taught.thresholds).all(axis=1).mean()
    assert taught.figures.strangers == 150
    assert taught.figures.unknown_share_of_strangers == pytest.approx(unknown, abs=0.06)
