"""Rules for jobs: rows are committed first, then workers are woken; the sweeper does so when the broker is down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from phonoscope.contract import Job, JobOptions, JobRequest
from phonoscope.db.library.jobs import get_job, newest_job_with
from phonoscope.db.library.results import newest_artifact
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import record
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.usage import check_held
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.create import create_job, startable_queues
from phonoscope.db.tasks.family import lock_subject
from phonoscope.errors import BrokerUnavailable, NotFound
from phonoscope.logs import get_logger
from phonoscope.metrics import recorder
from phonoscope.states import Status, TaskName, TaskQueue
from phonoscope.tasks import RequestContext, classify, embed
from phonoscope.work import Library
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.jobs.checks import (
    audio_duration_s,
    check_asked,
    check_audio_track,
    check_duration,
    check_request,
    check_stems,
    completed,
    context_of,
    order_of,
)
from phonoscope_gateway.jobs.ledger import ledger_of
from phonoscope_gateway.jobs.stems import stems_to_read
from phonoscope_gateway.jobs.view import describe_jobs
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.service import create_track_and
from phonoscope_gateway.webhooks.service import check_webhook, own_address

Then: TypeAlias = Callable[[Session, Job], None]
"""Called with the transaction and the job that was made in it."""

_log = get_logger(__name__)


def check_submission(state: State, caller: Caller, request: JobRequest) -> RequestContext:
    """Checks what can be checked without the track, and gives what the request depends on.

    Raises ``UnknownModel`` or ``InvalidRequest``.
    """
    check_asked(request)
    asked = context_of(state, caller.owner_id, request)
    check_request(request, asked)
    check_webhook(state, caller.owner_id, request)
    return asked


def submit_job(state: State, caller: Caller, request: JobRequest, then: Then = lambda *_: None) -> Job:
    """Commits the job and what ``then`` writes, then wakes the pools it needs.

    Raises:
        NotFound: the track is not this owner's.
        UnknownModel, InvalidRequest: an option names something that does not exist.
        LimitReached: the owner has as much in the queues as may be.
        DatabaseUnavailable: no job was made.
    """
    asked = check_submission(state, caller, request)

    def make(session: Session) -> tuple[Job, list[TaskQueue]]:
        subject = _subject(session, caller.owner_id, request)
        job, queues = _make_job(state, caller, session, subject, request, asked)
        then(session, job)
        check_held(session, caller.owner_id, state.limits, new_job=True)
        return job, queues

    try:
        job, queues = state.database.retrying(make)
    except IntegrityError as error:
        raise NotFound(f"no track {request.track_id!r}") from error
    _wake(state, queues, job, "job.created")
    return job


def submit_recording(
    state: State, caller: Caller, request: JobRequest, upload: Upload, then: Then = lambda *_: None
) -> Job:
    """Commits the upload's track, unless it is known, its job and what ``then`` writes together, then wakes the pools.

    Raises:
        RecordingError: the upload cannot be analysed; nothing is stored.
        UnknownModel, InvalidRequest: an option names something that does not exist; nothing is stored.
        LimitReached: a quota of the owner is used up; nothing is stored.
        Unavailable: the database or the store is down; no job was made, nothing is stored.
    """
    asked = check_submission(state, caller, request)

    def make(session: Session, row: TrackRow, _created: bool) -> tuple[Job, list[TaskQueue]]:
        job, queues = _make_job(state, caller, session, row, request, asked)
        then(session, job)
        return job, queues

    try:
        *_, (job, queues) = create_track_and(state, caller.owner_id, upload, make, new_job=True)
    except IntegrityError as error:
        raise NotFound("the recording was erased meanwhile") from error
    _wake(state, queues, job, "job.created")
    return job


def find_job_with(
    state: State, caller: Caller, track_id: str, task: TaskName, audio_track: int | None = None
) -> Job | None:
    """The newest job with a task on the track, if the task has not ended, or failed.

    Args:
        audio_track: the audio track that it reads; without it the track's own.

    Raises:
        NotFound: the track is not this owner's.
        InvalidRequest: the file has no such audio track.
    """
    with state.database.autocommit() as session:
        track = get_track(session, caller.owner_id, track_id)
        request = check_audio_track(_of_audio_track(track_id, task, audio_track), track)
        return _open_or_failed(state, caller, session, request)


def submit_unless_made(
    state: State, caller: Caller, track_id: str, task: TaskName, kind: str, audio_track: int | None = None
) -> Job | None:
    """The job in which a task makes the track's artifact of a kind; ``None`` when the artifact exists.

    Args:
        audio_track: the audio track that it is made of; without it the track's own.

    Raises:
        NotFound: the track is not this owner's.
        InvalidRequest: the file has no such audio track.
        DatabaseUnavailable: no job was made.
    """
    with state.database.transaction() as session:
        # One at a time: the second request finds the job of the first.
        lock_subject(session, track_id)
        track = get_track(session, caller.owner_id, track_id)
        request = check_audio_track(_of_audio_track(track_id, task, audio_track), track)
        job = _open_or_failed(state, caller, session, request)
        if job is not None:
            return job
        # Read after the job: a job that ends in between has made its artifact.
        if newest_artifact(session, track_id, task, kind, request.options.audio_track) is not None:
            return None
        job, queues = _make_job(state, caller, session, track, request, context_of(state, caller.owner_id, request))
        check_held(session, caller.owner_id, state.limits, new_job=True)
    _wake(state, queues, job, "job.created")
    return job


def submit_unless_open(
    state: State,
    caller: Caller,
    request: JobRequest,
    find: Callable[[Session], str | None],
    then: Then = lambda *_: None,
) -> Job:
    """The job that ``find`` names, which does the same for the library already, or a new one.

    Raises as ``submit_job`` does.
    """
    asked = context_of(state, caller.owner_id, request)
    check_request(request, asked)

    def make(session: Session) -> tuple[Job, list[TaskQueue]]:
        # One at a time: the second request finds the job of the first.
        lock_subject(session, caller.owner_id)
        found = find(session)
        if found is not None:
            job = describe_jobs(state.signer_for(caller), session, [get_job(session, caller.owner_id, found)])[0]
            then(session, job)
            return job, []
        job, queues = _make_job(state, caller, session, Library(caller.owner_id), request, asked)
        then(session, job)
        check_held(session, caller.owner_id, state.limits, new_job=True)
        return job, queues

    job, queues = state.database.retrying(make)
    _wake(state, queues, job, "job.created")
    return job


def read_job(state: State, caller: Caller, job_id: str) -> Job:
    """Raises ``NotFound`` or ``DatabaseUnavailable``."""
    with state.database.autocommit() as session:
        return describe_jobs(state.signer_for(caller), session, [get_job(session, caller.owner_id, job_id)])[0]


def cancel(state: State, caller: Caller, job_id: str) -> Job:
    """Cancels a job: waiting tasks never start; running ones stop soon and leave nothing.

    Raises:
        NotFound: the job is not this owner's.
        JobEnded: the job has ended.
    """

    def cancel(session: Session) -> tuple[Job, list[TaskQueue]]:
        queues = cancel_job(session, caller.owner_id, job_id)
        record(session, caller.actor, "job.cancelled", job_id)
        row = get_job(session, caller.owner_id, job_id)
        return describe_jobs(state.signer_for(caller), session, [row])[0], queues

    job, queues = state.database.retrying(cancel)
    _wake(state, queues, job, "job.cancelled")
    return job


def _of_audio_track(track_id: str, task: TaskName, audio_track: int | None) -> JobRequest:
    return JobRequest(track_id=track_id, tasks=[task], options=JobOptions(audio_track=audio_track))


def _open_or_failed(state: State, caller: Caller, session: Session, request: JobRequest) -> Job | None:
    (task,) = request.tasks
    assert request.track_id is not None
    row = newest_job_with(session, request.track_id, task, request.options.audio_track)
    if row is None:
        return None
    (status,) = (each.status for each in row.tasks if each.name is task)
    wanted = not status.ended or status is Status.FAILED
    return describe_jobs(state.signer_for(caller), session, [row])[0] if wanted else None


def _subject(session: Session, owner_id: str, request: JobRequest) -> TrackRow | Library:
    if request.track_id is None:
        return Library(owner_id)
    return get_track(session, owner_id, request.track_id)


def _make_job(
    state: State,
    caller: Caller,
    session: Session,
    subject: TrackRow | Library,
    request: JobRequest,
    asked: RequestContext,
) -> tuple[Job, list[TaskQueue]]:
    """Makes the job; returns it as its client sees it, and the queues to wake."""
    if isinstance(subject, Library):
        check_duration(request, subject.duration_s)
    else:
        request = check_audio_track(request, subject)
        check_duration(request, audio_duration_s(request, subject))
        check_stems(request, lambda: stems_to_read(session, subject, request, asked))
    request = completed(request, asked)
    options = request.options.kept(request.tasks)
    ledger = ledger_of(session, subject, request, asked)
    row = create_job(
        session,
        subject,
        request.tasks,
        options,
        request.metadata,
        ledger=ledger,
        further=_with_further_body(request, asked),
        waits_for=order_of(request),
        webhook_url=own_address(state, request),
        key_id=caller.key_id,
    )
    recorder().tasks_asked((task.name, task.source_id is not None) for task in row.tasks)
    return describe_jobs(state.signer_for(caller), session, [row])[0], startable_queues(row)


def _with_further_body(request: JobRequest, asked: RequestContext) -> set[TaskName]:
    """The task that runs a further body: of two, which share its pass, the first."""
    options, catalogue = request.options, asked.catalogue
    found = {
        TaskName.CLASSIFY: classify.further_body(options.classify, catalogue),
        TaskName.EMBED: embed.further_body(options.embed, catalogue),
    }
    return set([name for name in request.tasks if found.get(name)][:1])


def _wake(state: State, queues: Iterable[TaskQueue], job: Job, event: str) -> None:
    """Logs what was committed as ``event``, whether or not the broker can be reached."""
    try:
        state.waker.wake(queues)
    except BrokerUnavailable:
        _log.warning("job.not_sent_yet", job_id=job.id)
    _log.info(event, job_id=job.id, tasks=[task.name for task in job.tasks])
