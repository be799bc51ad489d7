"""Waits for the end of a job, woken by the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from anyio import to_thread

from phonoscope.contract import Job
from phonoscope.db.service.keys import Caller
from phonoscope_gateway.jobs.service import read_job
from phonoscope_gateway.state import State


async def wait_for_job(state: State, caller: Caller, job_id: str, wait_s: float) -> Job:
    """The job once it has ended, or as it is when the seconds are over. Raises as ``read_job`` does."""
    until, readers = monotonic() + wait_s, None
    with state.listener.waiting_for(job_id) as woken:
        while True:
            woken.clear()
            job = await to_thread.run_sync(read_job, state, caller, job_id, limiter=readers)
            left = until - monotonic()
            if job.status.ended or left <= 0:
                return job
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await woken.wait()
            readers = state.listener.readers
