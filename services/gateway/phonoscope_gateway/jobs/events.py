"""A job's events as Server-Sent Events, made from its present state: a client that reconnects gets what is new."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from anyio import to_thread
from pydantic import BaseModel
from sse_starlette import ServerSentEvent

from phonoscope.contract import Job, JobProgress, TaskProgress
from phonoscope.db.library.jobs import get_job
from phonoscope.db.service.keys import Caller
from phonoscope.db.service.sessions import still_good
from phonoscope.errors import DatabaseUnavailable, NotFound
from phonoscope.states import Status
from phonoscope_gateway.jobs.view import describe_jobs
from phonoscope_gateway.state import State

_RETRY_MS = 2_000
_READ_AGAIN_S = 2.0
_CHECK_KEY_S = 20.0
"""How long a stream goes on after its key was revoked."""
_ID = re.compile(r"(\d{1,9})-(\d{4}|done)-(\w{4})", re.ASCII)
_DONE = "done"


@dataclass(frozen=True)
class Snapshot:
    """A job's present state; the version counts the changes of its status and of its tasks' statuses."""

    job: Job
    version: int


class EventCursor:
    """A client's position in a job's events: the last event that it received.

    An event's id has the job's version, its progress in thousandths, and a mark of the job. With the id of another job,
    or an invalid one, the client counts as new.
    """

    def __init__(self, job_id: str, last_event_id: str | None = None) -> None:
        found = _ID.fullmatch(last_event_id or "")
        known = found is not None and found[3] == job_id[-4:]
        self._mark = job_id[-4:]
        self._version = int(found[1]) if found and known else None
        self._place = found[2] if found and known else None
        self._steps: list[tuple[Status, float, str]] | None = None
        self._job: Job | None = None

    def has_seen_the_end(self, snapshot: Snapshot) -> bool:
        return self._place == _DONE and self._version == snapshot.version and snapshot.job.status.ended

    def events_since(self, snapshot: Snapshot) -> Iterator[ServerSentEvent]:
        """The events for what has changed since."""
        job, place = snapshot.job, _thousandths(snapshot.job)
        steps = [(task.status, task.progress, task.stage) for task in job.tasks]
        if snapshot.version != self._version:
            yield self._event("status", snapshot.version, place, job)
        elif place != self._place or self._steps not in (None, steps):
            yield self._event("progress", snapshot.version, place, _progress(job))
        self._version, self._place, self._steps, self._job = snapshot.version, place, steps, job
        if job.status.ended:
            yield self._event("completed", snapshot.version, _DONE, job)

    def erased(self) -> Iterator[ServerSentEvent]:
        """The event for a job that was erased with its track: it counts as cancelled."""
        if self._job is not None:
            yield self._event("completed", self._version or 0, _DONE, _cancelled(self._job))

    def _event(self, name: str, version: int, place: str, data: BaseModel) -> ServerSentEvent:
        return ServerSentEvent(data.model_dump_json(), event=name, id=f"{version}-{place}-{self._mark}")


def read_snapshot(state: State, caller: Caller, job_id: str) -> Snapshot:
    """Raises ``NotFound`` or ``DatabaseUnavailable``."""
    with state.database.autocommit() as session:
        row = get_job(session, caller.owner_id, job_id)
        return Snapshot(describe_jobs(state.signer_for(caller), session, [row])[0], row.version)


async def stream_events(
    state: State, caller: Caller, first: Snapshot, cursor: EventCursor
) -> AsyncGenerator[ServerSentEvent, None]:
    """Streams events until the job ends, or the key. Between two reads it uses no thread and no connection."""
    yield ServerSentEvent(retry=_RETRY_MS)
    for event in cursor.events_since(first):
        yield event
    if first.job.status.ended:
        return
    key = _KeyWatch(state, caller.credential_id)
    with state.listener.waiting_for(first.job.id, progress=True) as woken:
        woken.set()
        while await key.is_valid():
            if woken.is_set():
                woken.clear()
                snapshot = await _read_again(state, caller, first.job.id)
                for event in cursor.erased() if snapshot is None else cursor.events_since(snapshot):
                    yield event
                if snapshot is None or snapshot.job.status.ended:
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_KEY_S):
                    await woken.wait()


class _KeyWatch:
    """Looks at a stream's key, or session, from time to time."""

    def __init__(self, state: State, credential_id: str) -> None:
        self._state = state
        self._credential_id = credential_id
        self._checked_at = monotonic()

    async def is_valid(self) -> bool:
        """Whether the key was good at the last look. A database that is down ends no stream."""
        if monotonic() - self._checked_at < _CHECK_KEY_S:
            return True
        self._checked_at = monotonic()
        try:
            return await to_thread.run_sync(self._read, limiter=self._state.listener.readers)
        except DatabaseUnavailable:
            return True

    def _read(self) -> bool:
        with self._state.database.autocommit() as session:
            return still_good(session, self._credential_id)


async def _read_again(state: State, caller: Caller, job_id: str) -> Snapshot | None:
    """The job's present state; ``None`` when the job is gone. A database that is down only delays the answer."""
    while True:
        try:
            return await to_thread.run_sync(read_snapshot, state, caller, job_id, limiter=state.listener.readers)
        except NotFound:
            return None
        except DatabaseUnavailable:
            await asyncio.sleep(_READ_AGAIN_S)


def _progress(job: Job) -> JobProgress:
    return JobProgress(tasks=[TaskProgress.model_validate(task, from_attributes=True) for task in job.tasks])


def _thousandths(job: Job) -> str:
    done = sum(1.0 if task.status.ended else task.progress for task in job.tasks)
    return f"{int(1000 * done / len(job.tasks)):04d}"


def _cancelled(job: Job) -> Job:
    now = datetime.now(UTC)
    gone = {"result": None, "waiting": None, "left_s": None}
    stopped = {"status": Status.CANCELLED, "stage": Status.CANCELLED.value, "finished_at": now}
    tasks = [task.model_copy(update=gone if task.status.ended else gone | stopped) for task in job.tasks]
    return job.model_copy(update={"status": Status.CANCELLED, "finished_at": now, "tasks": tasks})
