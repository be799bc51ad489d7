"""A job's request as it arrives: JSON, or one multipart form that includes the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fastapi import Request

from phonoscope.contract import JobRequest
from phonoscope.errors import InvalidRequest
from phonoscope_gateway.bodies import JSON, media_type_of, parse_model, read_json, validate
from phonoscope_gateway.forms import Form, Upload, read_form
from phonoscope_gateway.strict_json import parse_json

_FORM = "multipart/form-data"
NOT_YET = "trk_of_the_upload"
"""The track of a job that is asked for with a recording, until it has one."""
JOB_FIELDS = ("tasks", "options", "metadata", "webhook_url")
"""What a form has beside the recording."""


@dataclass(frozen=True)
class Submission:
    """A job's request; with an ``upload``, ``request.track_id`` is still to be set."""

    request: JobRequest
    upload: Upload | None = None

    def asked(self) -> dict[str, Any]:
        """The request and the upload's digest, in JSON's types."""
        asked = self.request.model_dump(mode="json", exclude_unset=True)
        return asked if self.upload is None else {**asked, "file": self.upload.sha256}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.upload is not None:
            self.upload.file.close()


def has_upload(request: Request) -> bool:
    """Whether the request is the form that includes the recording."""
    return media_type_of(request) == _FORM


async def read_submission(request: Request, max_upload_bytes: int) -> Submission:
    """Reads either form of ``POST /v1/jobs``. Raises ``InvalidRequest`` (naming the field) or ``UploadTooLarge``."""
    media_type = media_type_of(request)
    if media_type == JSON:
        return Submission(parse_model(JobRequest, await read_json(request)))
    if media_type == _FORM:
        return _from_form(await read_form(request, max_upload_bytes))
    raise InvalidRequest.field("content-type", "must be application/json or multipart/form-data")


def request_of_upload(fields: Mapping[str, list[str]]) -> JobRequest:
    """The request beside a recording, of a form's text fields. Raises ``InvalidRequest``, naming the field."""
    return validate(JobRequest, {"track_id": NOT_YET, **_form_values(fields)})


def _from_form(form: Form) -> Submission:
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    try:
        return Submission(request_of_upload(form.fields), form.upload)
    except BaseException:
        form.upload.file.close()
        raise


def _form_values(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    unknown = set(fields) - set(JOB_FIELDS)
    if unknown:
        raise InvalidRequest.field(min(unknown), f"not a field of this form; there are: file, {', '.join(JOB_FIELDS)}")
    values: dict[str, Any] = {}
    for name, texts in fields.items():
        if name == "tasks":
            values[name] = _tasks(texts)
        elif len(texts) > 1:
            raise InvalidRequest.field(name, "given more than once")
        else:
            values[name] = texts[0] if name == "webhook_url" else parse_json(name, texts[0].encode())
    return values


def _tasks(texts: list[str]) -> Any:
    """A JSON list, comma-separated names, or a repeated field."""
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        return parse_json("tasks", texts[0].encode())
    return [name.strip() for text in texts for name in text.split(",")]
