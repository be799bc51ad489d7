"""What models predict of a recording, as labels of the whole of it and of its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from phonoscope.annotations.rows import Predicted
from phonoscope.catalogue import Kind
from phonoscope.db.library.results import newest_result
from phonoscope.errors import OutdatedResult
from phonoscope.states import TaskName
from phonoscope.tasks import Classify
from phonoscope.tasks.classify import ClassifiedWindow, ClassifyResult
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.signing import Signer


def predicted_of(session: Session, signer: Signer, track_id: str, rejected: Collection[str]) -> list[Predicted]:
    """The labels of the newest classification, of the whole recording and then in the order of time.

    Args:
        rejected: what the owner rejected of the whole recording, which is left out.

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
    return [each for each in said if each.label not in rejected]


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
