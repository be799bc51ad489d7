"""Examples: what is no example is refused, and the message names what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from phonoscope_ml.teaching import Examples, teach
from tests.unit.ml.teaching.worlds import World, ids

WORLD = World(2)


def changed(**changes: Any) -> Examples:
    """Four windows of four recordings, with changes."""
    values = {
        "vectors": np.concatenate([WORLD.windows(0, 2), WORLD.windows(1, 2)]),
        "recordings": ids(4),
        "groups": ids(4),
        "windows": ids(4),
        "labels": np.array([0, 0, 1, 1]),
        "holds": np.ones(4, dtype=bool),
    }
    return Examples(**{**values, **changes})


def _with(value: float) -> np.ndarray:
    vectors = changed().vectors.copy()
    vectors[2] = value
    return vectors


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vectors": _with(np.nan)}, "vectors: row 2 has length nan"),
        ({"vectors": _with(np.inf)}, "vectors: row 2 has length inf"),
        ({"vectors": _with(0.0)}, "vectors: row 2 has length 0"),
        ({"vectors": changed().vectors * 2.0}, "row 0 has length 2"),
        ({"vectors": np.zeros(512, dtype=np.float32)}, "rows of numbers"),
        ({"vectors": np.zeros((0, 512), dtype=np.float32)}, "rows of numbers"),
        ({"recordings": ids(3)}, "recordings and groups must have 4 entries"),
        ({"holds": np.ones(3, dtype=bool)}, "labels and holds must have 4 entries"),
        ({"windows": np.array([0, 1, 2, 4])}, "not there"),
        ({"labels": np.array([0, 0, 1, -1])}, "not there"),
        ({"windows": np.array([0, 0, 2, 3])}, "label 0 is stated twice for window 0"),
        ({"recordings": np.array([0, 0, 1, 2])}, "recording 0 is in two groups"),
        ({"windows": ids(0), "labels": ids(0), "holds": np.ones(0, dtype=bool)}, "no label is known"),
    ],
)
def test_what_is_no_example_is_refused(changes: dict[str, Any], said: str) -> None:
    """A message names the row, the label or the recording."""
    with pytest.raises(ValueError, match=said):
        changed(**changes)


@pytest.mark.parametrize(
    ("labels", "changes", "said"),
    [
        (["a"], {}, "two labels"),
        (["a", "a"], {}, "same"),
        (["a", "b", "c"], {}, "'c' has no examples"),
        (["a", "b"], {"labels": np.array([0, 0, 1, 2])}, "label 2 of 2"),
        (["a", "b"], {"holds": np.array([True, True, False, False])}, "'b' has no examples"),
        (["a", "b"], {"windows": np.array([0, 0, 2, 3]), "labels": np.array([0, 1, 1, 1])}, "window 0 has two labels"),
    ],
)
def test_what_cannot_be_taught_is_refused(labels: list[str], changes: dict[str, Any], said: str) -> None:
    """One label, a label without examples, a label that is not there, two labels where one holds at a time."""
    with pytest.raises(ValueError, match=said):
        teach(labels, changed(**changes), several=False)


def test_a_table_says_the_same_as_facts() -> None:
    """1 where a label holds, 0 where it does not, and nothing where that is not known."""
    table = np.array([[1.0, np.nan], [0.0, 1.0]])
    found = Examples.of(WORLD.windows(0, 2), table, [4, 5])
    assert list(zip(found.windows, found.labels, found.holds, strict=True)) == [
        (0, 0, True),
        (1, 0, False),
        (1, 1, True),
    ]
    assert found.groups.tolist() == [4, 5]


def test_strangers_need_ids() -> None:
    """One for each of their windows."""
    with pytest.raises(ValueError, match="stranger_recordings"):
        teach(["a", "b"], changed(), WORLD.strangers(3), ids(2), several=False)
