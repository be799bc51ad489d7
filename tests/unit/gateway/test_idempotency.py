"""Keys of requests that may be sent again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from fastapi import Response

from phonoscope.contract import Readiness, Track
from phonoscope.db.service.idempotency import Answer
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidRequest, OutdatedResult
from phonoscope_gateway.idempotency import (
    IdempotentAnswer,
    IdempotentRequest,
    get_idempotent_request,
    parse_key,
    read_kept_answer,
)
from phonoscope_gateway.jobs.requests import Submission, read_submission
from tests.unit.gateway.requests import MakeRequest


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"8e03978e-40d5-43e8-bc93-6f9c1d1a3c2a"', "8e03978e-40d5-43e8-bc93-6f9c1d1a3c2a"),
        ("8e03978e-40d5-43e8-bc93-6f9c1d1a3c2a", "8e03978e-40d5-43e8-bc93-6f9c1d1a3c2a"),
        (r'"a\"b\\c"', r"a\"b\\c".replace(r"\"", '"').replace(r"\\", "\\")),
        ("!~", "!~"),
        ("x" * 255, "x" * 255),
        (f'"{"x" * 255}"', "x" * 255),
    ],
)
def test_a_key_may_be_quoted_or_not(value: str, key: str) -> None:
    """The string of structured fields and the bare word name the same key."""
    assert parse_key(value) == key


@pytest.mark.parametrize(
    "value",
    ["", '""', '"', '"a', "a b", '"a b"', "é", '"é"', "a\tb", "x" * 256, f'"{"x" * 256}"', r'"a\b"', '"a";b=1', "\x7f"],
)
def test_what_is_no_key_is_refused(value: str) -> None:
    """The header is named; nothing of it is repeated."""
    with pytest.raises(InvalidRequest, match="1 to 255 visible ASCII characters") as caught:
        parse_key(value)
    assert [found["field"] for found in caught.value.errors] == ["Idempotency-Key"]


def test_two_keys_are_refused(make_request: MakeRequest) -> None:
    """Which one is meant cannot be told."""
    request = make_request([], Idempotency_Key="a")
    request.scope["headers"] = [(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
    with pytest.raises(InvalidRequest, match="more than once"):
        asyncio.run(get_idempotent_request(request, cast(Any, None), cast(Any, None)))


def test_a_first_answer_of_another_version_is_no_crash() -> None:
    """It cannot be given again: the problem says where to find what the request made."""
    with pytest.raises(OutdatedResult, match="at /v1/tracks/trk_1") as caught:
        read_kept_answer(Track, Answer(201, "/v1/tracks/trk_1", {"id": "trk_1"}))
    assert (caught.value.status, caught.value.retryable) == (410, False)


def submitted(make_request: MakeRequest, **sent: Any) -> Submission:
    request = httpx.Request("POST", "http://gateway.test", **sent)
    content_type = request.headers["Content-Type"]
    return asyncio.run(read_submission(make_request([request.read()], content_type=content_type), 1_000_000))


def digest(submission: Submission, path: str = "/v1/jobs", method: str = "POST") -> str:
    with submission:
        return IdempotentRequest(cast(Any, None), Caller("own_1", "key1"), "k", method, path)._sha256(
            submission.asked()
        )


def test_a_request_is_told_by_what_it_says(make_request: MakeRequest) -> None:
    """Blanks and the order of members do not matter; values, method and path do."""
    asked = [
        {"content": b'{"track_id":"trk_1","metadata":{"a":1,"b":[2]}}'},
        {"content": b'{ "metadata": {"b": [2], "a": 1},\n "track_id": "trk_1" }'},
        {"content": b'{"track_id":"trk_1","metadata":{"a":1,"b":[2.5]}}'},
        {"content": b'{"track_id":"trk_2","metadata":{"a":1,"b":[2]}}'},
    ]
    first, same, *others = [
        digest(submitted(make_request, headers={"Content-Type": "application/json"}, **body)) for body in asked
    ]
    assert first == same
    again = submitted(make_request, headers={"Content-Type": "application/json"}, **asked[0])
    others += [digest(again, path="/v1/tracks"), digest(again, method="PUT")]
    assert len({first, *others}) == 1 + len(others)


def test_an_upload_is_told_by_its_bytes(make_request: MakeRequest) -> None:
    """A form's boundary is another each time and means nothing; its fields and the file's bytes do."""
    forms = [(b"one", "embed"), (b"one", "embed"), (b"two", "embed"), (b"one", "classify")]
    first, same, other_bytes, other_tasks = [
        digest(submitted(make_request, files={"file": ("a.wav", content)}, data={"tasks": tasks}))
        for content, tasks in forms
    ]
    assert first == same
    assert len({first, other_bytes, other_tasks}) == 3


def test_without_a_key_nothing_is_kept() -> None:
    """Neither a database nor a digest is needed; the answer says that it is the first."""

    def make(keep: Any) -> IdempotentAnswer[Readiness]:
        answered = IdempotentAnswer(201, "/here", Readiness(status="ready", checks={}))
        keep(None, answered)
        return answered

    once = IdempotentRequest(cast(Any, None), Caller("own_1", "key1"), None, "POST", "/")
    response = Response()
    body = once.answer(Readiness, cast(Any, None), make).write(response)
    assert (response.status_code, response.headers["Location"], body.status) == (201, "/here", "ready")
    assert "Idempotent-Replayed" not in response.headers
