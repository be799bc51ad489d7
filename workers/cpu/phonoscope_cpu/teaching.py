"""The ``teach`` task: teaches a classifier of the owner's own from stored vectors; nothing is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from phonoscope.catalogue import BodyRef, Catalogue
from phonoscope.errors import SpaceGone, TooFewExamples
from phonoscope.work import NotedWindow, Outcome, Space, Teaching
from phonoscope_cpu.duplicates import groups_of
from phonoscope_worker import Work

if TYPE_CHECKING:
    from phonoscope.db.classifiers.examples import Lesson
    from phonoscope_ml.teaching import Asked, Examples, Figures, Taught

MOST_STRANGERS = 5_000
"""Windows of recordings that are no examples, by which it is decided what is unknown."""
_MOST_QUEUED = 200
_MOST_CONFUSED = 200
_REASONS = {"varied": "new"}

Windows: TypeAlias = NDArray[np.int64]
"""Indices of windows."""


def teach_task(work: Work, catalogue: Catalogue) -> Outcome:
    """Teaches a new version of the classifier that the options name.

    Args:
        catalogue: the served models, on one of whose bodies the head is to be served.

    Raises:
        NotFound: the owner has no such classifier any more.
        TooFewExamples, ContradictoryLabels: it cannot be taught from what is said now.
        SpaceGone: its body is no longer served.
    """
    from phonoscope_ml.teaching import choose, teach, to_files

    work.report(0.0, "gathering")
    with work.timed("gather_s"):
        lesson = work.lesson(work.options.teach.classifier or "")
        body = _body_of(catalogue, lesson.space)
        examples = _examples(lesson)
        strangers = strangers_of(lesson)
    with work.timed("teach_s"):
        taught = teach(
            lesson.labels,
            examples,
            lesson.others.vectors[strangers],
            lesson.others.recordings[strangers],
            several=lesson.several,
            report=lambda done: work.report(0.1 + 0.7 * done, "teaching"),
        )
    work.report(0.8, "choosing")
    with work.timed("choose_s"):
        asked = choose(taught, lesson.others.vectors, lesson.others.recordings, lesson.known.vectors, _MOST_QUEUED)
    version = lesson.version + 1
    manifest, weights = to_files(taught, lesson.name, version, body)
    made = Teaching(
        classifier_id=lesson.classifier_id,
        version=version,
        read_at=lesson.read_at,
        manifest=manifest.model_dump(mode="json"),
        weights=weights,
        figures=figures_of(lesson, taught.figures),
        tracks=frozenset(lesson.known.tracks),
        doubts=_doubts(lesson, taught),
        queue=_queue(lesson, asked),
    )
    digest = f"sha256:{manifest.on[0].weights.sha256}"
    return Outcome(_result(lesson, taught.figures, made.version, digest), None, lesson.name, digest, teaching=made)


def strangers_of(lesson: Lesson) -> Windows:
    """Windows of recordings that nothing is said of, at most ``MOST_STRANGERS``: of each recording alike."""
    known, others = set(lesson.known.tracks), lesson.others
    is_strange = np.array([track not in known for track in others.tracks], np.bool_)
    found = np.flatnonzero(is_strange[others.recordings]) if len(others.tracks) else np.zeros(0, np.int64)
    if len(found) <= MOST_STRANGERS:
        return found
    # The first windows of all recordings, then the second ones, and so on.
    of = others.recordings[found]
    first = np.searchsorted(of, of)
    turn = np.lexsort((of, np.arange(len(of)) - first))
    return np.sort(found[turn[:MOST_STRANGERS]])


def figures_of(lesson: Lesson, figures: Figures) -> dict[str, Any]:
    """The figures of a teaching as the contract has them."""
    windows = np.bincount(lesson.facts[lesson.facts[:, 2] == 1, 1], minlength=len(lesson.labels))
    return {
        "accuracy": figures.accuracy,
        "accuracy_low": figures.accuracy_low,
        "accuracy_high": figures.accuracy_high,
        "recordings": figures.recordings,
        "windows": figures.examples,
        "groups": figures.groups,
        "folds": figures.folds,
        "method": figures.method,
        "why": figures.reason,
        "labels": [
            {
                "label": each.label,
                "recordings": each.recordings,
                "windows": int(count),
                "precision": each.precision,
                "recall": each.recall,
                "too_few": each.too_few,
            }
            for each, count in zip(figures.labels, windows, strict=True)
        ],
        "confusions": [
            {"label": each.label, "taken_for": each.called, "recordings": each.recordings}
            for each in _confusions(figures)
        ],
        "unknown_of_strangers": figures.unknown_share_of_strangers,
        "unknown_of_known": figures.unknown_share_of_examples,
        "left_out": list(lesson.left_out),
    }


def _confusions(figures: Figures) -> list[Any]:
    wrong = [each for each in figures.confusion if each.called != each.label]
    return sorted(wrong, key=lambda each: -each.recordings)[:_MOST_CONFUSED]


def _body_of(catalogue: Catalogue, space: Space) -> BodyRef:
    found = next((body for body in catalogue.bodies.values() if body.space == space), None)
    if found is None:
        raise SpaceGone.field("space", f"the body {space.model!r} is no longer served as it was: teach it again")
    return BodyRef(name=found.name, digest=found.digest)


def _examples(lesson: Lesson) -> Examples:
    from phonoscope_ml.teaching import Examples

    known, facts = lesson.known, lesson.facts
    groups = groups_of(lesson.track_vectors)[known.recordings]
    try:
        return Examples(known.vectors, known.recordings, groups, facts[:, 0], facts[:, 1], facts[:, 2] == 1)
    except ValueError as error:
        raise TooFewExamples.field("examples", str(error)) from error


def _doubts(lesson: Lesson, taught: Taught) -> tuple[NotedWindow, ...]:
    return tuple(
        NotedWindow(*_place(lesson.known, each.window), each.likely, each.probability, each.label)
        for each in taught.doubts
    )


def _queue(lesson: Lesson, asked: list[Asked]) -> tuple[NotedWindow, ...]:
    return tuple(
        NotedWindow(*_place(lesson.others, each.window), each.label, each.probability, _REASONS.get(each.why, each.why))
        for each in asked
    )


def _place(windows: Any, at: int) -> tuple[str, float, float]:
    start_s, end_s = (round(float(second), 3) for second in windows.spans_s[at])
    return windows.track_of(at), start_s, end_s


def _result(lesson: Lesson, figures: Figures, version: int, digest: str) -> dict[str, Any]:
    return {
        "classifier": lesson.name,
        "version": version,
        "digest": digest,
        "labels": list(lesson.labels),
        "method": figures.method,
        "accuracy": figures.accuracy,
        "accuracy_low": figures.accuracy_low,
        "accuracy_high": figures.accuracy_high,
        "examples": figures.examples,
        "recordings": figures.recordings,
        "left_out": len(lesson.left_out),
    }
