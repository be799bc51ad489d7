"""Which genre a description is held against."""

from __future__ import annotations

import pytest

from phonoscope.audio.profiles import levels_of
from phonoscope.catalogue import Catalogue
from phonoscope.db.schema.tables import JobRow
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName
from phonoscope.tasks import Describe, RequestContext
from phonoscope.tasks.describe import BandLevel, DescribeOptions
from phonoscope_gateway.jobs.reference import reference

LEVELS = [BandLevel.model_validate(level) for level in levels_of([1.0, 5.0, 2.0, 3.0, 1.0, 0.1, 0.1])]


def job(named: str | None = None) -> JobRow:
    """A job that describes."""
    return JobRow(options={"describe": {"genre": named}})


@pytest.mark.parametrize(
    ("named", "heard", "labels", "genre"),
    [
        ("jazz", ["rock"], ["pop"], "jazz"),
        (None, ["rock"], ["pop"], "rock"),
        (None, [], ["pop"], "pop"),
        (None, [], ["rain", "disco", "pop"], "disco"),
        (None, ["dog"], ["pop"], "pop"),
        (None, ["dog", "jazz", "rock"], ["pop"], "jazz"),
    ],
)
def test_the_genre_named_then_heard_then_the_track_s(
    named: str | None, heard: list[str], labels: list[str], genre: str
) -> None:
    """In this order, the first of the labels that is a genre; the answer says whether it was named."""
    found = reference(job(named), LEVELS, heard, labels)
    assert found is not None
    assert (found.genre, found.named) == (genre, named is not None)
    assert len(found.bands) == 7


@pytest.mark.parametrize("heard", [[], ["dog"]])
@pytest.mark.parametrize("labels", [[], ["dog"]])
def test_without_a_profile_there_is_no_reference(heard: list[str], labels: list[str]) -> None:
    """Nothing is guessed."""
    assert reference(job(), LEVELS, heard, labels) is None


@pytest.mark.parametrize(
    "levels",
    [
        [],
        LEVELS[:3],
        [*LEVELS[1:], LEVELS[0]],
        [level.model_copy(update={"level_db": None}) for level in LEVELS],
    ],
    ids=["silence", "other bands", "another order", "no band"],
)
def test_what_cannot_be_compared_has_no_reference(levels: list[BandLevel]) -> None:
    """Silence, and a description by a version of the service that had other bands."""
    assert reference(job("rock"), levels, [], []) is None


def test_options_from_before_there_were_any() -> None:
    """A job whose options say nothing of descriptions is read like one that names no genre."""
    assert reference(JobRow(options={}), LEVELS, ["rock"], []) is not None


def test_a_genre_without_a_profile_is_refused() -> None:
    """The refusal names the field and the genres there are."""
    asked = RequestContext((TaskName.DESCRIBE,), ("none",), "none", Catalogue())
    Describe.check(DescribeOptions(genre="reggae"), asked)
    with pytest.raises(InvalidRequest) as refusal:
        Describe.check(DescribeOptions(genre="polka"), asked)
    (error,) = refusal.value.errors
    assert error["field"] == "options.describe.genre"
    assert "polka" in error["message"]
    assert "blues, classical" in error["message"]
