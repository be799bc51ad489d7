"""The calls under ``/v1/jobs``."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response, status
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse, ServerSentEvent

from phonoscope.contract import Job, JobRequest, Page
from phonoscope.db.library.jobs import list_jobs
from phonoscope.errors import JobEnded, NotFound
from phonoscope.requests import DecimalText, Id
from phonoscope.states import Status
from phonoscope_gateway.idempotency import UPLOADED, IdempotencyDep, IdempotentAnswer, IdempotentRequest, KeepAnswer
from phonoscope_gateway.jobs.events import EventCursor, read_snapshot, stream_events
from phonoscope_gateway.jobs.requests import Submission, has_upload, read_submission
from phonoscope_gateway.jobs.service import cancel, submit_job, submit_recording
from phonoscope_gateway.jobs.view import describe_jobs
from phonoscope_gateway.jobs.waiting import wait_for_job
from phonoscope_gateway.paging import CursorQuery, LimitQuery
from phonoscope_gateway.problems import KEYED, links, problems
from phonoscope_gateway.state import CallerDep, HeadDep, StateDep
from phonoscope_gateway.tracks.service import check_day

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], responses=KEYED)

MAX_WAIT_S = 60.0
_PING_S = 15
_HANGS_S = 30.0
_RETRY_AFTER_S = "1"

_JOB_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{JobRequest.__name__}"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "the recording"},
                        "tasks": {"type": "string", "description": "comma-separated names, or a JSON list"},
                        "options": {"type": "string", "description": "JSON, as in the other form"},
                        "metadata": {"type": "string", "description": "JSON, as in the other form"},
                        "webhook_url": {"type": "string", "description": "as in the other form"},
                    },
                }
            },
        },
    }
}

_OF_A_JOB = links("id", job_id=("read_one_job", "read_job_events", "cancel_one_job"))

_EVENT = {
    "type": "object",
    "description": "each event of the stream",
    "properties": {
        "event": {"type": "string", "enum": ["status", "progress", "completed"]},
        "id": {"type": "string", "description": "for `Last-Event-ID`"},
        "data": {"type": "string", "contentMediaType": "application/json", "description": "a Job, or its progress"},
        "retry": {"type": "integer", "description": "milliseconds"},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events, until the job ends",
        "content": {"text/event-stream": {"schema": _EVENT}},
    },
    204: {"description": "The job has ended, and you have seen its last event"},
}


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra=_JOB_BODY,
    responses={202: {"links": _OF_A_JOB}} | UPLOADED | problems(NotFound),
)
async def create_job(request: Request, response: Response, state: StateDep, once: IdempotencyDep) -> Job:
    """Asks for tasks on a track, or on a recording sent along."""
    if has_upload(request):
        await check_day(state, once.caller.owner_id)
    submission = await read_submission(request, state.settings.max_upload_bytes)
    with submission:
        if submission.upload is None:
            answered = await to_thread.run_sync(_submit, once, submission)
        else:
            answered = await state.uploads.run(once.caller.owner_id, partial(_submit, once, submission))
    response.headers["Retry-After"] = _RETRY_AFTER_S
    return answered.write(response)


def _submit(once: IdempotentRequest, submission: Submission) -> IdempotentAnswer[Job]:
    def make(keep: KeepAnswer[Job]) -> IdempotentAnswer[Job]:
        def then(session: Session, job: Job) -> None:
            keep(session, _accepted(job))

        if submission.upload is None:
            return _accepted(submit_job(once.state, once.caller, submission.request, then))
        return _accepted(submit_recording(once.state, once.caller, submission.request, submission.upload, then))

    return once.answer(Job, submission.asked, make)


def _accepted(job: Job) -> IdempotentAnswer[Job]:
    return IdempotentAnswer(status.HTTP_202_ACCEPTED, f"/v1/jobs/{job.id}", job)


@router.get("")
def read_jobs(
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    status: Annotated[Status | None, Query(description="only jobs with this status")] = None,
    track_id: Annotated[Id | None, Query(description="only jobs of this track")] = None,
) -> Page[Job]:
    """Your jobs, newest first."""
    with state.database.transaction() as session:
        rows, next_cursor = list_jobs(
            session, caller.owner_id, cursor=cursor, limit=limit, status=status, track_id=track_id
        )
        return Page(items=describe_jobs(state.signer_for(caller), session, rows), next_cursor=next_cursor)


@router.get("/{job_id}", responses=problems(NotFound))
async def read_one_job(
    job_id: str,
    response: Response,
    state: StateDep,
    caller: CallerDep,
    wait: Annotated[DecimalText, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait for the job's end")] = 0.0,
) -> Job:
    """The job in its present state; with `wait`, once it has ended or the seconds are over."""
    job = await wait_for_job(state, caller, job_id, wait)
    if not job.status.ended:
        response.headers["Retry-After"] = _RETRY_AFTER_S
    return job


@router.get("/{job_id}/events", response_class=Response, responses=_STREAM | problems(NotFound))
async def read_job_events(
    job_id: str,
    state: StateDep,
    caller: CallerDep,
    head: HeadDep,
    last_event_id: Annotated[str | None, Header(description="the id of the last event that you received")] = None,
) -> Response:
    """The job's life as Server-Sent Events: `status` with the whole Job at first and whenever a status changes,
    `progress` with `tasks` in between, `completed` with the whole Job at the end, after which the stream closes.
    """
    cursor = EventCursor(job_id, last_event_id)
    first = await to_thread.run_sync(read_snapshot, state, caller, job_id)
    if cursor.has_seen_the_end(first):
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    if head:
        return EventSourceResponse(iter(()))
    stream_id = await state.streams.opened(caller.owner_id, state.limits.open_streams)
    events = state.streams.until_closed(stream_id, stream_events(state, caller, first, cursor))
    return EventSourceResponse(events, ping=_PING_S, ping_message_factory=_ping, sep="\n", send_timeout=_HANGS_S)


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="still here", sep="\n")


@router.post("/{job_id}/cancel", responses=problems(NotFound, JobEnded))
def cancel_one_job(job_id: str, state: StateDep, caller: CallerDep) -> Job:
    """Cancels the job: waiting tasks never start, running ones stop within seconds. 409 when it has ended."""
    return cancel(state, caller, job_id)
