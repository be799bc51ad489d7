"""Labels that owners confirm and reject: what is one, and where it may be."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace
from typing import Literal

import pytest
from pydantic import ValidationError

from phonoscope import written
from phonoscope.annotations.values import LONGEST_LABEL, MOST_LABELS, Annotation, LabelRequest, check_together
from phonoscope.errors import ContradictoryLabels, InvalidRequest, TooManyLabels
from phonoscope.states import LabelState

NO, YES = LabelState.REJECTED, LabelState.CONFIRMED


def of(start_s: float | None = None, end_s: float | None = None, label: str = "dog") -> Annotation:
    return Annotation(label, YES, start_s, end_s)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("  wood saw ", "wood saw"),
        ("e\u0301tude", "étude"),
        ("=1+1", "=1+1"),
        ("犬" * LONGEST_LABEL, "犬" * LONGEST_LABEL),
    ],
)
def test_a_label_is_a_line_in_nfc(text: str, label: str) -> None:
    """Without spaces around it; so that one word is one label."""
    assert LabelRequest(label=text).label == label


@pytest.mark.parametrize(
    "text",
    ["", "  ", "a\nb", "a\tb", "a\x00b", "a\u2028b", "a\u202eb", "\u200b", "\ufeffa", "a" * (LONGEST_LABEL + 1)],
)
def test_what_is_no_line_is_no_label(text: str) -> None:
    """Also what is not visible, and what reorders text."""
    with pytest.raises(ValidationError):
        LabelRequest(label=text)


@pytest.mark.parametrize("mark", ["\u0300", "\u0315\u0300"])
def test_a_label_is_measured_before_it_is_normalised(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To order its marks takes the square of its length: what no form makes short enough is refused as it came."""
    lengths: list[int] = []

    def normalize(form: Literal["NFC"], text: str) -> str:
        lengths.append(len(text))
        return unicodedata.normalize(form, text)

    monkeypatch.setattr(written, "unicodedata", SimpleNamespace(normalize=normalize))
    with pytest.raises(ValidationError, match="1 to 100 characters"):
        LabelRequest(label="a" + mark * 50_000)
    assert LabelRequest(label=" " * 999 + "\u03b1\u0313\u0300\u0345" * LONGEST_LABEL).label == "\u1f82" * LONGEST_LABEL
    assert lengths == [4 * LONGEST_LABEL]


@pytest.mark.parametrize("times", [(None, 1.0), (1.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (float("nan"), None)])
def test_a_span_ends_after_its_start(times: tuple[float | None, float | None]) -> None:
    """A point has no end, and the whole recording neither start nor end."""
    with pytest.raises(ValidationError):
        LabelRequest(label="dog", start_s=times[0], end_s=times[1])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (of(), of()),
        (of(0.0, 5.0), of()),
        (of(0.0, 5.04), of()),
        (of(0.0), of(0.0)),
        (of(5.0), of(5.0)),
        (of(4.0, 5.05), of(4.0, 5.0)),
        (of(0.12345649, 0.2), of(0.123456, 0.2)),
    ],
)
def test_labels_lie_within_the_recording(given: Annotation, kept: Annotation) -> None:
    """To the microsecond; a span over all of it is all of it, and one that ends just after it ends with it."""
    assert given.within(5.0) == kept


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (of(0.0, 5.1), "end_s"),
        (of(5.1), "start_s"),
        (of(5.1, 5.2), "start_s"),
        (of(5.0, 5.02), "end_s"),
        (of(1.0, 1.0000001), "end_s"),
    ],
)
def test_labels_outside_of_the_recording_are_refused(given: Annotation, field: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(InvalidRequest) as refusal:
        given.within(5.0)
    assert refusal.value.errors[0]["field"] == field


def test_one_span_has_one_state() -> None:
    """Of each label; other labels, and other spans, have their own."""
    check_together([of(), of(1.0, 2.0), of(1.0), Annotation("cat", NO), Annotation("dog", NO, 1.0, 3.0)])
    with pytest.raises(ContradictoryLabels, match=r"labels\.1"):
        check_together([of(1.0, 2.0), Annotation("dog", NO, 1.0, 2.0)])
    with pytest.raises(InvalidRequest, match=r"labels\.2: the same as labels\.0"):
        check_together([of(), of(1.0), of()])
    with pytest.raises(TooManyLabels):
        check_together([of(label=str(at)) for at in range(MOST_LABELS + 1)])
