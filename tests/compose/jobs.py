"""Jobs in containers, and how their answers are compared."""

from __future__ import annotations

import json
import time
from typing import Any

from phonoscope.client import Client
from phonoscope.contract import Job

TASKS = ("classify", "embed", "describe")
_WITHIN_S = 240


def without_links(job: Job) -> dict[str, Any]:
    """A job without what is made anew whenever it is read."""
    read: dict[str, Any] = json.loads(job.model_dump_json(), object_hook=_without_link)
    return read


def ended(client: Client, job: Job) -> Job:
    """The job at its end, or as it is when that does not come in time."""
    give_up = time.monotonic() + _WITHIN_S
    while not job.status.ended and time.monotonic() < give_up:
        job = client.job(job.id, wait_s=20)
    return job


def _without_link(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in {"url", "expires_at"}}
