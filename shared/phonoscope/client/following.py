"""A job's event stream as typed events, resumed where it broke off."""

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
"""A stream that sends nothing for so many seconds is lost: the service sends a comment every 15."""


@dataclass
class Following:
    """One job's events, until its end.

    Raises ``ApiError`` or ``Unreachable``; after the first event, only once ``retry`` allows no further attempt.
    """

    http: httpx.Client
    job_id: str
    retry: Retry
    last_event_id: str | None = None
    pause_s: float = 0.0

    def __iter__(self) -> Iterator[JobEvent]:
        started, failures = False, 0
        while True:
            try:
                for event in self._stream():
                    self.last_event_id, started, failures = event.id, True, 0
                    yield event
                    if isinstance(event, CompletedEvent):
                        return
            except (ApiError, Unreachable) as error:
                failures += 1
                if not (started and is_outage(error) and self.retry.allows(failures)):
                    raise
            except _StreamEnded:
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
                raise _StreamEnded
            yield from self._events(response)
        raise Unreachable(f"the event stream of {self.http.base_url} broke off")

    def _events(self, response: httpx.Response) -> Iterator[JobEvent]:
        try:
            for received in EventSource(response).iter_sse():
                self.pause_s = self.pause_s if received.retry is None else received.retry / 1000
                event = _typed(received)
                if event is not None:
                    yield event
        except SSEError as error:
            raise Unreachable(f"the answer of {self.http.base_url} is not an event stream") from error


class _StreamEnded(Exception):
    """The job has no further events."""


def _typed(received: ServerSentEvent) -> JobEvent | None:
    """The event; ``None`` for a kind that this client does not know. Raises ``pydantic.ValidationError``."""
    match received.event:
        case "status":
            return StatusEvent(id=received.id, job=Job.model_validate_json(received.data))
        case "progress":
            return ProgressEvent(id=received.id, progress=JobProgress.model_validate_json(received.data))
        case "completed":
            return CompletedEvent(id=received.id, job=Job.model_validate_json(received.data))
    return None
