"""A job's event stream as typed events, taken up again where it broke off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from phonoscope.client.connection import ApiError, Retry, Unreachable, is_outage, reaching
from phonoscope.contract import CompletedEvent, Job, JobEvent, JobProgress, ProgressEvent, StatusEvent

_SILENT_S = 25.0
"""The service gives a sign of life more often than this; from whatever is silent for longer nothing will come."""


@dataclass
class Following:
    """One job's events.

    Raises what ``Client`` does; once an event has come, only after as many failures in a row as ``retry`` allows.
    """

    http: httpx.Client
    job_id: str
    retry: Retry
    last_event_id: str | None = None
    pause_s: float = 0.0

    def __iter__(self) -> Iterator[JobEvent]:
        heard, failures = False, 0
        while True:
            try:
                for event in self._stream():
                    self.last_event_id, heard, failures = event.id, True, 0
                    yield event
                    if isinstance(event, CompletedEvent):
                        return
            except (ApiError, Unreachable) as error:
                failures += 1
                if not (heard and is_outage(error) and self.retry.allows(failures)):
                    raise
            except _Over:
                return
            time.sleep(max(self.pause_s, self.retry.pause_s(max(failures, 1))))

    def _stream(self) -> Iterator[JobEvent]:
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = self.last_event_id
        timeout = httpx.Timeout(_SILENT_S)
        path = f"/v1/jobs/{self.job_id}/events"
        with (
            reaching(self.http.base_url),
            self.http.stream("GET", path, headers=headers, timeout=timeout) as response,
        ):
            if response.is_error:
                response.read()
                raise ApiError(response)
            if response.status_code == HTTPStatus.NO_CONTENT:
                raise _Over
            yield from self._events(response)
        raise Unreachable(f"the events of {self.http.base_url} broke off")

    def _events(self, response: httpx.Response) -> Iterator[JobEvent]:
        try:
            for said in EventSource(response).iter_sse():
                self.pause_s = self.pause_s if said.retry is None else said.retry / 1000
                event = _typed(said)
                if event is not None:
                    yield event
        except SSEError as error:
            raise Unreachable(f"what answers at {self.http.base_url} is no stream of events") from error


class _Over(Exception):
    """There is nothing more to be told."""


def _typed(said: ServerSentEvent) -> JobEvent | None:
    """Kinds that are not known are left out. Raises ``pydantic.ValidationError``."""
    match said.event:
        case "status":
            return StatusEvent(id=said.id, job=Job.model_validate_json(said.data))
        case "progress":
            return ProgressEvent(id=said.id, progress=JobProgress.model_validate_json(said.data))
        case "completed":
            return CompletedEvent(id=said.id, job=Job.model_validate_json(said.data))
    return None
