"""A search as it arrives: JSON, or a form that includes the recording to search by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from fastapi import Request

from phonoscope.contract import SearchRequest, SearchUnit
from phonoscope.errors import InvalidRequest
from phonoscope_gateway.bodies import JSON, media_type_of, parse_model, read_json, validate
from phonoscope_gateway.forms import Form, Upload, read_form
from phonoscope_gateway.strict_json import parse_json

_FORM = "multipart/form-data"
_QUERIES = ("text", "track_id", "vector")
_OF_TRACKS = ("start_s", "end_s")
_AS_TEXT = ("text", "track_id", "space", "stem", "way", "unit", "cursor")


@dataclass(frozen=True)
class Asked:
    """A search, and the recording that was sent to search by."""

    request: SearchRequest
    upload: Upload | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.upload is not None:
            self.upload.file.close()


def has_file(request: Request) -> bool:
    """Whether the request is the form that includes a recording."""
    return media_type_of(request) == _FORM


async def read_search(request: Request, max_upload_bytes: int) -> Asked:
    """Reads either form of ``POST /v1/search``. Raises ``InvalidRequest`` (naming the field) or ``UploadTooLarge``."""
    media_type = media_type_of(request)
    if media_type == JSON:
        asked = Asked(parse_model(SearchRequest, await read_json(request)))
        check_search(asked.request, by_file=False)
        return asked
    if media_type == _FORM:
        return _from_form(await read_form(request, max_upload_bytes))
    raise InvalidRequest.field("content-type", "must be application/json or multipart/form-data")


def check_search(request: SearchRequest, *, by_file: bool) -> None:
    """Refuses fields that do not fit together. Raises ``InvalidRequest``, which names the field."""
    named = [name for name in _QUERIES if getattr(request, name) is not None]
    kinds = [*named, *(["file"] if by_file else [])]
    if len(kinds) != 1:
        there = f"there are {' and '.join(kinds)}" if kinds else "there is none"
        raise InvalidRequest.field((kinds or _QUERIES)[-1 if kinds else 0], f"search by one of {_all()}; {there}")
    _check_words(request)
    _refuse(request, "track_id", _OF_TRACKS)
    if request.end_s is not None and request.end_s <= (request.start_s or 0.0):
        raise InvalidRequest.field("end_s", "must be after start_s")
    if request.vector is not None and request.space is None:
        raise InvalidRequest.field("space", "missing: whose vector it is, as the name of a model or a digest")
    if by_file and request.stem is not None:
        raise InvalidRequest.field("stem", "a file has no stems; upload it, separate it, and search by `track_id`")
    filters = request.filters
    _check_order(filters.uploaded_since, filters.uploaded_until, "filters.uploaded_until", "uploaded_since")
    _check_order(filters.least_duration_s, filters.most_duration_s, "filters.most_duration_s", "least_duration_s")


def _all() -> str:
    return ", ".join((*_QUERIES, "file"))


def _check_words(request: SearchRequest) -> None:
    if request.text is not None and not request.text.strip():
        raise InvalidRequest.field("text", "is empty")
    if request.filters.words is not None and not request.filters.words.strip():
        raise InvalidRequest.field("filters.words", "is empty")
    _refuse(request, "text", ("way",))
    if request.way == "clap" and request.unit is SearchUnit.MOMENT and request.filters.labels:
        raise InvalidRequest.field(
            "way", "CLAP hears no labels in a moment: leave it out, or filter recordings, with the unit `track`"
        )
    if request.text is not None and request.space is not None:
        raise InvalidRequest.field("space", "words are searched by labels of all spaces, or in CLAP's; leave it out")


def _refuse(request: SearchRequest, of: str, names: Iterable[str]) -> None:
    """Fields that mean something only beside another one."""
    for name in names:
        if getattr(request, name) is not None and getattr(request, of) is None:
            raise InvalidRequest.field(name, f"goes with `{of}`")


def _check_order(first: Any, last: Any, field: str, before: str) -> None:
    if first is not None and last is not None and last < first:
        raise InvalidRequest.field(field, f"must not be before {before}")


def _from_form(form: Form) -> Asked:
    if form.upload is None:
        raise InvalidRequest.field("file", "missing")
    try:
        asked = Asked(validate(SearchRequest, _form_values(form)), form.upload)
        check_search(asked.request, by_file=True)
    except BaseException:
        form.upload.file.close()
        raise
    return asked


def _form_values(form: Form) -> dict[str, Any]:
    known = SearchRequest.model_fields
    values: dict[str, Any] = {}
    for name, texts in sorted(form.fields.items()):
        if name not in known:
            raise InvalidRequest.field(name, f"not a field of this form; there are: file, {', '.join(known)}")
        if len(texts) > 1:
            raise InvalidRequest.field(name, "given more than once")
        values[name] = texts[0] if name in _AS_TEXT else parse_json(name, texts[0].encode())
    return values
