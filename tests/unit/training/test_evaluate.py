"""Figures, against figures made by hand."""

from __future__ import annotations

import pytest
import torch

from phonoscope_training.evaluate import cross_validation, unknown_below

LABELS = ["cat", "dog", "rain"]


def chances(predicted: list[int]) -> torch.Tensor:
    """Probabilities whose winners are these."""
    return torch.full((len(predicted), 3), 0.2).scatter(1, torch.tensor(predicted)[:, None], 0.6)


def test_figures_are_those_made_by_hand() -> None:
    """Eight clips in two folds, three of them wrong."""
    targets = torch.tensor([0, 0, 1, 2, 0, 1, 1, 2])
    predicted = [0, 1, 1, 2, 0, 1, 0, 0]
    figures = cross_validation(chances(predicted), targets, torch.tensor([1, 1, 1, 1, 2, 2, 2, 2]), LABELS)
    # cat: 2 hits of 3 with 4 predicted, dog: 2 of 3 with 3, rain: 1 of 2 with 1.
    assert figures == {
        "accuracy_by_fold": {"1": 0.75, "2": 0.5},
        "accuracy_mean": 0.625,
        "accuracy_sd": 0.1768,
        "macro_f1": pytest.approx((2 * 2 / 7 + 2 * 2 / 6 + 2 * 1 / 3) / 3, abs=5e-5),
        "recall_by_label": {"cat": 0.6667, "dog": 0.6667, "rain": 0.5},
        "clips": 8,
    }


def test_folds_weigh_the_same_whatever_their_size() -> None:
    """The mean is one over folds, as it is usually reported."""
    targets = torch.tensor([0, 1, 2, 0, 0])
    figures = cross_validation(chances([0, 1, 2, 0, 1]), targets, torch.tensor([1, 1, 1, 2, 2]), LABELS)
    assert figures["accuracy_mean"] == 0.75


def test_all_right_is_one_everywhere() -> None:
    """A perfect prediction has no spread and no label below 1."""
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    figures = cross_validation(chances(targets.tolist()), targets, torch.tensor([1, 1, 1, 2, 2, 2]), LABELS)
    assert (figures["accuracy_mean"], figures["accuracy_sd"], figures["macro_f1"]) == (1.0, 0.0, 1.0)


def test_a_label_that_is_never_predicted_scores_nothing() -> None:
    """It counts as zero in the macro F1 rather than being left out."""
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    figures = cross_validation(chances([0, 1, 0, 0, 1, 1]), targets, torch.tensor([1, 1, 1, 2, 2, 2]), LABELS)
    assert figures["recall_by_label"]["rain"] == 0.0
    assert figures["macro_f1"] == pytest.approx((0.8 + 0.8 + 0.0) / 3, abs=5e-5)


@pytest.mark.parametrize("kept", [0.95, 0.8, 0.5])
def test_the_threshold_keeps_the_share_it_promises(kept: float) -> None:
    """Of the clips' winning probabilities, that share lies at or above the threshold, and no more than need be."""
    winning = torch.linspace(0.4, 0.99, 200)[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    rest = ((1.0 - winning) / 2)[:, None]
    threshold = unknown_below(torch.cat([rest, winning[:, None], rest], dim=1), kept)
    share = (winning >= threshold).float().mean().item()
    assert share == pytest.approx(kept, abs=0.005)
    assert unknown_below(torch.cat([rest, winning[:, None], rest], dim=1)) <= threshold
