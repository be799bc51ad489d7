"""How labels are sent: pages and files in parts that are neither too large nor too many."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from phonoscope_gateway.labels.files import LabelFile
from phonoscope_gateway.labels.routes import ChangesQuery


@pytest.mark.parametrize("limit", ["0", "11", "100"])
def test_a_page_has_few_changes(limit: str) -> None:
    """Each may be of 2,000 labels."""
    assert TypeAdapter(ChangesQuery).validate_python("10") == 10
    with pytest.raises(ValidationError):
        TypeAdapter(ChangesQuery).validate_python(limit)


def test_a_file_is_sent_in_parts() -> None:
    """Of a thousand pieces, which are made only when their part is sent."""
    made: list[int] = []
    pieces = (made.append(number) or f"{number}\n" for number in range(2_500))  # type: ignore[func-returns-value]
    parts = LabelFile("labels.csv", pieces).parts()
    first = next(parts)
    assert (first.count("\n"), len(made)) == (1_000, 1_000)
    rest = list(parts)
    assert [part.count("\n") for part in rest] == [1_000, 500]
    assert (first + "".join(rest)).split() == list(map(str, range(2_500)))
    assert list(LabelFile("labels.csv", ()).parts()) == []
