"""A job's request, in either of its forms."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from phonoscope.contract import MAX_METADATA_BYTES, Job
from phonoscope.errors import InvalidRequest
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.requests import Submission, read_submission
from tests.unit.gateway.requests import MakeRequest


@pytest.fixture
def read_json(make_request: MakeRequest) -> Any:
    """Reads a request whose body is JSON, given as a value or as bytes."""

    def read(body: Any, content_type: str = "application/json") -> Submission:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(read_submission(make_request([content], content_type=content_type), 1_000_000))

    return read


@pytest.fixture
def read_form(make_request: MakeRequest) -> Iterator[Any]:
    """Reads a request whose body is a form with a recording; the recording's spooled file is closed at the end."""
    taken: list[Submission] = []

    def read(fields: dict[str, Any], content: bytes | None = b"RIFF") -> Submission:
        files = {"file": ("a.wav", content)} if content is not None else {"tasks": (None, "embed")}
        sent = httpx.Request("POST", "http://gateway.test", data=fields, files=files)
        request = make_request([sent.read()], content_type=sent.headers["Content-Type"])
        taken.append(asyncio.run(read_submission(request, 1_000_000)))
        return taken[-1]

    yield read
    for submission in taken:
        if submission.upload is not None:
            submission.upload.file.close()


def fields_of(error: InvalidRequest) -> list[str]:
    return [found["field"] for found in error.errors]


def test_json_asks_for_tasks_on_a_track(read_json: Any) -> None:
    """There is no upload, and everything is as it was said."""
    submission = read_json({"track_id": "trk_1", "tasks": ["embed"], "metadata": {"mine": [1]}})
    assert submission.upload is None
    assert submission.request.track_id == "trk_1"
    assert submission.request.tasks == [TaskName.EMBED]
    assert submission.request.metadata == {"mine": [1]}


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", " application/json ;x"]
)
def test_the_media_type_may_have_parameters(read_json: Any, content_type: str) -> None:
    """Neither parameters nor capitals matter."""
    assert read_json({"track_id": "trk_1"}, content_type).request.track_id == "trk_1"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(read_json: Any, content_type: str) -> None:
    """The header is named."""
    with pytest.raises(InvalidRequest, match="must be application/json or multipart/form-data") as caught:
        read_json({"track_id": "trk_1"}, content_type)
    assert fields_of(caught.value) == ["content-type"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", ["body"]),
        (b"{", ["body"]),
        (b"\xff\xfe{", ["body"]),
        (b"[" * 100_000, ["body"]),
        (b"9" * 10_000, ["body"]),
        (b"[]", ["body"]),
        (b"null", ["body"]),
        (b'"trk_1"', ["body"]),
        (b"x" * (256 * 1024 + 1), ["body"]),
        ({"track_id": ""}, ["track_id"]),
        ({"track_id": 7}, ["track_id"]),
        ({"track_id": "trk_1", "tasks": ["classify", "listen"]}, ["tasks.1"]),
        ({"track_id": "trk_1", "tasks": []}, ["tasks"]),
        ({"track_id": "trk_1", "options": {"classify": {"top_k": "many"}}}, ["options.classify.top_k"]),
        ({"track_id": "trk_1", "colour": "blue", "tasks": "x"}, ["tasks", "colour"]),
    ],
)
def test_a_wrong_body_names_the_fields(read_json: Any, body: Any, fields: list[str]) -> None:
    """All of them at once, with what is wrong with each."""
    with pytest.raises(InvalidRequest) as caught:
        read_json(body)
    assert fields_of(caught.value) == fields
    assert all(f"{found['field']}: {found['message']}" in caught.value.detail for found in caught.value.errors)
    json.dumps(caught.value.as_problem(), ensure_ascii=False).encode()


@pytest.mark.parametrize("body", [b'{"track_id": "\\ud800"}', b'{"track_id": "a", "\\ud800": 1}'])
def test_half_a_character_is_refused(read_json: Any, body: bytes) -> None:
    """A lone surrogate is no text, and the refusal itself can be sent."""
    with pytest.raises(InvalidRequest) as caught:
        read_json(body)
    json.dumps(caught.value.as_problem(), ensure_ascii=False).encode()


def test_a_form_brings_the_recording(read_form: Any) -> None:
    """Its fields say the same as the JSON's."""
    options = '{"classify": {"top_k": 5}}'
    submission = read_form({"tasks": "classify, embed", "options": options, "metadata": '{"mine": 1}'})
    assert submission.upload.filename == "a.wav"
    assert submission.request.tasks == [TaskName.CLASSIFY, TaskName.EMBED]
    assert submission.request.options.classify.top_k == 5
    assert submission.request.metadata == {"mine": 1}


@pytest.mark.parametrize(
    "tasks", ["classify,describe", " classify , describe ", '["classify", "describe"]', ["classify", "describe"]]
)
def test_tasks_may_be_written_in_three_ways(read_form: Any, tasks: Any) -> None:
    """Parted by commas, as a JSON list, or as a field repeated."""
    assert read_form({"tasks": tasks}).request.tasks == [TaskName.CLASSIFY, TaskName.DESCRIBE]


def test_a_form_without_words_has_the_defaults(read_form: Any) -> None:
    """A recording alone is enough."""
    assert read_form({}).request.tasks == [TaskName.CLASSIFY, TaskName.EMBED]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tasks": "classify,,embed"}, "tasks.1"),
        ({"tasks": ""}, "tasks.0"),
        ({"tasks": "[classify"}, "tasks"),
        ({"tasks": '["classify", 7]'}, "tasks.1"),
        ({"options": "classify"}, "options"),
        ({"options": '{"classify": {"tempo": 1}}'}, "options.classify.tempo"),
        ({"options": ["{}", "{}"]}, "options"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": "[" * 20_000}, "metadata"),
        ({"track_id": "trk_1"}, "track_id"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_field_is_named_and_the_file_closed(
    read_form: Any, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], field: str
) -> None:
    """Nothing stays behind of an upload whose request is refused."""
    spool = io.BytesIO()
    monkeypatch.setattr("phonoscope_gateway.forms.tempfile.SpooledTemporaryFile", lambda **_: spool)
    with pytest.raises(InvalidRequest) as caught:
        read_form(fields)
    assert fields_of(caught.value) == [field]
    assert spool.closed


def test_a_form_without_file_is_refused(read_form: Any) -> None:
    """The form exists to bring one."""
    with pytest.raises(InvalidRequest, match="file: missing"):
        read_form({}, content=None)


def nested(levels: int) -> dict[str, Any]:
    """A value that many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": "\x00"},
        {"\x00": 1},
        {"a": "\ud800"},
        {"a": 2**63},
        {"a": 10**400},
        {"a": "ü" * (MAX_METADATA_BYTES // 2)},
        nested(65),
        nested(900),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused(read_json: Any, read_form: Any, metadata: dict[str, Any]) -> None:
    """What JSON or PostgreSQL has no room for, and what is nested too deeply to be written out again."""
    job, form = {"track_id": "trk_1", "metadata": metadata}, {"metadata": json.dumps(metadata)}
    for read, values in ((read_json, job), (read_form, form)):
        with pytest.raises(InvalidRequest) as caught:
            read(values)
        (field,) = fields_of(caught.value)
        assert field in {"metadata", "body"} or field.startswith("metadata.")


@pytest.mark.parametrize(
    "metadata",
    [{}, {"a": [1, 2.5, None, True, "ü 音 \\u0041"]}, {"a": "\\u0000"}, {"a": "x" * 16_000}, nested(64)],
)
def test_metadata_comes_back_as_it_went(read_json: Any, metadata: dict[str, Any]) -> None:
    """Whatever is taken can be read back in a job."""
    assert read_json({"track_id": "trk_1", "metadata": metadata}).request.metadata == metadata
    now = "2025-03-01T12:00:00Z"
    values = {"id": "job_1", "track_id": "trk_1", "status": "queued", "created_at": now, "finished_at": None}
    job = Job.model_validate({**values, "metadata": metadata, "tasks": []})
    assert json.loads(job.model_dump_json())["metadata"] == metadata
