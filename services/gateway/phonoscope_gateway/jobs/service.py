"""Rules for jobs: rows are committed first, then the pools are woken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from phonoscope.contract import MAX_METADATA_BYTES, Job, JobRequest
from phonoscope.db.library.jobs import get_job, newest_job_with
from phonoscope.db.library.results import newest_artifact
from phonoscope.db.library.tracks import get_track, hold_track
from phonoscope.db.schema.tables import JobRow, TrackRow
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.create import create_job, queued_places
from phonoscope.errors import BrokerUnavailable, InvalidRequest, NotFound
from phonoscope.logs import get_logger
from phonoscope.states import Place, Status, TaskName
from phonoscope.work import Library
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.jobs.evidence import check_evidence, check_span
from phonoscope_gateway.jobs.ledger import filled_in, ledger_of, order_of
from phonoscope_gateway.jobs.reference import check_genre
from phonoscope_gateway.jobs.view import describe_jobs
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.service import create_track_and
from phonoscope_gateway.webhooks.service import check_webhook, own_address

Then: TypeAlias = Callable[[Session, Job], None]
"""Is given the transaction and the job that was made in it."""

_log = get_logger(__name__)
_MAX_METADATA_DEPTH = 64


def submit_job(state: State, owner_id: str, request: JobRequest, then: Then = lambda *_: None) -> Job:
    """Commits the job and what ``then`` writes, then wakes the pools it needs.

    Raises:
        NotFound: the track is not this owner's.
        UnknownModel, InvalidRequest: an option names what is not there.
        Unavailable: the database or the broker is down; no job was made.
    """
    check_request(state, request)
    check_webhook(state, owner_id, request)
    state.queue.ping()
    try:
        with state.database.transaction() as session:
            subject = _subject(session, owner_id, request)
            job, places = _make_job(state, session, subject, request)
            then(session, job)
    except IntegrityError as error:
        raise NotFound(f"no track {request.track_id!r}") from error
    _wake(state, places, job, "job.created")
    return job


def submit_recording(
    state: State, owner_id: str, request: JobRequest, upload: Upload, then: Then = lambda *_: None
) -> Job:
    """Commits the upload's track, unless it is known, its job and what ``then`` writes together, then wakes the pools.

    Raises:
        RecordingError: the upload cannot be analysed; nothing is stored.
        UnknownModel, InvalidRequest: an option names what is not there; nothing is stored.
        Unavailable: the database, the broker or the store is down; no job was made, nothing is stored.
    """
    check_request(state, request)
    check_webhook(state, owner_id, request)
    state.queue.ping()

    def make(session: Session, row: TrackRow, _created: bool) -> tuple[Job, list[Place]]:
        job, places = _make_job(state, session, row, request)
        then(session, job)
        return job, places

    try:
        *_, (job, places) = create_track_and(state, owner_id, upload, make)
    except IntegrityError as error:
        raise NotFound("the recording was erased meanwhile") from error
    _wake(state, places, job, "job.created")
    return job


def submit_unless_made(state: State, owner_id: str, track_id: str, task: TaskName, kind: str) -> Job | None:
    """The job in which the task makes the track's artifact of a kind: the last one while it is open or when it failed,
    else a new one. ``None`` when the artifact is there.

    Raises:
        NotFound: the track is not this owner's.
        Unavailable: the database or the broker is down; no job was made.
    """
    state.queue.ping()
    with state.database.transaction() as session:
        track = hold_track(session, owner_id, track_id)
        row = newest_job_with(session, track_id, task)
        if row is not None and _is_open_or_failed(row, task):
            return describe_jobs(state.signer, session, [row])[0]
        # After the job: it may end in between, and its artifact comes with its end.
        if newest_artifact(session, track_id, task, kind) is not None:
            return None
        job, places = _make_job(state, session, track, JobRequest(track_id=track_id, tasks=[task]))
    _wake(state, places, job, "job.created")
    return job


def check_request(state: State, request: JobRequest) -> None:
    """Refuses what is well-formed but cannot be done. Raises ``InvalidRequest`` or ``UnknownModel``."""
    if len(set(request.tasks)) != len(request.tasks):
        raise InvalidRequest.field("tasks", "each task at most once")
    if TaskName.MAP in request.tasks and (len(request.tasks) > 1 or request.track_id is not None):
        raise InvalidRequest.field("tasks", "`map` is about the whole library: it goes alone and without a track")
    if TaskName.MAP not in request.tasks and request.track_id is None:
        raise InvalidRequest.field("track_id", "missing")
    if request.options.map.model is not None:
        state.catalogue.get(request.options.map.model)
    model = request.options.classify.model
    if model is not None or TaskName.EXPLAIN in request.tasks or TaskName.FEATURES in request.tasks:
        check_evidence(state.catalogue.get(model or state.settings.default_model), request)
    if request.options.describe.genre is not None:
        check_genre(request.options.describe.genre)
    check_metadata(request.metadata)


def check_metadata(metadata: dict[str, Any]) -> None:
    """Refuses what ``jsonb`` cannot hold or what could not be written out again. Raises ``InvalidRequest``."""
    if _depth(metadata) > _MAX_METADATA_DEPTH:
        raise InvalidRequest.field("metadata", f"is nested more than {_MAX_METADATA_DEPTH} levels deep")
    try:
        encoded = json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise InvalidRequest.field("metadata", "holds a value that JSON has no word for") from error
    if b"\\u0000" in encoded:
        raise InvalidRequest.field("metadata", "holds a NUL character")
    if len(encoded) > MAX_METADATA_BYTES:
        raise InvalidRequest.field("metadata", f"has {len(encoded):,} bytes; {MAX_METADATA_BYTES:,} are allowed")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def read_job(state: State, owner_id: str, job_id: str) -> Job:
    """Raises ``NotFound`` or ``DatabaseUnavailable``."""
    with state.database.single() as session:
        return describe_jobs(state.signer, session, [get_job(session, owner_id, job_id)])[0]


def call_off(state: State, owner_id: str, job_id: str) -> Job:
    """The job, cancelled: what waits never starts, and what runs stops at once and leaves nothing.

    Raises:
        NotFound: it is not this owner's.
        JobEnded: it has ended.
    """
    with state.database.transaction() as session:
        places = cancel_job(session, owner_id, job_id)
        job = describe_jobs(state.signer, session, [get_job(session, owner_id, job_id)])[0]
    _wake(state, places, job, "job.cancelled")
    return job


def _is_open_or_failed(row: JobRow, task: TaskName) -> bool:
    (status,) = (each.status for each in row.tasks if each.name is task)
    return not status.ended or status is Status.FAILED


def _subject(session: Session, owner_id: str, request: JobRequest) -> TrackRow | Library:
    if request.track_id is None:
        return Library(owner_id)
    return get_track(session, owner_id, request.track_id)


def _make_job(
    state: State, session: Session, subject: TrackRow | Library, request: JobRequest
) -> tuple[Job, list[Place]]:
    """The job as its client sees it, and where it queues."""
    check_span(subject.duration_s, request)
    request = filled_in(request, state.settings.default_model)
    options = request.options.model_dump(mode="json")
    ledger = ledger_of(session, state, subject, request)
    row = create_job(
        session,
        subject,
        request.tasks,
        options,
        request.metadata,
        ledger=ledger,
        waits_for=order_of(request),
        webhook_url=own_address(state, request),
    )
    return describe_jobs(state.signer, session, [row])[0], queued_places(row)


def _wake(state: State, places: Iterable[Place], job: Job, event: str) -> None:
    """What has been committed is logged by that name, whether or not the broker could be told."""
    try:
        state.queue.wake(places)
    except BrokerUnavailable:
        _log.warning("job.not_sent_yet", job_id=job.id)
    _log.info(event, job_id=job.id, tasks=[task.name for task in job.tasks])
