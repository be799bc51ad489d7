"""The queue: windows that teach most, no two alike, and none that is known already."""

from __future__ import annotations

import numpy as np
import pytest

from phonoscope_ml.teaching import Examples, Taught, choose, probabilities, teach
from tests.unit.ml.teaching.worlds import World, ids, unit

WORLD = World(4)


def taught(several: bool = False) -> tuple[Taught, Examples]:
    """A head on few examples, and these."""
    examples = WORLD.taught(4)
    return teach(list("abcd"), examples, several=several), examples


def test_what_is_uncertain_comes_before_what_is_sure() -> None:
    """Windows between two labels, amid others that are sure."""
    head, examples = taught()
    sure = unit(np.concatenate([WORLD.direction(0) + 0.3 * WORLD.windows(0, 40, seed=3)]))
    between = unit(WORLD.direction(0) + WORLD.direction(1) + 0.6 * WORLD.windows(2, 20, seed=4))
    found = choose(head, np.concatenate([sure, between]), ids(60), examples.vectors, 8)
    assert np.mean([one.window >= 40 for one in found]) > 0.7
    answers = probabilities(head, np.concatenate([sure, between]))
    for one in found:
        assert one.label == head.labels[answers[one.window].argmax()]
        assert one.probability == pytest.approx(float(answers[one.window].max()))


def test_near_duplicates_are_asked_about_once() -> None:
    """Neither copies of each other nor of an example."""
    head, examples = taught()
    three = WORLD.windows(1, 3, seed=6)
    pool = np.concatenate([three.repeat(5, axis=0), examples.vectors[:4]])
    found = choose(head, pool, ids(len(pool)), examples.vectors, 20)
    assert sorted(one.window // 5 for one in found) == [0, 1, 2]


def test_a_recording_is_asked_about_twice_at_most() -> None:
    """One long recording does not fill the queue."""
    head, examples = taught()
    pool = np.concatenate([WORLD.windows(label, 20, seed=7) for label in range(4)])
    found = choose(head, pool, np.repeat([0, 1, 2, 3], 20), examples.vectors, 30)
    assert np.bincount([one.window // 20 for one in found]).tolist() == [2, 2, 2, 2]


def test_what_is_unlike_all_is_named_so() -> None:
    """A sound of no label, far from all examples."""
    head, examples = taught()
    pool = np.concatenate([WORLD.windows(0, 30, seed=8), -examples.vectors.mean(axis=0, keepdims=True)])
    pool = unit(pool)
    found = {one.window: one.why for one in choose(head, pool, ids(31), examples.vectors, 31)}
    assert found[30] == "varied"
    assert set(found.values()) > {"varied"}


def test_where_several_can_hold_the_label_near_its_threshold_is_asked_about() -> None:
    """Not the most probable one, which is sure."""
    head, examples = taught(several=True)
    pool = np.concatenate([WORLD.windows(label, 10, seed=9) for label in range(4)])
    answers = probabilities(head, pool)
    for one in choose(head, pool, ids(40), examples.vectors, 10):
        assert one.label == head.labels[np.abs(answers[one.window] - head.thresholds).argmin()]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_rows_that_are_no_vectors_are_not_asked_about(value: float) -> None:
    """Nor does anything fail; an empty library has an empty queue."""
    head, examples = taught()
    pool = WORLD.windows(0, 5, seed=2)
    pool[1] = value
    assert 1 not in [one.window for one in choose(head, pool, ids(5), examples.vectors, 10)]
    assert choose(head, pool[:0], ids(0), examples.vectors, 10) == []
    assert choose(head, pool, ids(5), examples.vectors, 0) == []
    assert len(choose(head, pool, ids(5), examples.vectors[:0], 10)) == 4


def test_asking_teaches_more_than_chance() -> None:
    """With rare labels the queue finds them: three rounds of twelve, against as many at random."""
    world = World(6, noise=5.0)
    counts = [100, 100, 30, 30, 20, 20]
    pool = np.concatenate([world.windows(label, count, seed=1) for label, count in enumerate(counts)])
    labels = np.repeat(ids(6), counts)
    tested = np.concatenate([world.windows(label, 40, seed=2) for label in range(6)])
    start = [int(np.flatnonzero(labels == label)[0]) for label in range(6)]

    def share(rows: list[int]) -> float:
        head = teach(list("abcdef"), Examples.one_label(pool[rows], labels[rows], ids(len(rows))), several=False)
        return float((probabilities(head, tested).argmax(axis=1) == ids(6).repeat(40)).mean())

    asked = list(start)
    for _ in range(3):
        head = teach(list("abcdef"), Examples.one_label(pool[asked], labels[asked], ids(len(asked))), several=False)
        left = np.setdiff1d(np.arange(len(pool)), asked)
        asked += [int(left[one.window]) for one in choose(head, pool[left], left, pool[asked], 12)]
    rng = np.random.default_rng(0)
    drawn = [
        start + rng.choice(np.setdiff1d(np.arange(len(pool)), start), 36, replace=False).tolist() for _ in range(3)
    ]
    assert share(asked) > np.mean([share(rows) for rows in drawn])
