"""The ``teach`` task: teaches a classifier of the owner's own from stored vectors; nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from phonoscope.catalogue import Catalogue
from phonoscope.contract.classifiers import ClassifierFigures, SpaceChoice
from phonoscope.errors import TooFewExamples
from phonoscope.work import NotedWindow, NowIn, Outcome, Teaching
from phonoscope_cpu.choosing import body_of, choose_for
from phonoscope_cpu.duplicates import groups_of
from phonoscope_worker import Work

if TYPE_CHECKING:
    from phonoscope.db.classifiers.examples import Lesson
    from phonoscope_ml.teaching import Asked, Examples, Figures, Taught

_MOST_QUEUED = 200
_MOST_CONFUSED = 200
_SAME = (
    *("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "held_out", "recordings", "groups", "folds", "method"),
    "strangers_alike",
)
_REASONS = {"varied": "new"}


def teach_task(work: Work, catalogue: Catalogue) -> Outcome:
    """Teaches a new version of the classifier that the options name, in its space or in one that is better.

    Args:
        catalogue: the served models, on one of whose bodies the head is to be served.

    Raises:
        NotFound: the owner has no such classifier any more.
        TooFewExamples, ContradictoryLabels: it cannot be taught from what is said now.
        SpaceGone: its body is no longer served.
    """
    from phonoscope_ml.teaching import choose, teach, to_files

    name = work.options.teach.classifier or ""
    work.report(0.0, "gathering")
    with work.timed("compare_s"):
        chosen = choose_for(work, catalogue, name)
    with work.timed("gather_s"):
        lesson = work.lesson(name, chosen.space)
        body = body_of(catalogue, lesson.space)
    with work.timed("group_s"):
        examples = _examples(lesson, chosen.groups)
    with work.timed("teach_s"):
        taught = teach(
            lesson.labels,
            examples,
            lesson.strangers.vectors,
            lesson.strangers.recordings,
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
        figures=figures_of(lesson, taught.figures, chosen.card(lesson.space)),
        tracks=frozenset(lesson.known.tracks),
        doubts=_doubts(lesson, taught),
        queue=_queue(lesson, asked),
        now_in=NowIn(lesson.space, catalogue.embedders.get(lesson.space, ""), chosen.left) if chosen.left else None,
    )
    digest = f"sha256:{manifest.on[0].weights.sha256}"
    return Outcome(_result(lesson, taught.figures, made.version, digest), None, lesson.name, digest, teaching=made)


def figures_of(lesson: Lesson, figures: Figures, space: SpaceChoice) -> dict[str, Any]:
    """The figures of a teaching as the contract has them; what was left out is by ids."""
    windows = np.bincount(lesson.facts[lesson.facts[:, 2] == 1, 1], minlength=len(lesson.labels))
    confusions = sorted(figures.confusion, key=lambda each: -each.recordings)[:_MOST_CONFUSED]
    found = {
        **{name: getattr(figures, name) for name in _SAME},
        "windows": figures.examples,
        "why": figures.reason,
        "space": space,
        "unknown_of_strangers": figures.unknown_share_of_strangers,
        "unknown_of_known": figures.unknown_share_of_examples,
        "labels": [
            {**asdict(each), "windows": int(count)} for each, count in zip(figures.labels, windows, strict=True)
        ],
        "confusions": [
            {"label": each.label, "taken_for": each.called, "recordings": each.recordings} for each in confusions
        ],
    }
    kept = ClassifierFigures.model_validate(found).model_dump(mode="json")
    return {**kept, "left_out": list(lesson.left_out)}


def _examples(lesson: Lesson, groups: Mapping[str, int]) -> Examples:
    from phonoscope_ml.teaching import Examples

    known, facts = lesson.known, lesson.facts
    if all(track in groups for track in known.tracks):
        of_tracks = np.array([groups[track] for track in known.tracks], np.int64)
    else:
        of_tracks = groups_of(lesson.track_vectors, lesson.fingerprints)
    shared = of_tracks[known.recordings]
    try:
        return Examples(known.vectors, known.recordings, shared, facts[:, 0], facts[:, 1], facts[:, 2] == 1)
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
