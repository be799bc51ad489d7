"""Rules for jobs: rows are committed first, then the pools are woken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from phonoscope.contract import MAX_METADATA_BYTES, Job, JobRequest, Task, Waiting
from phonoscope.db.artifacts import newest_artifact
from phonoscope.db.jobs import Ahead, count_ahead, create_job, get_job, newest_job_with
from phonoscope.db.tables import JobRow, TaskRow, TrackRow
from phonoscope.db.tracks import get_track, hold_track
from phonoscope.errors import BrokerUnavailable, InvalidRequest, NotFound
from phonoscope.logs import get_logger
from phonoscope.states import Status, TaskName
from phonoscope_gateway.artifacts.signing import Signer
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.jobs.evidence import check_evidence, check_span
from phonoscope_gateway.jobs.reference import check_genre, reference, track_labels
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.service import create_track_and

_log = get_logger(__name__)
_MAX_METADATA_DEPTH = 64


def submit_job(state: State, owner_id: str, request: JobRequest) -> Job:
    """Commits the job, then wakes the pools it needs.

    Raises:
        NotFound: the track is not this owner's.
        UnknownModel, InvalidRequest: an option names what is not there.
        Unavailable: the database or the broker is down; no job was made.
    """
    check_request(state, request)
    state.queue.ping()
    try:
        with state.database.transaction() as session:
            job = _make_job(state, session, get_track(session, owner_id, request.track_id), request)
    except IntegrityError as error:
        raise NotFound(f"no track {request.track_id!r}") from error
    _wake(state, job)
    return job


def submit_recording(state: State, owner_id: str, request: JobRequest, upload: Upload) -> Job:
    """Commits the upload's track, unless it is known, and its job together, then wakes the pools.

    Raises:
        RecordingError: the upload cannot be analysed; nothing is stored.
        UnknownModel, InvalidRequest: an option names what is not there; nothing is stored.
        Unavailable: the database, the broker or the store is down; no job was made, nothing is stored.
    """
    check_request(state, request)
    state.queue.ping()
    try:
        *_, job = create_track_and(
            state, owner_id, upload, lambda session, row: _make_job(state, session, row, request)
        )
    except IntegrityError as error:
        raise NotFound("the recording was erased meanwhile") from error
    _wake(state, job)
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
        if newest_artifact(session, track_id, kind) is not None:
            return None
        job = _make_job(state, session, track, JobRequest(track_id=track_id, tasks=[task]))
    _wake(state, job)
    return job


def check_request(state: State, request: JobRequest) -> None:
    """Refuses what is well-formed but cannot be done. Raises ``InvalidRequest`` or ``UnknownModel``."""
    if len(set(request.tasks)) != len(request.tasks):
        raise InvalidRequest.field("tasks", "each task at most once")
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


def describe_jobs(signer: Signer, session: Session, rows: Sequence[JobRow]) -> list[Job]:
    """Jobs as their client sees them, with links to their artifacts that are good from now on."""
    ahead = count_ahead(session, rows)
    labels = track_labels(session, rows)
    return [
        Job(
            id=row.id,
            track_id=row.track_id,
            status=row.status,
            created_at=row.created_at,
            finished_at=row.finished_at,
            metadata=row.client_metadata,
            tasks=[
                _describe_task(signer, task, ahead.get((row.id, task.pool)), _body(row, task, labels))
                for task in row.tasks
            ],
        )
        for row in rows
    ]


def _is_open_or_failed(row: JobRow, task: TaskName) -> bool:
    (status,) = (each.status for each in row.tasks if each.name is task)
    return not status.ended or status is Status.FAILED


def _make_job(state: State, session: Session, track: TrackRow, request: JobRequest) -> Job:
    check_span(track.duration_s, request)
    options = request.options.model_dump(mode="json")
    row = create_job(session, track.owner_id, track.id, request.tasks, options, request.metadata)
    return describe_jobs(state.signer, session, [row])[0]


def _wake(state: State, job: Job) -> None:
    try:
        state.queue.send(job.id, {task.pool for task in job.tasks})
    except BrokerUnavailable:
        _log.warning("job.not_sent_yet", job_id=job.id)
    _log.info("job.created", job_id=job.id, tasks=[task.name for task in job.tasks])


def _body(row: JobRow, task: TaskRow, labels: Mapping[str, str | None]) -> dict[str, Any] | None:
    if task.result is None or task.name is not TaskName.DESCRIBE:
        return task.result.body if task.result else None
    body = task.result.body
    return {**body, "reference": reference(row, body, labels.get(row.track_id))}


def _describe_task(signer: Signer, row: TaskRow, ahead: Ahead | None, body: dict[str, Any] | None) -> Task:
    return Task(
        name=row.name,
        pool=row.pool,
        status=row.status,
        attempt=row.attempt,
        progress=row.progress,
        stage=row.stage,
        left_s=left_s(row, datetime.now(UTC)),
        waiting=_waiting(row, ahead) if ahead is not None and row.status is Status.QUEUED else None,
        device=row.device,
        timings=row.timings,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=None if body is None else signer.rendered(body),
        error=row.error,
    )


def left_s(row: TaskRow, now: datetime) -> float | None:
    """What a running task still needs if it goes on as it went; ``None`` before anything can be said."""
    if row.status is not Status.RUNNING or row.started_at is None or not row.progress > 0.0:
        return None
    spent_s = max(0.0, (now - row.started_at).total_seconds())
    return round(spent_s * (1.0 - row.progress) / row.progress, 1)


def _waiting(row: TaskRow, ahead: Ahead) -> Waiting:
    reason: Literal["no_worker", "queued", "retrying"] = "retrying" if row.attempt else "queued"
    return Waiting(reason=reason if ahead.workers else "no_worker", ahead=ahead.jobs, workers=ahead.workers)
