"""Event streams as the client reads them, from a service that breaks off wherever a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import httpx
import pytest

from phonoscope.client import ApiError, Client, Retry, Unreachable
from phonoscope.contract import (
    CompletedEvent,
    Job,
    JobProgress,
    ProgressEvent,
    StatusEvent,
    Task,
    TaskProgress,
)
from phonoscope.states import Status, TaskName

Part = bytes | Exception
Opening = Sequence[Part] | httpx.Response | Exception


class Streams:
    """Answers each opening of the stream with the next of these, and polls with the job that has ended."""

    def __init__(self, ended: Job, *openings: Opening) -> None:
        self.ended = ended
        self.openings = list(openings)
        self.last_ids: list[str | None] = []
        self.polls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            self.polls += 1
            return httpx.Response(200, text=self.ended.model_dump_json())
        self.last_ids.append(request.headers.get("Last-Event-ID"))
        opening = self.openings.pop(0)
        if isinstance(opening, Exception):
            raise opening
        if isinstance(opening, httpx.Response):
            return opening
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=_Parts(opening))

    def client(self) -> Client:
        retry = Retry(attempts=3, first_s=0.0)
        return Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(self), retry=retry)


class _Parts(httpx.SyncByteStream):
    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part


def said(name: str, id_: str, data: Any) -> bytes:
    return f"id: {id_}\nevent: {name}\ndata: {data.model_dump_json()}\n\n".encode()


@pytest.fixture
def running(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> Job:
    """A job at work."""
    return make_job(make_task(status=Status.RUNNING, progress=0.1))


@pytest.fixture
def done(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> Job:
    """The same job at its end."""
    return make_job(make_task())


@pytest.fixture
def progress() -> JobProgress:
    """Half done."""
    task = TaskProgress(name=TaskName.CLASSIFY, status=Status.RUNNING, progress=0.5, stage="model", left_s=3.0)
    return JobProgress(tasks=[task])


def test_events_come_as_what_they_are(running: Job, done: Job, progress: JobProgress) -> None:
    """In order, with their ids; hints, comments and kinds that are not known are left out."""
    told = [
        b"retry: 0\n\n: still here\n\n",
        said("status", "1", running),
        b"event: weather\ndata: rain\n\n",
        said("progress", "2", progress) + said("completed", "3", done),
    ]
    service = Streams(done, told)
    assert list(service.client().events("job_1", "0")) == [
        StatusEvent(id="1", job=running),
        ProgressEvent(id="2", progress=progress),
        CompletedEvent(id="3", job=done),
    ]
    assert service.last_ids == ["0"]


@pytest.mark.parametrize(
    "broken",
    [[], [httpx.ReadError("hung up")], [httpx.ReadTimeout("silent")], httpx.ConnectError("no"), httpx.Response(503)],
)
def test_a_stream_that_breaks_off_is_taken_up(running: Job, done: Job, progress: JobProgress, broken: Opening) -> None:
    """Behind the last event that came, even when it takes two attempts."""
    first: list[Part] = [
        b"retry: 0\n\n",
        said("status", "1", running),
        said("progress", "2", progress),
        httpx.ReadError("hung up"),
    ]
    service = Streams(done, first, broken, [said("completed", "3", done)])
    assert [event.id for event in service.client().events("job_1")] == ["1", "2", "3"]
    assert service.last_ids == [None, "2", "2"]


def test_a_stream_that_is_over_ends(running: Job, done: Job) -> None:
    """204 says that there is nothing more to come."""
    service = Streams(done, [b"retry: 0\n\n", said("status", "1", running)], httpx.Response(204))
    assert [event.id for event in service.client().events("job_1")] == ["1"]


def test_an_outage_that_lasts_is_told(running: Job, done: Job) -> None:
    """After a few attempts in a row; each event that comes counts anew."""
    numbers = count()
    good = [[b"retry: 0\n\n", said("status", str(next(numbers)), running)] for _ in range(5)]
    service = Streams(done, *good, *[httpx.ConnectError("no")] * 5)
    events = service.client().events("job_1")
    assert [next(events).id for _ in range(5)] == ["0", "1", "2", "3", "4"]
    with pytest.raises(Unreachable):
        next(events)
    assert len(service.last_ids) == 7


def test_a_refusal_is_no_outage(running: Job, done: Job) -> None:
    """A job that is gone, or a key that is revoked, is told at once."""
    for status in (401, 404, 406):
        service = Streams(done, [b"retry: 0\n\n", said("status", "1", running)], httpx.Response(status))
        with pytest.raises(ApiError) as caught:
            list(service.client().events("job_1"))
        assert caught.value.status_code == status


def test_waiting_follows_the_events(running: Job, done: Job, progress: JobProgress) -> None:
    """Whoever watches sees the job as each event tells it; nothing is polled."""
    told = [said("status", "1", running), said("progress", "2", progress), said("completed", "3", done)]
    service, seen = Streams(done, told), list[Job]()
    assert service.client().wait(running, seen.append) == done
    assert [job.tasks[0].progress for job in seen] == [0.1, 0.5, 1.0]
    assert (seen[1].tasks[0].stage, seen[1].tasks[0].left_s, seen[1].tasks[0].attempt) == ("model", 3.0, 1)
    assert service.polls == 0


@pytest.mark.parametrize(
    "opening",
    [
        httpx.Response(404),
        httpx.Response(406),
        httpx.Response(502),
        httpx.Response(200, text="<html>"),
        httpx.ConnectError("no"),
        [httpx.ReadTimeout("a proxy keeps it back")],
        [],
        [b"event: status\ndata: {}\n\n"],
    ],
)
def test_without_events_the_job_is_asked_for(running: Job, done: Job, opening: Opening) -> None:
    """An older gateway, a proxy that keeps answers back, a broken connection: one attempt, then polls."""
    service, seen = Streams(done, opening), list[Job]()
    assert service.client().wait(running, seen.append) == done
    assert (len(service.last_ids), service.polls, seen) == (1, 1, [done])


def test_a_stream_that_never_ends_well_is_left_for_polls(running: Job, done: Job) -> None:
    """Events that came are kept; the rest is asked for."""
    service = Streams(done, [b"retry: 0\n\n", said("status", "1", running)], *[httpx.ConnectError("no")] * 5)
    assert service.client().wait(running) == done
    assert service.polls == 1
