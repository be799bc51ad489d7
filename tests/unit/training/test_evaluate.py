"""Figures, against figures made by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from phonoscope_training.evaluate import (
    FoldPredictions,
    by_recording,
    cross_validation,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    retrieval,
    unknown_below,
)

LABELS = ["cat", "dog", "rain"]


def probabilities(predicted: list[int]) -> Tensor:
    """Probabilities whose winners are these."""
    return torch.full((len(predicted), 3), 0.2).scatter(1, torch.tensor(predicted)[:, None], 0.6)


def scored(count: int = 300, temperature: float = 1.0, seed: int = 0) -> FoldPredictions:
    """Predictions whose probabilities are true ones before the logits are multiplied by ``temperature``."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2.0 * torch.randn(count, 3, generator=generator)
    targets = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    embeddings = torch.randn(count, 8, generator=generator)
    return FoldPredictions(logits * temperature, embeddings, targets, torch.arange(count), torch.arange(count))


def test_figures_are_those_made_by_hand() -> None:
    """Eight recordings in two folds, three of them wrong."""
    folds = {
        1: (probabilities([0, 1, 1, 2]), torch.tensor([0, 0, 1, 2])),
        2: (probabilities([0, 1, 0, 0]), torch.tensor([0, 1, 1, 2])),
    }
    # cat: 2 hits of 3 with 4 predicted, dog: 2 of 3 with 3, rain: 1 of 2 with 1.
    assert cross_validation(folds, LABELS) == {
        "accuracy_by_fold": {"1": 0.75, "2": 0.5},
        "accuracy_mean": 0.625,
        "accuracy_sd": 0.1768,
        "macro_f1": pytest.approx((2 * 2 / 7 + 2 * 2 / 6 + 2 * 1 / 3) / 3, abs=5e-5),
        "recall_by_label": {"cat": 0.6667, "dog": 0.6667, "rain": 0.5},
        "confusion": [[2, 1, 0], [1, 2, 0], [1, 0, 1]],
        "recordings": 8,
    }


def test_folds_weigh_the_same_whatever_their_size() -> None:
    """The mean is one over folds, as it is usually reported; one fold has no spread."""
    folds = {1: (probabilities([0, 1, 2]), torch.tensor([0, 1, 2])), 2: (probabilities([0, 1]), torch.tensor([0, 0]))}
    assert cross_validation(folds, LABELS)["accuracy_mean"] == 0.75
    assert cross_validation({1: folds[1]}, LABELS)["accuracy_sd"] is None


def test_a_label_that_is_never_predicted_scores_nothing() -> None:
    """It counts as zero in the macro F1 rather than being left out."""
    figures = cross_validation({1: (probabilities([0, 1, 0, 0, 1, 1]), torch.tensor([0, 1, 2, 0, 1, 2]))}, LABELS)
    assert figures["recall_by_label"]["rain"] == 0.0
    assert figures["macro_f1"] == pytest.approx((0.8 + 0.8 + 0.0) / 3, abs=5e-5)


def test_a_recording_is_the_mean_of_its_windows() -> None:
    """Windows count once each within their recording, whatever the order."""
    values = torch.tensor([[1.0], [3.0], [10.0], [5.0]])
    assert by_recording(values, torch.tensor([7, 7, 2, 7])).tolist() == [[10.0], [3.0]]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_overconfidence(temperature: float) -> None:
    """Logits that are too large by a factor are found to be so."""
    assert fit_temperature([scored(4_000, temperature)]) == pytest.approx(temperature, rel=0.08)


def test_calibration_error_is_the_distance_of_confidence_and_accuracy() -> None:
    """Certain and always right is perfect; certain and never right is the worst there is; 90 % and right half the time
    lies in between.
    """
    certain = torch.eye(3)
    assert expected_calibration_error(certain, torch.tensor([0, 1, 2])) == pytest.approx(0.0)
    assert expected_calibration_error(certain, torch.tensor([1, 2, 0])) == pytest.approx(1.0)
    nine = torch.tensor([[0.9, 0.1, 0.0]]).repeat(10, 1)
    assert expected_calibration_error(nine, torch.tensor([0, 1] * 5)) == pytest.approx(0.4)


@pytest.mark.parametrize("kept", [0.95, 0.8, 0.5])
def test_the_threshold_keeps_the_share_it_promises(kept: float) -> None:
    """At least that share of winning probabilities lies at or above it, and hardly more."""
    winning = torch.linspace(0.4, 0.99, 200)[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    rest = ((1.0 - winning) / 2)[:, None]
    share = (winning >= unknown_below(torch.cat([rest, winning[:, None], rest], dim=1), kept)).double().mean().item()
    assert kept <= share <= kept + 0.01


def test_retrieval_is_what_a_hand_would_count() -> None:
    """Two labels on two axes: all neighbours first is 1; a stray vector costs what it should."""
    vectors = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    perfect = FoldPredictions(torch.zeros(4, 2), vectors, torch.tensor([0, 0, 1, 1]), torch.arange(4), torch.arange(4))
    figures = retrieval({1: perfect}, ["a", "b"])
    assert figures["map"] == 1.0
    assert figures["precision_at_5"] == pytest.approx(1 / 3, abs=1e-4)
    crossed = FoldPredictions(torch.zeros(4, 2), vectors, torch.tensor([0, 1, 0, 1]), torch.arange(4), torch.arange(4))
    # Each one's fellow comes second or last of three: 1/2, 1/3, 1/3, 1/2 by how the vectors lean.
    assert retrieval({1: crossed}, ["a", "b"])["map"] == pytest.approx(5 / 12, abs=0.1)


def test_takes_of_one_source_are_no_neighbours() -> None:
    """Two takes of one upload find each other first, which says nothing; a label of one source cannot be asked for."""
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0], [0.01, 1.0]])
    targets, sources = torch.tensor([0, 0, 0, 1, 2, 2]), torch.tensor([0, 0, 2, 3, 4, 4])
    figures = retrieval({1: FoldPredictions(torch.zeros(6, 3), vectors, targets, torch.arange(6), sources)}, LABELS)
    # Each take finds the label's third recording after the stranger between them: 1/2. That one finds a stranger,
    # then takes as third and fourth among two of its own and two others before them: (1/4 + 2/5) / 2.
    assert figures["map"] == pytest.approx((1 / 2 + 1 / 2 + (1 / 4 + 2 / 5) / 2) / 3, abs=5e-5)
    assert figures["precision_at_5_by_label"] == {"cat": pytest.approx((1 / 4 + 1 / 4 + 2 / 5) / 3, abs=5e-5)}
    alone = FoldPredictions(torch.zeros(2, 2), torch.eye(2), torch.tensor([0, 1]), torch.arange(2), torch.arange(2))
    assert retrieval({1: alone}, ["a", "b"]) == {}


def test_strangers_are_scored_by_every_fold() -> None:
    """The share of recordings of no label that fall below the threshold; nothing is said where there are none."""
    sure, unsure = torch.tensor([[9.0, 0.0, 0.0]]), torch.zeros(3, 3)
    base = scored(200)
    with_strangers = FoldPredictions(
        base.logits,
        base.embeddings,
        base.targets,
        base.recordings,
        base.sources,
        torch.cat([sure, unsure]),
        torch.arange(4),
    )
    unknown = evaluate({1: with_strangers, 2: with_strangers}, LABELS)["unknown"]
    assert (unknown["strangers"], unknown["strangers_rejected"]) == (4, 0.75)
    assert "strangers" not in evaluate({1: base}, LABELS)["unknown"]


def test_a_few_right_predictions_do_not_give_certainty() -> None:
    """All of eighty are right with a wide margin: one in eighty-two may still be wrong."""
    targets = torch.arange(80) % 4
    right = FoldPredictions(
        functional.one_hot(targets, 4) * 20.0, torch.zeros(80, 2), targets, torch.arange(80), torch.arange(80)
    )
    confidence = right.probabilities(fit_temperature([right]))[0].amax(1)
    assert 0.97 < confidence.min() <= confidence.max() < 0.995


def test_the_error_after_scaling_uses_the_other_folds_temperature() -> None:
    """Two folds that are overconfident alike mend one another; one fold alone has nobody to ask."""
    folds = {1: scored(1_500, 3.0, seed=1), 2: scored(1_500, 3.0, seed=2)}
    calibration = evaluate(folds, LABELS)["calibration"]
    assert calibration["ece_after"] < 0.4 * calibration["ece_before"]
    alone = evaluate({1: folds[1]}, LABELS)["calibration"]
    assert alone["ece_after"] == alone["ece_before"]
