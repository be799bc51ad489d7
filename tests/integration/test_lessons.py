"""What a classifier is taught from: which windows, and what is said of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, text

from phonoscope.annotations.values import Annotation
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers import examples, spec, versions
from phonoscope.db.classifiers.examples import MOST_OF_ONE, Lesson, read_lesson
from phonoscope.db.library.erase import delete_track
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.errors import ContradictoryLabels, InvalidRequest, NotFound, TooFewExamples, TooManyLabels
from tests.integration.lessons import NO, YES, Owner, new_owner


@pytest.fixture
def owner(database: Database) -> Owner:
    return new_owner(database)


def lesson(owner: Owner, name: str = "own", most_others: int = 1_000) -> Lesson:
    with owner.database.transaction() as session:
        return read_lesson(session, owner.id, name, most_others)


def facts(found: Lesson, track_id: str) -> set[tuple[float, str, bool]]:
    """Of a track: the start of each window, the label, and whether it holds."""
    known = found.known
    return {
        (float(known.spans_s[window, 0]), found.labels[label], bool(holds))
        for window, label, holds in found.facts
        if known.track_of(window) == track_id
    }


def test_whole_recordings_spans_and_points(owner: Owner) -> None:
    """A span has the windows that overlap it by half, a point the one around it; what is rejected does not hold."""
    whole, part, point = owner.labelled("low", windows=3), owner.track("high", 5), owner.track("high", 5)
    owner.says(part, Annotation("high", YES, 5.0, 10.0), Annotation("low", NO))
    owner.says(point, Annotation("high", YES, 7.4))
    owner.asks()
    found = lesson(owner)
    assert list(found.labels) == ["high", "low"]
    assert facts(found, whole) == {(start, "low", True) for start in (0.0, 2.5, 5.0)}
    spans = {(start, "high", True) for start in (2.5, 5.0, 7.5)}
    assert facts(found, part) == spans | {(start, "low", False) for start in (0.0, 2.5, 5.0, 7.5, 10.0)}
    assert facts(found, point) == {(5.0, "high", True)}
    assert found.track_vectors.shape == (3, 512)


def test_the_narrower_counts(owner: Owner) -> None:
    """In a recording that has a label a span is rejected; of two labels of one window the narrower holds."""
    track = owner.labelled("low", windows=3)
    owner.says(track, Annotation("low", NO, 5.0, 10.0), Annotation("high", YES, 0.0, 4.0))
    owner.two_labels(1)
    owner.asks()
    assert facts(lesson(owner), track) == {(0.0, "high", True), (2.5, "low", False), (5.0, "low", False)}


def test_examples_beside_labels_and_without_them(owner: Owner, database: Database) -> None:
    """With ``confirmed`` false nothing else is taught; windows that are no examples are others, of this owner alone."""
    new_owner(database).two_labels()
    labelled = owner.two_labels()
    low, high = owner.track("low", 4), owner.track("high", 1)
    span = {"track_id": low, "start_s": 0.0, "end_s": 5.0}
    owner.asks("both", examples={"low": [low], "high": [high]})
    owner.asks("alone", examples={"low": [span], "high": [high]}, confirmed=False)
    both, alone = lesson(owner, "both"), lesson(owner, "alone")
    assert set(both.known.tracks) == {*labelled, low, high}
    assert both.others.tracks == []
    assert facts(alone, low) == {(0.0, "low", True), (2.5, "low", True)}
    others = {alone.others.track_of(at) for at in range(len(alone.others.vectors))}
    assert others == {*labelled, low}
    assert len(alone.others.vectors) == 4 * 2 + 2


@pytest.mark.parametrize("labels", [None, ["high", "low"]])
def test_answers_teach_where_labels_are_no_examples(owner: Owner, labels: list[str] | None) -> None:
    """What is said of its labels once it is made, of any recording; nothing said before, nor of other labels."""
    owner.labelled("low")
    low, high, yes, no = (owner.track(kind, 3) for kind in ("low", "high", "low", "high"))
    owner.asks(confirmed=False, labels=labels, examples={"low": [low], "high": [high]})
    assert set(lesson(owner).known.tracks) == {low, high}
    owner.says(yes, Annotation("low", YES, 0.0, 5.0))
    owner.says(no, Annotation("low", NO, 5.0, 10.0))
    owner.labelled("loud")
    found = lesson(owner)
    assert list(found.labels) == ["high", "low"]
    assert set(found.known.tracks) == {low, high, yes, no}
    assert facts(found, yes) == {(0.0, "low", True), (2.5, "low", True)}
    assert facts(found, no) == {(2.5, "low", False), (5.0, "low", False)}


def test_answers_count_from_when_it_was_made(owner: Owner) -> None:
    """Whatever else is asked for later; what was said before counts only where all labels do."""
    before = owner.labelled("low")
    low, high = owner.track("low"), owner.track("high")
    owner.asks(examples={"low": [low], "high": [high]})
    answered = owner.labelled("low")
    assert set(lesson(owner).known.tracks) == {before, low, high, answered}
    owner.gives(confirmed=False)
    assert set(lesson(owner).known.tracks) == {low, high, answered}
    owner.gives(reteach=True, examples={"low": [low, owner.track("low")], "high": [high]})
    assert answered in lesson(owner).known.tracks
    assert before not in lesson(owner).known.tracks


def test_no_recording_of_which_a_label_was_said_is_a_stranger(owner: Owner) -> None:
    """Whether it teaches or not: what is unknown must not be learned from recordings that have the labels."""
    owner.labelled("low")
    owner.says(owner.track("low"), Annotation("low", YES, 0.0, 5.0))
    owner.asks(confirmed=False, examples={"low": [owner.track("low")], "high": [owner.track("high")]})
    owner.labelled("high")
    others = {owner.labelled("loud"), owner.track("noise")}
    assert set(lesson(owner).strangers.tracks) == others


def test_others_are_taken_evenly(owner: Owner) -> None:
    """Of a long recording no more than of a short one; a long example does not outweigh all others."""
    owner.two_labels(1)
    long = owner.labelled("low", windows=MOST_OF_ONE + 40)
    tracks = [owner.track("noise", windows) for windows in (1, 3, 40)]
    owner.asks()
    found = lesson(owner, most_others=8)
    assert len(facts(found, long)) == MOST_OF_ONE
    taken = [found.others.track_of(at) for at in range(len(found.others.vectors))]
    assert [taken.count(track) for track in tracks] == [1, 2, 2]
    assert len(taken) <= 8


@pytest.mark.parametrize(
    ("asked", "error", "names"),
    [
        ({}, TooFewExamples, "there are none"),
        ({"labels": ["a", "b"]}, TooFewExamples, "'a' has no example"),
        ({"examples": {"a": ["trk_nobody"], "b": ["trk_nobody"]}}, InvalidRequest, "examples.a.0"),
        ({"examples": {"a": ["trk_nobody"]}, "labels": ["b", "c"]}, InvalidRequest, "examples.a: not among labels"),
    ],
)
def test_what_cannot_be_taught(owner: Owner, asked: dict[str, Any], error: type[Exception], names: str) -> None:
    """Each is said by its field."""

    def taught() -> None:
        owner.asks(**asked)
        lesson(owner)

    with pytest.raises(error, match=names):
        taught()


def test_another_owner_s_recording_is_no_example(owner: Owner, database: Database) -> None:
    """It is as one that does not exist."""
    foreign = new_owner(database).track("low")
    own = owner.track("high")
    with pytest.raises(InvalidRequest, match=r"examples\.low\.0: no track"):
        owner.asks(examples={"low": [foreign], "high": [own]})


def test_one_label_alone(owner: Owner) -> None:
    owner.labelled("low")
    owner.asks()
    with pytest.raises(TooFewExamples, match="'low' alone"):
        lesson(owner)


def test_labels_of_which_one_holds_contradict_each_other(owner: Owner) -> None:
    """On one span; with several labels at a time they do not, but what is confirmed and rejected does."""
    twice = owner.labelled("low")
    owner.says(twice, Annotation("high", YES))
    owner.asks()
    with pytest.raises(ContradictoryLabels, match="a recording is 'high' and 'low' as a whole; set multi_label"):
        lesson(owner)
    owner.asks("several", multi_label=True)
    assert len(lesson(owner, "several").facts) == 4
    owner.says(twice, Annotation("loud", NO, 0.0, 2.0))
    span = {"track_id": twice, "start_s": 0.0, "end_s": 2.0}
    owner.asks("said", multi_label=True, examples={"loud": [span]})
    with pytest.raises(ContradictoryLabels, match="'loud' and not 'loud' from 0 s to 2 s"):
        lesson(owner, "said")


def test_a_recording_without_vectors_is_left_out(owner: Owner, database: Database) -> None:
    """It is named as long as it is there; a silent one as silent. A label that has none but such cannot be taught."""
    owner.two_labels()
    broken = owner.labelled("low", windows=0)
    owner.asks()
    assert lesson(owner).left_out == [{"track_id": broken, "silent": False}]
    owner.labelled("mute", windows=0)
    with pytest.raises(TooFewExamples, match="'mute' has a window"):
        lesson(owner)


def test_a_classifier_that_is_gone(owner: Owner) -> None:
    with pytest.raises(NotFound):
        lesson(owner)


def test_erased_recordings_are_no_examples(owner: Owner, database: Database) -> None:
    """Nor are they named in what it is taught from."""
    tracks = [owner.track("low"), owner.track("low"), owner.track("high")]
    owner.asks(examples={"low": tracks[:2], "high": tracks[2:]})
    for track in tracks[1:]:
        with database.transaction() as session:
            delete_track(session, owner.actor, track)
    with database.transaction() as session:
        (kept,) = session.scalars(text("SELECT spec FROM classifiers WHERE owner_id = :id"), {"id": owner.id})
    assert [list(kept["examples"]), [each["track_id"] for each in kept["examples"]["low"]]] == [["low"], tracks[:1]]
    with pytest.raises(TooFewExamples):
        lesson(owner)


def test_strangers_are_whole_recordings(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many windows there are: of each stranger enough for a mean, of examples none."""
    owner.two_labels()
    noise = {owner.track("noise", windows=16) for _ in range(5)}
    owner.asks()
    for most, recordings, each in ((30, 2, 12), (200, 5, 16)):
        monkeypatch.setattr(examples, "MOST_STRANGERS", most)
        found = lesson(owner, most_others=5)
        taken = Counter(found.strangers.track_of(at) for at in range(len(found.strangers.vectors)))
        assert (len(taken), set(taken.values())) == (recordings, {each})
        assert taken.keys() <= noise


def test_there_may_be_no_strangers(owner: Owner) -> None:
    owner.two_labels()
    owner.asks()
    assert lesson(owner).strangers.vectors.shape == (0, 512)


LATER = {
    "the same span": ((0.0, 5.0), (0.0, 5.0), {0.0, 2.5}),
    "the window around a span": ((1.0, 3.0), (0.0, 5.0), {0.0, 2.5}),
    "the window around a point": ((2.0, None), (0.0, 5.0), {0.0, 2.5}),
    "a window that the half of a span is in": ((3.0, 7.0), (0.0, 5.0), {0.0, 2.5}),
    "the recording": ((None, None), (None, None), {0.0, 2.5, 5.0}),
}


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize(("given", "said", "windows"), LATER.values(), ids=list(LATER))
def test_a_later_answer_wins_over_an_example(
    owner: Owner, given: Any, said: Any, windows: set[float], confirmed: bool
) -> None:
    """What was given is not taught any more, also where labels are no examples else; and it contradicts nothing."""
    doubtful, low, high = owner.track("low", windows=3), owner.track("low"), owner.track("high")
    example = {"track_id": doubtful, "start_s": given[0], "end_s": given[1]}
    owner.asks(confirmed=confirmed, examples={"high": [example, high], "low": [low]})
    assert {label for _, label, _ in facts(lesson(owner), doubtful)} == {"high"}
    owner.says(doubtful, Annotation("high", NO, *said), Annotation("low", YES, *said))
    expected = {(start, label, label == "low") for start in windows for label in ("low", "high")}
    assert facts(lesson(owner), doubtful) == expected


def test_a_later_answer_about_a_part_leaves_the_rest(owner: Owner) -> None:
    """Of a long example one window is changed."""
    doubtful, low, high = owner.track("low", windows=5), owner.track("low"), owner.track("high")
    owner.asks(confirmed=False, examples={"high": [doubtful, high], "low": [low]})
    owner.says(doubtful, Annotation("high", NO, 0.0, 5.0), Annotation("low", YES, 0.0, 5.0))
    changed = {(start, label, label == "low") for start in (0.0, 2.5) for label in ("low", "high")}
    assert facts(lesson(owner), doubtful) == changed | {(start, "high", True) for start in (5.0, 7.5, 10.0)}


def test_an_example_keeps_its_time(owner: Owner) -> None:
    """A request that adds one does not set aside what was answered about others; one that was said before does."""
    doubtful, low, high, more = (owner.track(kind) for kind in ("low", "low", "high", "high"))
    owner.asks(examples={"high": [doubtful, high], "low": [low]})
    owner.says(doubtful, Annotation("high", NO), Annotation("low", YES))
    owner.says(more, Annotation("high", NO))
    owner.gives(examples={"high": [doubtful, high], "low": [low]})
    assert {holds for _, label, holds in facts(lesson(owner), doubtful) if label == "high"} == {False}
    owner.gives(examples={"high": [doubtful, high, more], "low": [low]})
    with pytest.raises(ContradictoryLabels):
        lesson(owner)


def test_an_example_without_a_time_wins_over_what_was_judged_before(owner: Owner, database: Database) -> None:
    """An earlier release kept none: it counts from when the classifier was made, also where it is kept on."""
    doubtful, low, high = owner.track("low"), owner.track("low"), owner.track("high")
    owner.says(doubtful, Annotation("high", NO))
    owner.asks(confirmed=False, examples={"high": [doubtful, high], "low": [low]})
    of_owner = select(ClassifierRow).where(ClassifierRow.owner_id == owner.id)
    with database.transaction() as session:
        row = session.scalars(of_owner).one()
        without = {
            label: [{name: value for name, value in each.items() if name != "at"} for each in given]
            for label, given in row.spec["examples"].items()
        }
        row.spec = {**row.spec, "examples": without}
    assert {(label, holds) for _, label, holds in facts(lesson(owner), doubtful)} == {("high", True)}
    owner.gives(reteach=True)
    assert {(label, holds) for _, label, holds in facts(lesson(owner), doubtful)} == {("high", True)}
    owner.says(doubtful, Annotation("low", YES))
    assert ("low", True) in {(label, holds) for _, label, holds in facts(lesson(owner), doubtful)}


def test_what_a_teaching_says_of_contradictions_names_no_recording(owner: Owner) -> None:
    """It is kept with the task, and would outlive the recording."""
    twice = owner.labelled("low")
    owner.labelled("high")
    owner.says(twice, Annotation("high", YES))
    owner.asks()
    with pytest.raises(ContradictoryLabels, match="a recording is 'high' and 'low'") as raised:
        lesson(owner)
    assert "trk_" not in raised.value.detail


def test_labels_of_one_classifier_are_bounded(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one error, whether they are named, with examples or without, or are all that there are."""
    for kind in ("low", "high", "loud"):
        owner.labelled(kind)
    owner.asks()
    owner.asks("named", labels=["low", "high", "mute"])
    owner.asks("fewer", labels=["low", "high"])
    monkeypatch.setattr(spec, "MOST_TAUGHT_LABELS", 2)
    for name in ("own", "named"):
        with pytest.raises(TooManyLabels, match="labels: a classifier has at most 2"):
            lesson(owner, name)
    assert list(lesson(owner, "fewer").labels) == ["high", "low"]


def test_labels_of_all_classifiers_are_bounded(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A teaching that would exceed the bound says so; its own version does not count."""
    owner.two_labels()
    owner.asks()
    monkeypatch.setattr(versions, "MOST_LABELS", 2)
    assert lesson(owner).labels
    monkeypatch.setattr(versions, "MOST_LABELS", 1)
    with pytest.raises(TooManyLabels, match="may have 1 labels together"):
        lesson(owner)
