"""Windows as the labels of spans, as an export has them."""

from __future__ import annotations

import pytest

from phonoscope.annotations.rows import Predicted
from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Kind
from phonoscope.states import LabelState
from phonoscope.tasks.classify import ClassifiedWindow, Prediction
from phonoscope_gateway.labels.predicted import spans, unsaid


def window(start_s: float, label: str | None, probability: float = 0.5, **more: object) -> ClassifiedWindow:
    """Of two seconds; without a label unknown."""
    top = [Prediction(label=label or "dog", probability=probability)]
    values = {"start_s": start_s, "end_s": start_s + 2.0, "top": top, "unknown": label is None, "silent": False}
    return ClassifiedWindow.model_validate(values | more)


def found(
    *windows: ClassifiedWindow, duration_s: float = 5.0
) -> list[tuple[str, str, float, float | None, float | None]]:
    return [
        (each.label, each.model, each.probability or 0.0, each.start_s, each.end_s)
        for each in spans(windows, duration_s, "esc")
    ]


def test_windows_that_overlap_become_spans_that_do_not() -> None:
    """Each has what is nearest to its middle; equal neighbours join, with the highest probability."""
    assert found(window(0.0, "dog"), window(1.0, "dog", 0.75), window(2.0, "rain")) == [
        ("dog", "esc", 0.75, 0.0, 2.5),
        ("rain", "esc", 0.5, 2.5, 5.0),
    ]


@pytest.mark.parametrize(
    "between", [window(1.0, None), window(1.0, "dog", silent=True), window(1.0, "dog", kind=Kind.SILENCE)]
)
def test_what_is_silent_or_unknown_parts_spans(between: ClassifiedWindow) -> None:
    """It has no label, and those around it do not join."""
    assert [each[3:] for each in found(window(0.0, "dog"), between, window(2.0, "dog"))] == [(0.0, 1.5), (2.5, 5.0)]


def test_another_model_is_another_span() -> None:
    """Also where the label is the same."""
    assert [each[1] for each in found(window(0.0, "dog"), window(1.0, "dog", model="other"))] == ["esc", "other"]


NO, YES = LabelState.REJECTED, LabelState.CONFIRMED
SAID = {
    "nothing": ([], [("dog", None, None), ("dog", 0.0, 10.0), ("rain", 10.0, 12.0)]),
    "rejected of the whole": ([Annotation("dog", NO)], [("rain", 10.0, 12.0)]),
    "confirmed of the whole": ([Annotation("dog", YES)], [("dog", 0.0, 10.0), ("rain", 10.0, 12.0)]),
    "a rejected span": (
        [Annotation("rain", NO, 10.0, 11.999999)],
        [("dog", None, None), ("dog", 0.0, 10.0)],
    ),
    "a confirmed span": (
        [Annotation("dog", YES, 0.0, 10.0)],
        [("dog", None, None), ("rain", 10.0, 12.0)],
    ),
    "spans within one": (
        [Annotation("dog", NO, 6.0, 7.0), Annotation("dog", YES, 2.0, 4.0), Annotation("dog", NO, 3.0, 3.5)],
        [("dog", None, None), ("dog", 0.0, 2.0), ("dog", 4.0, 6.0), ("dog", 7.0, 10.0), ("rain", 10.0, 12.0)],
    ),
    "another label, and a point": (
        [Annotation("cat", NO), Annotation("cat", YES, 0.0, 12.0), Annotation("dog", NO, 3.0)],
        [("dog", None, None), ("dog", 0.0, 10.0), ("rain", 10.0, 12.0)],
    ),
}


@pytest.mark.parametrize(("own", "left"), SAID.values(), ids=list(SAID))
def test_what_the_owner_said_is_not_predicted_too(own: list[Annotation], left: list[object]) -> None:
    """Neither what was rejected, nor what is in the file as confirmed."""
    said = [Predicted("dog", "esc", 0.5)]
    said += [Predicted("dog", "esc", 0.5, 0.0, 10.0), Predicted("rain", "esc", 0.5, 10.0, 12.0)]
    assert [(each.label, each.start_s, each.end_s) for each in unsaid(said, own)] == left


def test_nothing_has_no_spans() -> None:
    assert found() == []
    assert found(window(0.0, "dog"), duration_s=0.0) == []
