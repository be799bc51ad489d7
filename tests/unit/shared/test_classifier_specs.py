"""What a classifier is taught from is kept, and changed field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from phonoscope.contract import JobOptions, TeachRequest
from phonoscope.db.classifiers.spec import Spec, as_kept, merged
from phonoscope.states import TaskName

ASKED = {"examples": {"low": ["trk_1"], "high": [{"track_id": "trk_2", "start_s": 1.0}]}, "labels": ["high", "low"]}
MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)


def kept(**asked: Any) -> dict[str, Any]:
    return as_kept(TeachRequest.model_validate(asked), "environment-50")


def test_what_is_left_out_stays() -> None:
    """What is given takes its place, even where it is nothing."""
    before = kept(**ASKED)
    after = as_kept(merged(before, TeachRequest.model_validate({"reteach": True}), "mobilenet"), "environment-50")
    assert after == {**before, "reteach": True}
    cleared = merged(before, TeachRequest.model_validate({"examples": {}, "labels": None}), "mobilenet")
    assert (cleared.examples, cleared.labels) == ({}, None)


@pytest.mark.parametrize(
    ("before", "asked", "space"),
    [
        ({}, {}, "auto"),
        ({"space": "genre-10"}, {}, "genre-10"),
        ({"space": "genre-10"}, {"space": "auto"}, "auto"),
        ({"space": "genre-10"}, {"space": None}, "auto"),
        ({}, {"space": "genre-10"}, "genre-10"),
        (None, {}, "musicnn"),
        (None, {"space": None}, "auto"),
    ],
)
def test_a_named_space_stays_until_another_one_is_asked_for(
    before: dict[str, Any] | None, asked: dict[str, Any], space: str
) -> None:
    """One that an earlier release made, or a file brought, says none, and stays where it is."""
    whole = merged({} if before is None else kept(**before), TeachRequest.model_validate(asked), "musicnn")
    again = as_kept(whole, "")
    assert again["space"] == space
    assert Spec.of(again, MADE_AT).chooses == (space == "auto")


def test_a_spec_is_read_as_it_was_kept() -> None:
    """One that was imported keeps nothing, and is taught from all that is confirmed."""
    spec = Spec.of(kept(**ASKED, multi_label=True), MADE_AT)
    assert (spec.several, spec.embedder, spec.labels) == (True, "environment-50", ["high", "low"])
    assert [(each["label"], each["track_id"], each["start_s"]) for each in spec.given] == [
        ("low", "trk_1", None),
        ("high", "trk_2", 1.0),
    ]
    assert Spec.of({}, MADE_AT) == Spec(since=None, labels=None, given=[], several=False)


def test_examples_of_earlier_releases_count_from_when_the_classifier_was_made() -> None:
    """They say no time; what was judged before they were given must not win over them."""
    spec = kept(**ASKED)
    spec["examples"]["low"][0]["at"] = "2026-02-01T00:00:00+00:00"
    times = {each["label"]: each["at"] for each in Spec.of(spec, MADE_AT).given}
    assert times == {"low": "2026-02-01T00:00:00+00:00", "high": MADE_AT.isoformat()}


def test_answers_count_from_when_the_classifier_was_made() -> None:
    """Where labels of before are no examples."""
    assert Spec.of(kept(**ASKED), MADE_AT).since is None
    assert Spec.of(kept(**ASKED, confirmed=False), MADE_AT).since == MADE_AT


@pytest.mark.parametrize(
    "wrong",
    [
        {"examples": {"a": []}},
        {"examples": {"a": [{"track_id": "t", "end_s": 2.0}]}},
        {"examples": {"a": [{"track_id": "t", "start_s": 2.0, "end_s": 2.0}]}},
        {"examples": {"\n": ["t"]}},
        {"examples": {"a": ["t"], " a": ["u"]}},
        {"examples": {"e\u0301": ["t"], "\u00e9": ["u"]}},
        {"labels": []},
        {"confirmed": "yes"},
    ],
)
def test_what_is_no_request(wrong: dict[str, Any]) -> None:
    """It is refused before anything is looked up."""
    with pytest.raises(ValidationError):
        TeachRequest.model_validate(wrong)


def test_other_jobs_say_nothing_of_classifiers() -> None:
    """Workers of the release before refuse options of tasks that they do not know."""
    kept = JobOptions().kept([TaskName.CLASSIFY])
    assert not {"teach", "apply"} & kept.keys()
    assert JobOptions.model_validate(kept) == JobOptions()
    assert JobOptions().kept([TaskName.TEACH]).keys() - kept.keys() == {"teach"}
