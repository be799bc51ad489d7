"""The calls under ``/v1/jobs``."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response, status

from phonoscope.contract import Job, JobRequest, Page
from phonoscope.db.jobs import list_jobs
from phonoscope.states import Status
from phonoscope_gateway.jobs.requests import Submission, read_submission
from phonoscope_gateway.jobs.service import describe_jobs, read_job, submit_job, submit_recording
from phonoscope_gateway.state import CallerDep, State, StateDep
from phonoscope_gateway.tracks.routes import CursorQuery, LimitQuery

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

MAX_WAIT_S = 60.0
_LOOK_AGAIN_S = 10.0
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
                        "tasks": {"type": "string", "description": "names parted by commas, or a JSON list"},
                        "options": {"type": "string", "description": "JSON, as in the other form"},
                        "metadata": {"type": "string", "description": "JSON, as in the other form"},
                    },
                }
            },
        },
    }
}


@router.post("", status_code=status.HTTP_202_ACCEPTED, openapi_extra=_JOB_BODY)
async def create_job(request: Request, response: Response, state: StateDep, caller: CallerDep) -> Job:
    """Asks for tasks on a track, or on a recording sent along."""
    submission = await read_submission(request, state.settings.max_upload_bytes)
    job = await to_thread.run_sync(_submit, state, caller.owner_id, submission)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    response.headers["Retry-After"] = _RETRY_AFTER_S
    return job


def _submit(state: State, owner_id: str, submission: Submission) -> Job:
    if submission.upload is None:
        return submit_job(state, owner_id, submission.request)
    with submission.upload.file:
        return submit_recording(state, owner_id, submission.request, submission.upload)


@router.get("")
def read_jobs(
    state: StateDep,
    caller: CallerDep,
    limit: LimitQuery = 20,
    cursor: CursorQuery = None,
    status: Annotated[Status | None, Query(description="only jobs that stand so")] = None,
    track_id: Annotated[str | None, Query(description="only jobs of this track")] = None,
) -> Page[Job]:
    """Your jobs, newest first."""
    with state.database.transaction() as session:
        rows, next_cursor = list_jobs(
            session, caller.owner_id, cursor=cursor, limit=limit, status=status, track_id=track_id
        )
        return Page(items=describe_jobs(state.signer, session, rows), next_cursor=next_cursor)


@router.get("/{job_id}")
async def read_one_job(
    job_id: str,
    response: Response,
    state: StateDep,
    caller: CallerDep,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds to wait for the job's end")] = 0.0,
) -> Job:
    """The job as it stands; with `wait`, as it stands when it has ended or the seconds are over."""
    until = monotonic() + wait
    with state.listener.waiting_for(job_id) as woken:
        while True:
            woken.clear()
            job = await to_thread.run_sync(read_job, state, caller.owner_id, job_id)
            left = until - monotonic()
            if job.status.ended or left <= 0:
                break
            try:
                await asyncio.wait_for(woken.wait(), min(left, _LOOK_AGAIN_S))
            except TimeoutError:
                continue
    if not job.status.ended:
        response.headers["Retry-After"] = _RETRY_AFTER_S
    return job
