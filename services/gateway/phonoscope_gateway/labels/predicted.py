"""What models predict of a recording, as labels of the whole of it and of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from phonoscope.annotations.rows import Predicted
from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Kind
from phonoscope.db.library.results import newest_result
from phonoscope.errors import OutdatedResult
from phonoscope.states import LabelState, TaskName
from phonoscope.tasks import Classify
from phonoscope.tasks.classify import ClassifiedWindow, ClassifyResult
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.signing import Signer

_LEAST_S = 0.001
"""Edges that programs have rounded leave less than this between them."""


def predicted_of(session: Session, signer: Signer, track_id: str, own: Sequence[Annotation]) -> list[Predicted]:
    """The labels of the newest classification, of the whole recording and then in the order of time.

    Args:
        own: what the owner confirmed and rejected, which is left out.

    A classification that cannot be read predicts nothing. The caller has checked the owner.
    """
    found = newest_result(session, track_id, TaskName.CLASSIFY)
    if found is None:
        return []
    try:
        result = read_result(signer, Classify, found.body)
    except OutdatedResult:
        return []
    said = (*_of_all(result), *spans(result.windows, result.duration_s, result.model.name))
    return list(unsaid(said, own))


def unsaid(predicted: Iterable[Predicted], own: Sequence[Annotation]) -> Iterator[Predicted]:
    """What the owner has said nothing of; of a span the parts that are in no span with its label.

    A label that is rejected of the whole recording is in no part of it.
    """
    rejected = {each.label for each in own if each.start_s is None and each.state is LabelState.REJECTED}
    whole = {each.label for each in own if each.start_s is None}
    for each in predicted:
        if each.label in rejected or (each.start_s is None and each.label in whole):
            continue
        yield from [each] if each.start_s is None else _parts(each, own)


def _parts(span: Predicted, own: Iterable[Annotation]) -> Iterator[Predicted]:
    """What spans with its label leave of it."""
    start_s, end_s = span.start_s or 0.0, span.end_s or 0.0
    said = ((each.start_s, each.end_s) for each in own if each.label == span.label)
    for from_s, to_s in sorted((from_s, to_s) for from_s, to_s in said if from_s is not None and to_s is not None):
        if to_s <= start_s or from_s >= end_s:
            continue
        if from_s - start_s > _LEAST_S:
            yield replace(span, start_s=start_s, end_s=from_s)
        start_s = max(start_s, to_s)
    if end_s - start_s > _LEAST_S:
        yield replace(span, start_s=start_s, end_s=end_s)


def _of_all(result: ClassifyResult) -> Iterator[Predicted]:
    answers = [(answer.model.name, answer.labels, answer.top) for answer in result.answers]
    if not answers and result.label is not None:
        answers = [(result.model.name, [result.label], result.top)]
    for model, labels, top in answers:
        probabilities = {each.label: each.probability for each in top}
        yield from (Predicted(label, model, probabilities.get(label)) for label in labels)


def spans(windows: Sequence[ClassifiedWindow], duration_s: float, model: str) -> list[Predicted]:
    """Windows that overlap as spans that do not, as the page shows them.

    Each window counts for the times that are nearest to its middle, and neighbours with one label join, with the
    highest probability. Silence, and what is unknown, has no label.

    Args:
        model: of windows that name none.
    """
    found: list[Predicted] = []
    if not windows:
        return found
    edges = [0.0, *map(_between, windows, windows[1:])]
    open_ = False
    for window, start_s, end_s in zip(windows, edges, [*edges[1:], duration_s], strict=True):
        best = None if window.unknown or _is_silent(window) else next(iter(window.top), None)
        if best is None or end_s <= start_s:
            open_ = False
            continue
        one = Predicted(best.label, window.model or model, best.probability, start_s, end_s)
        before = found[-1] if found and open_ else None
        if before and (before.label, before.model) == (one.label, one.model):
            found[-1] = replace(before, end_s=end_s, probability=max(before.probability or 0.0, best.probability))
        else:
            found.append(one)
        open_ = True
    return found


def _between(one: ClassifiedWindow, other: ClassifiedWindow) -> float:
    """The time in the middle of two windows' middles."""
    return (one.start_s + one.end_s + other.start_s + other.end_s) / 4


def _is_silent(window: ClassifiedWindow) -> bool:
    return window.silent or window.kind is Kind.SILENCE
