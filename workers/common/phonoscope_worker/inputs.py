"""Turns a claim into the work that its handler takes."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, BinaryIO

from pydantic import ValidationError

from phonoscope.contract import MOST_ON_MAP, JobOptions
from phonoscope.db.classifiers.applying import begin_labelling
from phonoscope.db.classifiers.examples import MOST_OTHERS, Lesson, read_lesson
from phonoscope.db.classifiers.heads import find_head
from phonoscope.db.classifiers.trials import MOST_TRIED, Trials, read_trials
from phonoscope.db.library.artifacts import artifacts_of
from phonoscope.db.library.maps import vectors_to_place
from phonoscope.db.library.results import newest_result
from phonoscope.db.spaces.reading import reading_space
from phonoscope.errors import OutdatedResult, UnsupportedTask
from phonoscope.states import TaskName
from phonoscope.tasks import Separate
from phonoscope.work import Claim, ClaimedTrack, Space
from phonoscope_worker.context import Context
from phonoscope_worker.store_retry import retrying_store
from phonoscope_worker.work import Work, spool


def work_of(context: Context, claim: Claim, timings: dict[str, float]) -> Work:
    """The claim's work; the seconds of its stages are added to ``timings``.

    Raises ``UnsupportedTask`` when this release does not know the options.
    """
    options, report = _options(claim), context.heartbeat.report
    if isinstance(claim.subject, ClaimedTrack):
        fetch = partial(context.store.fetch, claim.subject.object_key)
        stems = partial(_fetch_stems, context, claim, options.audio_track)
        own_head = partial(find_head, context.database, claim.subject.owner_id)
        return Work(claim, options, spool(), report, stems=stems, fetch=fetch, own_head=own_head, timings=timings)
    vectors = partial(_read_vectors, context, claim.subject.owner_id)
    lesson = partial(_read_lesson, context, claim.subject.owner_id)
    trials = partial(_read_trials, context, claim.subject.owner_id)
    labelling = partial(begin_labelling, context.database, claim)
    return Work(
        claim,
        options,
        spool(),
        report,
        vectors=vectors,
        lesson=lesson,
        trials=trials,
        labelling=labelling,
        timings=timings,
    )


def _options(claim: Claim) -> JobOptions:
    try:
        return JobOptions.model_validate(claim.options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(map(str, ("options", *first["loc"])))
        raise UnsupportedTask(f"{name}: {first['msg']}; the job comes from another release") from error


def _fetch_stems(context: Context, claim: Claim, audio_track: int | None) -> dict[str, BinaryIO]:
    """Raises ``OutdatedResult`` when another version of the service made the stems, and its result cannot be read."""
    with context.database.autocommit() as session:
        found = newest_result(session, claim.track.id, TaskName.SEPARATE, audio_track)
        rows = {row.id: row for row in artifacts_of(session, found.produced_by)} if found else {}
    try:
        stems = Separate.read_stored(found.body).stems if found else []
    except ValidationError as error:
        raise OutdatedResult("the track's stems: make them again with the option no_cache") from error
    files = {}
    for stem in stems:
        files[stem.name] = spool()
        retrying_store(partial(context.store.fetch, rows[stem.audio.id].object_key, files[stem.name]))
    return files


def _read_vectors(context: Context, owner_id: str, served: Space) -> tuple[Space, dict[str, Any]]:
    with context.database.autocommit() as session:
        space = reading_space(session, owner_id, served)
        return space, vectors_to_place(session, owner_id, space, MOST_ON_MAP)


def _read_lesson(context: Context, owner_id: str, name: str, space: Space | None = None) -> Lesson:
    with context.database.transaction() as session:
        return read_lesson(session, owner_id, name, MOST_OTHERS, space)


def _read_trials(context: Context, owner_id: str, name: str, spaces: Collection[Space]) -> Trials | None:
    with context.database.transaction() as session:
        return read_trials(session, owner_id, name, spaces, MOST_TRIED)
