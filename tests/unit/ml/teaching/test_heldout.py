"""What is held out, and the windows that are chosen where there are too many."""

from __future__ import annotations

import numpy as np

from phonoscope_ml.teaching import Examples
from phonoscope_ml.teaching.heldout import cases_of, evenly, fold_of
from tests.unit.ml.teaching.worlds import World, ids

WORLD = World(3)


def of_labels(labels: list[int], recordings: list[int], groups: list[int] | None = None) -> Examples:
    """Windows of one label each."""
    vectors = WORLD.windows(0, len(labels))
    return Examples.one_label(vectors, labels, recordings, groups)


def test_groups_stay_whole_and_labels_are_dealt_evenly() -> None:
    """Each fold has as many groups of a label as any other, to one."""
    groups = np.arange(30).repeat(2)
    folds = fold_of(of_labels([0] * 30 + [1] * 30, ids(60).tolist(), groups.tolist()), 1)
    assert all(len(set(folds[groups == group])) == 1 for group in range(30))
    for label in (slice(0, 30), slice(30, 60)):
        assert np.ptp(np.bincount(folds[label], minlength=5)) <= 2


def test_of_many_windows_each_label_and_each_recording_keeps_some() -> None:
    """Also where each label's windows follow one another, and one recording has most of them."""
    labels = [0] * 300 + [1] * 60 + [2] * 3
    recordings = [0] * 290 + list(range(1, 11)) + list(range(11, 71)) + [71, 72, 73]
    examples = of_labels(labels, recordings)
    kept = evenly(examples, np.ones(363, dtype=bool), 43)
    assert np.bincount(examples.labels[kept]).tolist() == [20, 20, 3]
    assert set(examples.recordings[kept & (examples.labels == 0)]) == set(range(11))
    among = examples.labels == 1
    assert evenly(examples, among, 100) is among
    assert not evenly(examples, among, 10)[~among].any()


def test_a_label_whose_groups_share_a_fold_is_not_tested() -> None:
    """Without it in another fold nothing could have taught it."""
    examples = of_labels([0, 0, 1, 1], [0, 1, 2, 3])
    cases = cases_of(examples, np.array([0, 0, 0, 1]), 4, several=False)
    assert cases.labels.tolist() == [1, 1]


def test_windows_of_a_recording_are_one_case() -> None:
    """Its answer is the mean of theirs; a recording with two labels is two cases."""
    examples = of_labels([0, 0, 1, 0, 1], [0, 0, 0, 1, 2])
    cases = cases_of(examples, np.array([0, 0, 0, 1, 2]), 5, several=False)
    assert list(zip(cases.recordings, cases.labels, strict=True)) == [(0, 0), (0, 1), (1, 0), (2, 1)]
    assert cases.means(examples.vectors[cases.members]).shape == (4, 512)
    np.testing.assert_allclose(
        cases.means(examples.vectors[cases.members])[0], examples.vectors[:2].mean(axis=0), atol=1e-6
    )
    assert cases.only(cases.labels == 1).means(np.arange(2.0)).tolist() == [0.0, 1.0]


def test_only_what_is_rejected_alone_is_a_case_that_does_not_hold() -> None:
    """Where one label holds at a time, others follow from it; where several can hold, each is a case."""
    table = [[1.0, 0.0], [1.0, np.nan], [np.nan, 1.0], [np.nan, 1.0], [0.0, np.nan]]
    examples = Examples.of(WORLD.windows(0, 5), table, ids(5))
    folds = np.array([0, 1, 0, 1, 0])
    one, several = (cases_of(examples, folds, 6, several=kind) for kind in (False, True))
    assert (len(one), int((~one.holds).sum())) == (5, 1)
    assert (len(several), int((~several.holds).sum())) == (6, 2)
