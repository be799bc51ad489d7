"""Requests that the client sends again, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from phonoscope.client import ApiError, Client, Retry, Unreachable
from phonoscope.contract import Job, Task
from phonoscope.errors import (
    PhonoscopeError,
    RequestInFlight,
    RequestQuotaExceeded,
    StoreUnavailable,
    UploadQuotaExceeded,
)
from phonoscope.states import Status

Call = Callable[[Client, Path], object]
CALLS: list[Call] = [
    lambda client, path: client.upload(path),
    lambda client, path: client.analyze(path),
    lambda client, _: client.create_job("trk_1"),
]


class Flaky:
    """A service that fails as told, in order, and then does what is asked."""

    def __init__(self, answer: str, *failures: httpx.Response | Exception) -> None:
        self.failures = list(failures)
        self.answer = answer
        self.keys: list[str] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        self.bodies.append(request.read())
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        return failure or httpx.Response(202, text=self.answer)

    def client(self, **retry: Any) -> Client:
        chosen = Retry(**{"attempts": 4, "first_s": 0.0, "longest_s": 0.0, "in_flight_s": 5.0} | retry)
        return Client("http://phonoscope.test", "psk_a_b", transport=httpx.MockTransport(self), retry=chosen)


def refusal(error: PhonoscopeError) -> httpx.Response:
    return httpx.Response(error.status, json=error.as_problem(), headers={"Retry-After": str(error.retry_after_s)})


@pytest.fixture
def queued(make_job: Callable[..., Job], make_task: Callable[..., Task]) -> str:
    """A job that was just made, as JSON."""
    return make_job(make_task(status=Status.QUEUED)).model_dump_json()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file to send."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF....WAVE" * 1_000)
    return path


def without_boundary(body: bytes) -> bytes:
    return body.replace(body.split(b"\r\n")[0].lstrip(b"-"), b"")


@pytest.mark.parametrize("call", CALLS[1:])
def test_what_failed_in_passing_is_sent_again_whole_and_under_one_key(call: Call, queued: str, recording: Path) -> None:
    """Hung up, unavailable, broken: the same request in full, files too, until it is answered."""
    service = Flaky(queued, httpx.ReadError("hung up"), refusal(StoreUnavailable("down")), httpx.Response(502))
    assert Job.model_validate(call(service.client(), recording)).status is Status.QUEUED
    assert len(service.keys) == 4
    assert len(set(service.keys)) == 1
    assert len({without_boundary(body) for body in service.bodies}) == 1
    assert len(service.bodies[0]) > 60


def test_each_call_has_a_key_of_its_own(queued: str, recording: Path) -> None:
    """Two calls in the same words are two jobs; a key that is given stands for both."""
    service = Flaky(queued)
    client = service.client()
    client.create_job("trk_1")
    client.analyze(recording)
    client.create_job("trk_1", idempotency_key="mine")
    client.analyze(recording, idempotency_key='a"b\\')
    first, second, *given = service.keys
    assert first != second
    assert all(key.startswith('"') and len(key) > 16 for key in (first, second))
    assert given == ['"mine"', r'"a\"b\\"']
    assert json.loads(service.bodies[0])["track_id"] == "trk_1"


@pytest.mark.parametrize("call", CALLS)
def test_a_lasting_outage_is_told_after_a_few_attempts(call: Call, recording: Path) -> None:
    """The last error is the one that is raised."""
    service = Flaky("", *[httpx.ConnectError("refused")] * 10)
    with pytest.raises(Unreachable):
        call(service.client(attempts=3), recording)
    assert len(service.keys) == 3
    service = Flaky("", *[refusal(StoreUnavailable("down"))] * 10)
    with pytest.raises(ApiError, match="down"):
        call(service.client(attempts=2), recording)
    assert len(service.keys) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 415, 422])
def test_what_the_service_refuses_is_not_sent_again(status: int) -> None:
    """The same request would be refused again."""
    service = Flaky("", httpx.Response(status), httpx.Response(202))
    with pytest.raises(ApiError):
        service.client().create_job("trk_1")
    assert len(service.keys) == 1


def test_the_first_sending_is_waited_for(queued: str) -> None:
    """While the service is still at it: more often than after an outage, but not for ever."""
    busy = refusal(RequestInFlight("still at it"))
    service = Flaky(queued, *[busy] * 9)
    assert service.client().create_job("trk_1").id == "job_1"
    assert len(service.keys) == 10
    with pytest.raises(ApiError) as caught:
        Flaky(queued, *[busy] * 9).client(in_flight_s=0.0).create_job("trk_1")
    assert caught.value.code == "request_in_flight"


def test_too_many_requests_a_second_are_sent_again_and_a_used_up_day_is_not(queued: str) -> None:
    """The first is over in a moment; the second would be refused for hours."""
    service = Flaky(queued, *[refusal(RequestQuotaExceeded("50 a second", retry_after_s=1))] * 9)
    assert service.client().create_job("trk_1").id == "job_1"
    service = Flaky(queued, refusal(UploadQuotaExceeded("10 a day", retry_after_s=9_000)))
    with pytest.raises(ApiError) as caught:
        service.client().create_job("trk_1")
    assert (caught.value.code, caught.value.retry_in_s) == ("upload_quota_exceeded", 9_000)


def test_pauses_grow_and_heed_the_service() -> None:
    """Never longer than the longest, whatever the service asks for."""
    retry = Retry(first_s=0.5, factor=2.0, longest_s=3.0)
    assert [retry.pause_s(failures) for failures in (1, 2, 3, 4, 1000)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert retry.pause_s(1, asked_s=2.0) == 2.0
    assert retry.pause_s(1, asked_s=3600.0) == 3.0


@pytest.mark.parametrize("said", ["soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "²"])
def test_a_strange_retry_after_is_no_trouble(queued: str, said: str) -> None:
    """It counts for nothing."""
    service = Flaky(queued, httpx.Response(503, headers=[(b"Retry-After", said.encode())]))
    assert service.client().create_job("trk_1").id == "job_1"
