"""The space in which labels are told apart by more than chance explains is taken; else that of before stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phonoscope_ml.teaching import NO_OTHER, ChosenSpace, Examples, choose_space
from tests.unit.ml.teaching.worlds import World, unit

LABELS = 2
WORLD = World(LABELS, noise=1.0)
CLEAR = WORLD.taught(20, each=2)


def deaf(examples: Examples = CLEAR, seed: int = 3) -> Examples:
    """The same recordings in a space that has nothing of their labels."""
    vectors = unit(np.random.default_rng(seed).standard_normal(examples.vectors.shape))
    return replace(examples, vectors=vectors)


def without(examples: Examples, *recordings: int) -> Examples:
    return examples.among(~np.isin(examples.recordings, recordings))


def chosen(several: bool = False, **spaces: Examples | None) -> ChosenSpace:
    return choose_space(LABELS, spaces, several=several)


def accuracies(found: ChosenSpace) -> dict[str, float | None]:
    return {one.name: one.accuracy for one in found.tried}


@pytest.mark.parametrize("several", [False, True])
def test_the_space_that_tells_labels_apart_is_taken(several: bool) -> None:
    """Whichever was before; its figure and that of the other are told, and why."""
    examples = CLEAR if not several else Examples.of(CLEAR.vectors, np.eye(LABELS)[CLEAR.labels], CLEAR.recordings)
    moved = chosen(several, before=deaf(examples), other=examples)
    stayed = chosen(several, before=examples, other=deaf(examples))
    assert (moved.name, stayed.name) == ("other", "before")
    assert moved.reason.startswith("quick heads in other are right about 0.")
    assert moved.reason.endswith(": more than chance explains")
    assert stayed.reason.endswith(": no more than chance explains")
    for found, clear, noise in ((moved, "other", "before"), (stayed, "before", "other")):
        shares = accuracies(found)
        assert (shares[clear] or 0.0) > 0.95
        assert (shares[noise] or 1.0) < 0.75
        assert [one.name for one in found.tried] == ["before", "other"]
        assert {one.recordings for one in found.tried} == {40}


def test_the_best_of_several_is_taken() -> None:
    weaker = replace(CLEAR, vectors=unit(CLEAR.vectors + 8.0 * deaf().vectors))
    found = chosen(before=deaf(), weaker=weaker, clear=CLEAR)
    shares = accuracies(found)
    assert found.name == "clear"
    assert (shares["before"] or 1.0) < (shares["weaker"] or 0.0) < (shares["clear"] or 0.0)


def test_of_equal_spaces_the_former_stays() -> None:
    """Also where one recording more is right in the other one, and where both know nothing."""
    assert chosen(before=CLEAR, other=CLEAR).name == "before"
    assert chosen(before=deaf(seed=3), other=deaf(seed=3)).name == "before"
    swapped = CLEAR.vectors.copy()
    swapped[CLEAR.recordings == 0] = CLEAR.vectors[CLEAR.recordings == 20]
    found = chosen(before=replace(CLEAR, vectors=swapped), other=CLEAR)
    assert accuracies(found) == {"before": 39 / 40, "other": 1.0}
    assert found.name == "before"


def test_a_first_version_takes_the_best_space() -> None:
    """One recording more is enough where no version is in the space of before; as many are not."""
    swapped = CLEAR.vectors.copy()
    swapped[CLEAR.recordings == 0] = CLEAR.vectors[CLEAR.recordings == 20]
    worse = replace(CLEAR, vectors=swapped)
    found = choose_space(LABELS, {"before": worse, "other": CLEAR}, several=False, settled=False)
    assert found.name == "other"
    assert found.reason.endswith("a first version takes the best space")
    assert choose_space(LABELS, {"before": CLEAR, "other": CLEAR}, several=False, settled=False).name == "before"


def test_too_few_recordings_compare_nothing() -> None:
    """Near-duplicates count as one."""
    few = WORLD.taught(4)
    copies = replace(CLEAR, groups=CLEAR.recordings % 20 // 5 + 4 * CLEAR.labels)
    for examples in (few, copies):
        found = chosen(before=deaf(examples), other=examples)
        assert found.name == "before"
        assert "8 recordings can be held out" in found.reason
        assert "10 are needed" in found.reason
        assert set(accuracies(found).values()) == {None}


def test_copies_are_held_out_together() -> None:
    """In a space that knows each recording again, and nothing of its label, the copies of one give nothing away."""
    half = deaf(WORLD.taught(40))
    vectors = half.vectors.copy()
    vectors[1::2] = vectors[::2]
    twins = replace(half, vectors=vectors, groups=half.recordings // 2)
    found = chosen(before=replace(deaf(half, 5), groups=twins.groups), other=twins)
    assert (accuracies(found)["other"] or 1.0) < 0.75


def test_what_is_not_heard_in_a_space_is_wrong_there() -> None:
    """And a space in which much, or a whole label, is not heard is not compared."""
    most = chosen(before=CLEAR, other=without(CLEAR, 1, 2))
    assert accuracies(most) == {"before": 1.0, "other": 38 / 40}
    assert [one.recordings for one in most.tried] == [40, 38]
    for other in (without(CLEAR, *range(5)), None):
        found = chosen(before=deaf(), other=other)
        count = 0 if other is None else 35
        assert (found.name, accuracies(found)) == ("before", {"before": None, "other": None})
        assert f"of 40 recordings in before too few, or not all labels, are heard elsewhere: {count} in other" in (
            found.reason
        )
    rare = Examples.one_label(
        np.concatenate([CLEAR.vectors, WORLD.windows(2, 1)]), [*CLEAR.labels, 2], [*CLEAR.recordings, 99]
    )
    found = choose_space(3, {"before": replace(rare, vectors=deaf(rare).vectors), "other": CLEAR}, several=False)
    assert (found.name, accuracies(found)) == ("before", {"before": None, "other": None})


def test_windows_of_another_number_and_order_are_compared_by_recording() -> None:
    """Spaces have windows of other lengths."""
    other = WORLD.taught(20, each=5)
    order = np.random.default_rng(0).permutation(len(other))
    mixed = Examples.one_label(other.vectors[order], other.labels[order], other.recordings[order])
    found = chosen(before=deaf(), other=mixed)
    assert (found.name, [one.recordings for one in found.tried]) == ("other", [40, 40])


def test_a_space_alone_is_kept() -> None:
    found = chosen(before=CLEAR)
    assert (found.name, found.reason) == ("before", NO_OTHER)
    assert chosen(before=None, other=CLEAR).name == "before"
