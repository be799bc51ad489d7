"""Which genre a description is held against."""

from __future__ import annotations

from typing import Any

import pytest

from phonoscope.audio.profiles import levels_of
from phonoscope.db.schema.tables import JobRow, ResultRow, TaskRow
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.reference import check_genre, reference

BODY = {"levels": levels_of([1.0, 5.0, 2.0, 3.0, 1.0, 0.1, 0.1])}


def job(named: str | None = None, *, heard: str | None = None, unknown: bool = False) -> JobRow:
    """A job with a description and, where something was heard, a classification."""
    row = JobRow(options={"describe": {"genre": named}})
    row.tasks = [TaskRow(name=TaskName.DESCRIBE, result=ResultRow(body=BODY))]
    if heard is not None:
        body: dict[str, Any] = {"unknown": unknown, "top": [{"label": heard, "probability": 0.9}]}
        row.tasks.append(TaskRow(name=TaskName.CLASSIFY, result=ResultRow(body=body)))
    return row


@pytest.mark.parametrize(
    ("row", "labels", "genre", "named"),
    [
        (job("jazz", heard="rock"), ["pop"], "jazz", True),
        (job(heard="rock"), ["pop"], "rock", False),
        (job(heard="rock", unknown=True), ["pop"], "pop", False),
        (job(heard="dog"), ["pop"], "pop", False),
        (job(), ["pop"], "pop", False),
        (job(), ["rain", "disco", "pop"], "disco", False),
    ],
)
def test_the_genre_named_then_heard_then_the_track_s(row: JobRow, labels: list[str], genre: str, named: bool) -> None:
    """In this order, never one that the model called unknown; of the track's labels the first that is a genre."""
    found = reference(row, BODY, labels)
    assert found is not None
    assert (found["genre"], found["named"]) == (genre, named)
    assert len(found["bands"]) == 7


@pytest.mark.parametrize("row", [job(), job(heard="dog"), job(heard="rock", unknown=True)])
@pytest.mark.parametrize("labels", [[], ["dog"]])
def test_without_a_profile_there_is_no_reference(row: JobRow, labels: list[str]) -> None:
    """Nothing is guessed."""
    assert reference(row, BODY, labels) is None


@pytest.mark.parametrize("body", [{"levels": []}, {}])
def test_silence_has_no_reference(body: dict[str, Any]) -> None:
    """Nor has a description that was made before there were levels."""
    assert reference(job("rock"), body, []) is None


def test_options_from_before_there_were_any() -> None:
    """A job whose options say nothing of descriptions is read like one that names no genre."""
    row = job(heard="rock")
    row.options = {}
    assert reference(row, BODY, []) is not None


def test_a_genre_without_a_profile_is_refused() -> None:
    """Those there are stand in the refusal, and so does the field."""
    check_genre("reggae")
    with pytest.raises(InvalidRequest) as refusal:
        check_genre("polka")
    (error,) = refusal.value.errors
    assert error["field"] == "options.describe.genre"
    assert "polka" in error["message"]
    assert "blues, classical" in error["message"]
