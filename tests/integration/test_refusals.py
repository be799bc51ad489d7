"""Bad requests get a problem that names the field, and leave nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from phonoscope.storage import ObjectStore
from tests.support import RunningStack, tone_wav

UNKNOWN_JOB = "/v1/jobs/job_00000000000000000000"


def is_problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Checks that an answer is a problem in full, and returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "code"} <= problem.keys()
    assert code is None or problem["code"] == code
    return problem


@pytest.mark.parametrize(
    "key", [None, "wrong", "psk_", "psk_a_b", "psk_00000000000000000000_secret", "Bearer", "psk_é_x"]
)
def test_no_key_or_a_wrong_one_is_unauthorized(stack: RunningStack, key: str | None) -> None:
    """401 with the challenge that RFC 6750 asks for."""
    headers = [(b"Authorization", f"Bearer {key}".encode())] if key is not None else []
    answer = httpx.get(f"{stack.url}/v1/tracks", headers=headers, timeout=60)
    is_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.long
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty_upload"),
        (b"These are words, not sounds.\n" * 50, 415, "not_a_recording"),
        (bytes(range(256)) * 20, 415, "not_a_recording"),
        (tone_wav(0.1)[:20], 422, "undecodable_recording"),
        (tone_wav(0.0), 422, "undecodable_recording"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "not_a_recording"),
    ],
    ids=["empty", "text", "bytes", "truncated header", "no samples", "playlist"],
)
def test_what_is_no_recording_is_refused_and_not_stored(
    http: httpx.Client, stack: RunningStack, content: bytes, status: int, code: str
) -> None:
    """By both ways of uploading; the store and the list stay as they were."""
    store = ObjectStore(stack.settings)
    before = store.keys("tracks/")
    for url in ("/v1/tracks", "/v1/jobs"):
        is_problem(http.post(url, files={"file": ("song.mp3", content)}), status, code)
    assert store.keys("tracks/") == before
    assert http.get("/v1/tracks").json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tasks": ["classify"]}, "track_id"),
        ({"track_id": "trk_x", "tasks": ["sing"]}, "tasks.0"),
        ({"track_id": "trk_x", "tasks": []}, "tasks"),
        ({"track_id": "trk_x", "tasks": ["embed", "embed"]}, "tasks"),
        ({"track_id": "trk_x", "options": {"classify": {"topk": 3}}}, "options.classify.topk"),
        ({"track_id": "trk_x", "options": {"classify": {"top_k": 0}}}, "options.classify.top_k"),
        ({"track_id": "trk_x", "options": {"classify": {"model": "nope"}}}, "model"),
        ({"track_id": "trk_x", "colour": "blue"}, "colour"),
        ({"track_id": "trk_x", "metadata": {"a": "\x00"}}, "metadata.a"),
        ({"track_id": "trk_x", "metadata": {"a": "x" * 20_000}}, "metadata"),
    ],
)
def test_a_job_request_that_is_not_valid_names_the_field(http: httpx.Client, body: dict[str, Any], field: str) -> None:
    """422 whose ``errors`` say where and what."""
    problem = is_problem(http.post("/v1/jobs", json=body), 422)
    assert field in [error["field"] for error in problem["errors"]]


UNSTORABLE = [
    ("POST", "/v1/webhooks", r'{"url": "https://a.example/", "description": "\u0000"}', "description"),
    ("POST", "/v1/webhooks", r'{"url": "https://a.example/", "description": "\ud800"}', "description"),
    ("POST", "/v1/webhooks", r'{"url": "https://a.example/", "\ud800": 1}', r"\ud800"),
    ("POST", "/v1/webhooks", '{"url": "https://a.example/", "url": "https://b.example/"}', "url"),
    ("PATCH", "/v1/webhooks/whk_1", '{"enabled": 1}', "enabled"),
    ("POST", "/v1/webhooks/default-secret", '{"overlap_s": false}', "overlap_s"),
    ("POST", "/v1/webhooks/default-secret", '{"overlap_s": 1e400}', "overlap_s"),
    ("POST", "/v1/webhooks/whk_1/redeliver", '{"since": "0001-01-01T00:00:00+23:59"}', "since"),
    ("POST", "/v1/webhooks/whk_1/redeliver", '{"since": "9999-12-31T23:59:59-23:59"}', "since"),
    ("POST", "/v1/jobs", r'{"options": {"explain": {"label": "\u0000"}}}', "options.explain.label"),
    ("POST", "/v1/jobs", r'{"options": {"features": {"layers": ["\u0000"]}}}', "options.features.layers.0"),
    ("POST", "/v1/jobs", r'{"options": {"separate": {"model": "\ud800"}}}', "options.separate.model"),
    ("POST", "/v1/jobs", r'{"options": {"separate": {"two_stems": "\u0000"}}}', "options.separate.two_stems"),
    ("POST", "/v1/jobs", r'{"options": {"mixdown": {"pan": {"\u0000": 0}}}}', "options.mixdown.pan.\x00"),
    ("POST", "/v1/jobs", r'{"metadata": {"a": [{"\udc00": 0}]}}', r"metadata.a.0.\udc00"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), UNSTORABLE)
def test_what_cannot_be_stored_is_refused_in_any_field(
    http: httpx.Client, method: str, path: str, body: str, field: str
) -> None:
    """422 that names it, wherever it is: no text, number or time of a body reaches the database unchecked."""
    answer = http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert field in [error["field"] for error in is_problem(answer, 422)["errors"]]


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0", "now"])
def test_a_time_in_a_query_is_within_time(http: httpx.Client, since: str) -> None:
    """Also at both ends of it."""
    problem = is_problem(http.get("/v1/webhooks/whk_1/deliveries", params={"since": since}), 422)
    assert problem["errors"][0]["field"] == "since"


def test_thousands_of_stems_are_refused(http: httpx.Client) -> None:
    """Whatever they are called, before any of them is looked up."""
    gains = {f"stem-{index}": 0.0 for index in range(10_000)}
    body = {"track_id": "trk_1", "tasks": ["mixdown"], "options": {"mixdown": {"gains_db": gains}}}
    problem = is_problem(http.post("/v1/jobs", json=body), 422)
    assert [error["field"] for error in problem["errors"]] == ["options.mixdown.gains_db"]


def test_an_upload_has_no_other_fields(http: httpx.Client) -> None:
    """What is sent beside the file is not passed over in silence."""
    answer = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.1))}, data={"tasks": "classify"})
    assert is_problem(answer, 422)["errors"][0]["field"] == "tasks"


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_malformed_json_is_refused(http: httpx.Client, body: bytes) -> None:
    """422, never 500."""
    is_problem(http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"}), 422)


def test_json_that_postgres_cannot_hold_is_refused(http: httpx.Client) -> None:
    """NaN and lone surrogates have no place in ``jsonb``."""
    for metadata in ('{"a": NaN}', '{"a": "\\ud800"}', '{"a\\u0000": 1}'):
        content = f'{{"track_id": "trk_x", "metadata": {metadata}}}'
        is_problem(http.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"}), 422)


@pytest.mark.parametrize(
    "path",
    [UNKNOWN_JOB, "/v1/tracks/trk_x", "/v1/tracks/trk_x/audio", "/v1/tracks/trk_x/similar", "/v1/models/nope", "/v2"],
)
def test_what_does_not_exist_is_404(http: httpx.Client, path: str) -> None:
    """A problem, also for paths that no route has."""
    is_problem(http.get(path), 404)


def test_nul_characters_are_refused_at_the_door(http: httpx.Client) -> None:
    """PostgreSQL cannot take them, so nothing further is asked."""
    is_problem(http.get("/v1/tracks/trk_%00"), 422)
    is_problem(http.get("/v1/tracks?q=%00"), 422)


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan"])
def test_wait_is_between_nothing_and_a_minute(http: httpx.Client, wait: str) -> None:
    """422 that names it."""
    problem = is_problem(http.get(UNKNOWN_JOB, params={"wait": wait}), 422)
    assert problem["errors"][0]["field"] == "wait"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"hello"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"not a form"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc'),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nabc\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'),
    ],
    ids=["type", "no boundary", "no form", "cut short", "nameless part", "no file"],
)
def test_a_form_that_is_none_is_refused(http: httpx.Client, content_type: str, body: bytes) -> None:
    """422, whatever is wrong with it."""
    is_problem(http.post("/v1/tracks", content=body, headers={"Content-Type": content_type}), 422)


class Huge:
    """A form whose file has more bytes than may be sent, made as it is read."""

    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="huge.wav"\r\n\r\n'

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        for _ in range(self.size >> 20):
            yield bytes(1 << 20)


def test_a_declared_size_over_the_limit_is_refused_at_once(stack: RunningStack) -> None:
    """413 before the body is sent, and the connection is closed."""
    address = urlsplit(stack.url)
    key = stack.new_key("huge")
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/tracks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key.encode() + b"\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 99999999999\r\n\r\n" + Huge.head
        )
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"upload_too_large" in answer
