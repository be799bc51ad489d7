"""What counts of a track's labels where owners and models say something."""

from __future__ import annotations

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Vocabulary
from phonoscope.db.library.labels import TrackLabels, combined
from phonoscope.states import LabelState

NO, YES = LabelState.REJECTED, LabelState.CONFIRMED
KNOWN = {"genre": Vocabulary(frozenset({"jazz", "rock"}), several=False)}


def counted(*said: Annotation) -> TrackLabels:
    """Where two models heard something."""
    return combined([("genre", ["jazz"]), ("tags", ["sad", "jazz"])], said, KNOWN)


def test_without_a_word_of_the_owner_predictions_count() -> None:
    """As they were."""
    assert counted() == TrackLabels("jazz", {"genre": ["jazz"], "tags": ["sad", "jazz"]})


def test_the_owner_s_labels_come_before_a_job_s_own() -> None:
    """By which a description is compared; rejected ones do not count there either, nor do those of parts."""
    labels = counted(Annotation("rock", YES), Annotation("sad", NO), Annotation("disco", YES, 0.0, 1.0))
    assert labels.reviewed(["sad", "jazz", "rock"]) == ["rock", "jazz"]
    assert labels.all_of(None) == ["rock", "disco", "jazz"]
    assert labels.all_of("tags") == ["jazz"]
    assert (labels.is_confirmed("rock"), labels.is_confirmed("disco"), labels.is_confirmed(None)) == (
        True,
        False,
        False,
    )


def test_a_model_that_is_not_served_keeps_its_predictions() -> None:
    """What it knows is not known; only what was rejected is left out."""
    labels = counted(Annotation("guitar", YES), Annotation("jazz", NO))
    assert labels.by_model == {"tags": ["sad"]}
    assert (labels.newest, labels.of("genre"), labels.of("tags")) == ("guitar", None, "sad")
