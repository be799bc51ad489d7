"""Teaching: heads that hear what they were taught, and figures that hold on recordings that were not there."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from phonoscope_ml.heads import Head
from phonoscope_ml.teaching import Examples, LinearHead, heard, of_recordings, probabilities, teach, wilson
from phonoscope_ml.teaching.linear import Activation
from tests.unit.ml.teaching.worlds import World, ids, unit

FOUR = ["bell", "rain", "saw", "wind"]


def accuracy(head: LinearHead, world: World, seed: int = 5) -> float:
    """On 30 recordings of each label that it was not taught on."""
    tested = np.concatenate([world.windows(label, 30, seed=seed) for label in range(world.labels)])
    return float((probabilities(head, tested).argmax(axis=1) == np.repeat(ids(world.labels), 30)).mean())


@pytest.mark.parametrize("activation", ["softmax", "softmax-none", "sigmoid"])
def test_numpy_gives_what_torch_gives(activation: Activation) -> None:
    """The same probabilities to a millionth, also of logits far from 0."""
    rng = np.random.default_rng(1)
    weights = (30.0 * rng.standard_normal((5, 512))).astype(np.float32)
    bias = rng.standard_normal(5).astype(np.float32)
    numbers = LinearHead(tuple("abcde"), activation, weights, bias, 0.7, np.zeros(1, np.float32))
    head = Head(512, 5, activation, 0.7)
    head.load_state_dict({"linear.weight": torch.from_numpy(weights), "linear.bias": torch.from_numpy(bias)})
    vectors = unit(rng.standard_normal((50, 512)))
    with torch.inference_mode():
        wanted = head.probabilities(head(torch.from_numpy(vectors))).numpy()
    np.testing.assert_allclose(probabilities(numbers, vectors), wanted, atol=1e-5)
    np.testing.assert_allclose(probabilities(numbers, vectors.astype(np.float16)), wanted, atol=0.2)


def test_a_recordings_answer_is_the_mean_of_its_windows() -> None:
    """As ``classify`` has it; below the threshold it is unknown."""
    head = LinearHead(
        ("a", "b"), "softmax", np.zeros((2, 4), np.float32), np.zeros(2, np.float32), 1.0, np.array([0.6])
    )
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], dtype=np.float32)
    names, means = of_recordings(rows, np.array([7, 3, 7]))
    assert names.tolist() == [3, 7]
    np.testing.assert_allclose(means, [[0.2, 0.8], [0.7, 0.3]])
    assert heard(head, means).tolist() == [[False, True], [True, False]]
    assert not heard(head, rows[2:]).any()
    several = LinearHead(("a", "b"), "sigmoid", head.weights, head.bias, 1.0, np.array([0.6, 0.1], np.float32))
    assert heard(several, np.array([[0.7, 0.2], [0.5, 0.05]], np.float32)).tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("recordings", [1, 2, 12])
def test_it_hears_what_it_was_taught(recordings: int) -> None:
    """From one recording of each label up."""
    world = World(4)
    taught = teach(FOUR, world.taught(recordings, 2), several=False)
    assert accuracy(taught, world) > (0.5, 0.8, 0.95)[min(recordings, 3) - 1]
    assert taught.figures.recordings == 4 * recordings
    assert taught.figures.examples == 8 * recordings
    assert all(one.too_few == (recordings < 10) for one in taught.figures.labels)


def test_its_figures_hold_on_other_recordings() -> None:
    """The accuracy that held-out recordings gave is that of new ones, within its interval."""
    world = World(4, noise=8.0)
    taught = teach(FOUR, world.taught(15, 2), several=False)
    figures = taught.figures
    assert figures.accuracy is not None
    assert figures.accuracy_low is not None
    assert figures.accuracy_high is not None
    assert figures.accuracy_low < accuracy(taught, world) < figures.accuracy_high
    assert figures.accuracy_low < figures.accuracy < 0.9
    assert figures.macro_f1 == pytest.approx(figures.accuracy, abs=0.1)
    wrong = sum(one.recordings for one in figures.confusion)
    assert wrong == round((1.0 - figures.accuracy) * 60)
    assert figures.reason.count("logistic regression") == 2


def test_copies_do_not_flatter() -> None:
    """Noise with random labels, ten copies of each recording: in one group they teach nothing about each other."""
    rng = np.random.default_rng(3)
    vectors = unit(rng.standard_normal((12, 512))).repeat(10, axis=0)
    labels = (np.arange(12) % 2).repeat(10)
    apart = teach(["a", "b"], Examples.one_label(vectors, labels, ids(120)), several=False).figures
    together = teach(
        ["a", "b"], Examples.one_label(vectors, labels, ids(120), ids(12).repeat(10)), several=False
    ).figures
    assert apart.accuracy == 1.0
    assert together.accuracy is not None
    assert together.accuracy < 0.9
    assert (together.recordings, together.groups) == (120, 12)
    assert all(one.too_few for one in together.labels)
    assert together.accuracy_low is not None
    assert together.accuracy_low == pytest.approx(wilson(together.accuracy, 12)[0])


def test_windows_of_a_recording_are_held_out_together() -> None:
    """Random labels of recordings with ten windows each cannot be told from other recordings."""
    rng = np.random.default_rng(4)
    vectors = unit(rng.standard_normal((16, 512)).repeat(10, axis=0) + 0.1 * rng.standard_normal((160, 512)))
    figures = teach(
        ["a", "b"], Examples.one_label(vectors, (ids(16) % 2).repeat(10), ids(16).repeat(10)), several=False
    ).figures
    assert figures.accuracy is not None
    assert figures.accuracy < 0.85


def test_without_a_second_recording_there_are_no_figures() -> None:
    """Nothing could be held out, and that is said."""
    figures = teach(FOUR, World(4).taught(1, 5), several=False).figures
    assert (figures.accuracy, figures.accuracy_low, figures.macro_f1, figures.folds) == (None, None, None, 0)
    assert "nothing could be held out" in figures.reason
    assert all(one.recall is None and one.too_few for one in figures.labels)


def test_a_label_with_one_recording_is_taught_and_not_tested() -> None:
    """It has no recall of its own, and others have theirs; with one other label there is nothing to tell apart."""
    world = World(3)
    vectors = np.concatenate([world.windows(0, 6), world.windows(1, 6), world.windows(2, 1)])
    taught = teach(FOUR[:3], Examples.one_label(vectors, [0] * 6 + [1] * 6 + [2], ids(13)), several=False)
    assert [one.recall is None for one in taught.figures.labels] == [False, False, True]
    assert accuracy(taught, world) > 0.6
    two = teach(FOUR[:2], Examples.one_label(vectors[5:12], [0] + [1] * 6, ids(7)), several=False)
    assert two.figures.accuracy is None
    assert accuracy(two, World(2)) > 0.55


def test_strangers_are_called_nothing() -> None:
    """At most 5 % of those from which the threshold was chosen, about as many of others, and it says so."""
    world = World(4)
    taught = teach(FOUR, world.taught(12), world.strangers(200), ids(200), several=False)
    figures = taught.figures
    assert heard(taught, probabilities(taught, world.strangers(200))).any(axis=1).mean() <= 0.05
    assert heard(taught, probabilities(taught, world.strangers(200, seed=1))).any(axis=1).mean() < 0.15
    assert figures.unknown_share_of_strangers is not None
    assert figures.unknown_share_of_strangers > 0.85
    assert figures.unknown_share_of_examples is not None
    assert figures.unknown_share_of_examples < 0.4
    assert figures.strangers == 200


@pytest.mark.parametrize("several", [False, True])
def test_strangers_that_have_the_labels_do_not_make_all_unknown(several: bool) -> None:
    """Of an owner's other recordings many are like the examples: these are called what they are."""
    world = World(4, noise=2.0)
    alike = np.concatenate([world.windows(label, 40, seed=9) for label in range(4)])
    taught = teach(FOUR, world.taught(12), alike, ids(160), several=several)
    assert heard(taught, probabilities(taught, alike)).any(axis=1).mean() > 0.8
    assert taught.figures.strangers_alike is not None
    assert taught.figures.strangers_alike > 0.8


def test_an_example_with_a_wrong_label_is_doubted() -> None:
    """It is named first, with what it is taken for; true ones are not."""
    world = World(4, noise=2.0)
    examples = world.taught(10)
    labels = examples.labels.copy()
    labels[3] = 2
    taught = teach(FOUR, Examples.one_label(examples.vectors, labels, ids(40)), several=False)
    assert [(one.window, one.label, one.likely) for one in taught.doubts] == [(3, "saw", "bell")]
    assert teach(FOUR, examples, several=False).doubts == ()


def test_a_rejected_window_counts_against_its_label_alone() -> None:
    """After a no, windows like it are called that label less, and what it really is as before."""
    world = World(3)
    examples = world.taught(8)
    plain = teach(FOUR[:3], examples, several=False)

    def between(recordings: int, seed: int) -> np.ndarray:
        """Windows that are near two labels, nearer to the first."""
        return unit(1.3 * world.direction(0) + world.direction(2) + 0.6 * world.windows(9, recordings, seed=seed))

    table = np.full((len(examples) + 10, 3), np.nan)
    table[np.arange(24), examples.labels] = 1.0
    table[24:, 0] = 0.0
    both = Examples.of(np.concatenate([examples.vectors, between(10, 4)]), table, ids(34))
    taught = teach(FOUR[:3], both, several=False)
    assert (plain.activation, taught.activation) == ("softmax", "softmax-none")
    before, after = (probabilities(head, between(40, 8)) for head in (plain, taught))
    assert (before[:, 0] > 0.5).mean() > 0.6
    assert (after[:, 0] > 0.5).mean() < 0.3
    assert (after[:, 1] > 0.5).mean() < 0.1
    assert accuracy(taught, world) > 0.85
    assert after.sum(axis=1).max() <= 1.0 + 1e-5


def test_windows_that_are_none_of_the_labels_can_be_rejected() -> None:
    """Rejected for every label they are called none of them."""
    world = World(2, noise=2.0)
    examples = world.taught(10)
    others = np.concatenate([world.windows(50, 10), world.windows(51, 10)])
    table = np.full((40, 2), np.nan)
    table[np.arange(20), examples.labels] = 1.0
    table[20:] = 0.0
    taught = teach(["a", "b"], Examples.of(np.concatenate([examples.vectors, others]), table, ids(40)), several=False)
    assert taught.method == "logistic regression"
    assert probabilities(taught, world.windows(50, 20, seed=3)).sum(axis=1).mean() < 0.4
    assert probabilities(taught, world.windows(0, 20, seed=3))[:, 0].mean() > 0.6


def test_several_labels_hold_at_once() -> None:
    """Mixtures of two labels have both; what is one has one."""
    world = World(3, noise=1.0)
    pairs = [(0,), (1,), (2,), (0, 1), (1, 2)]
    vectors, table = [], []
    for number, pair in enumerate(pairs):
        parts = [world.windows(label, 12, seed=number) for label in pair]
        vectors.append(unit(np.sum(parts, axis=0)))
        table += [[1.0 if label in pair else 0.0 for label in range(3)]] * 12
    taught = teach(FOUR[:3], Examples.of(np.concatenate(vectors), table, ids(60)), several=True)
    mixed = unit(world.windows(0, 30, seed=21) + world.windows(1, 30, seed=22))
    alone = world.windows(2, 30, seed=23)
    assert taught.thresholds.shape == (3,)
    assert heard(taught, probabilities(taught, mixed))[:, :2].mean() > 0.8
    assert heard(taught, probabilities(taught, mixed))[:, 2].mean() < 0.2
    assert heard(taught, probabilities(taught, alone)).mean(axis=0).tolist() == pytest.approx([0, 0, 1], abs=0.25)
    assert taught.figures.accuracy is not None
    assert taught.figures.accuracy > 0.9
    assert taught.figures.confusion == ()


def test_several_labels_are_taught_where_nobody_rejected() -> None:
    """Examples of other labels stand for what a label is not; figures are of what was said alone."""
    world = World(4, noise=2.0)
    taught = teach(FOUR, world.taught(10), several=True)
    found = heard(taught, probabilities(taught, np.concatenate([world.windows(k, 10, seed=6) for k in range(4)])))
    assert found[ids(40), ids(4).repeat(10)].mean() > 0.8
    assert found.sum(axis=1).mean() < 1.5
    assert all(one.precision in {None, 1.0} for one in taught.figures.labels)


def test_one_label_may_have_a_thousand_times_as_many() -> None:
    """Neither is the frequent one called always, nor the rare one everywhere."""
    world = World(2, noise=1.0)
    vectors = np.concatenate([world.windows(0, 2_000), world.windows(1, 2)])
    taught = teach(["a", "b"], Examples.one_label(vectors, [0] * 2_000 + [1] * 2, ids(2_002)), several=False)
    found = [probabilities(taught, world.windows(label, 50, seed=2)).argmax(axis=1).mean() for label in range(2)]
    assert found[0] < 0.05
    assert found[1] > 0.7


@pytest.mark.parametrize("several", [False, True])
def test_identical_vectors_are_taught_without_a_warning(several: bool) -> None:
    """All examples are the same: every answer is as probable as another."""
    vectors = World(2).windows(0, 1).repeat(8, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        taught = teach(["a", "b"], Examples.one_label(vectors, ids(8) % 2, ids(8)), several=several)
    found = probabilities(taught, vectors)
    assert np.isfinite(found).all()
    assert np.ptp(found[0]) < 0.1


def test_many_labels_are_taught_by_prototypes() -> None:
    """Of thousands of labels regressions would take too long; memory does not grow with windows times labels."""
    world = World(1_500, noise=1.0)
    vectors = np.concatenate([world.windows(label, 2) for label in range(1_500)])
    taught = teach(
        [str(label) for label in range(1_500)],
        Examples.one_label(vectors, ids(1_500).repeat(2), ids(3_000)),
        several=False,
    )
    assert taught.method == "prototypes"
    assert "too many labels" in taught.figures.reason
    assert taught.figures.accuracy is not None
    assert taught.figures.accuracy > 0.9


def test_the_same_examples_teach_the_same() -> None:
    """A teaching can be repeated, and a seed changes the folds alone."""
    world = World(3)
    one, again, other = (teach(FOUR[:3], world.taught(6), several=False, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert one.figures == again.figures
    np.testing.assert_allclose(
        probabilities(one, world.windows(0, 5)), probabilities(other, world.windows(0, 5)), atol=0.3
    )


def test_progress_is_reported() -> None:
    """It rises to 1."""
    shares: list[float] = []
    teach(FOUR, World(4).taught(6), several=False, report=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 2


def test_wilsons_interval() -> None:
    """Brown, Cai and DasGupta's example and the ends."""
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == 1.0
    assert wilson(1.0, 10)[0] == pytest.approx(0.722, abs=1e-3)
