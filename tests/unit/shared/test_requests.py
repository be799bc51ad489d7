"""What requests are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from phonoscope.contract import (
    JobRequest,
    KeyChange,
    KeyRequest,
    KeyRotation,
    MixdownOptions,
    RedeliveryRequest,
    SecretRotation,
    SpectrogramLook,
    WebhookChange,
    WebhookRequest,
)
from phonoscope.requests import DecimalText, Moment, Name, RequestModel, WholeText, text
from phonoscope.tasks import TASKS

BODIES: list[type[RequestModel]] = [
    KeyChange,
    KeyRequest,
    KeyRotation,
    JobRequest,
    RedeliveryRequest,
    SecretRotation,
    WebhookChange,
    WebhookRequest,
    *(spec.options for spec in TASKS.values()),
]
_HOLDS_CLIENTS_OWN = {"metadata"}
"""Bounded as a whole, in bytes and depth."""


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_every_part_of_a_body_is_strict(model: type[RequestModel]) -> None:
    """By the one base; nothing loosens it."""
    for part in _parts(model):
        assert issubclass(part, RequestModel), part
        settings = {name: part.model_config.get(name) for name in ("strict", "extra", "allow_inf_nan")}
        assert settings == {"strict": True, "extra": "forbid", "allow_inf_nan": False}, part


@pytest.mark.parametrize("model", [*BODIES, SpectrogramLook], ids=lambda model: model.__name__)
def test_everything_in_a_request_has_bounds(model: type[BaseModel]) -> None:
    """Texts, lists, objects and numbers, however deep."""
    assert list(_unbounded(model.model_json_schema())) == []


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (SecretRotation, {"overlap_s": False}, "overlap_s"),
        (SecretRotation, {"overlap_s": "5"}, "overlap_s"),
        (SecretRotation, {"overlap_s": 5.0}, "overlap_s"),
        (SecretRotation, {"overlap_s": 10**400}, "overlap_s"),
        (MixdownOptions, {"normalise": 1}, "normalise"),
        (MixdownOptions, {"gains_db": {"vocals": True}}, "gains_db.vocals"),
        (MixdownOptions, {"gains_db": {"vocals": "1"}}, "gains_db.vocals"),
        (MixdownOptions, {"gains_db": {f"stem-{index}": 0 for index in range(33)}}, "gains_db"),
        (MixdownOptions, {"pan": {"Vocals\x00": 0}}, "pan.Vocals\x00.[key]"),
        (WebhookRequest, {"url": "https://a.example", "description": "\x00"}, "description"),
        (WebhookRequest, {"url": "https://a.example", "description": "\ud800"}, "description"),
        (WebhookRequest, {"url": "https://a.example", "events": ["job.failed"] * 4}, "events"),
        (WebhookRequest, {"url": ["https://a.example"]}, "url"),
        (WebhookChange, {"enabled": "true"}, "enabled"),
        (RedeliveryRequest, {"since": 0}, "since"),
        (RedeliveryRequest, {"since": "2025-03-01T12:00:00"}, "since"),
        (JobRequest, {"track_id": "trk_é"}, "track_id"),
        (JobRequest, {"track_id": "trk_1", "options": {"explain": {"label": "\x00"}}}, "options.explain.label"),
        (
            JobRequest,
            {"track_id": "trk_1", "options": {"features": {"layers": ["a\x00"]}}},
            "options.features.layers.0",
        ),
        (
            JobRequest,
            {"track_id": "trk_1", "options": {"separate": {"two_stems": "\ud800"}}},
            "options.separate.two_stems",
        ),
    ],
)
def test_what_is_not_meant_is_refused_by_name(model: type[BaseModel], body: dict[str, Any], field: str) -> None:
    """No type passes for another, and no text holds what cannot be stored."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]


@pytest.mark.parametrize(
    ("moment", "in_utc"),
    [
        ("2025-03-01T12:00:00Z", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("2025-03-01t13:00:00.5+01:00", datetime(2025, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("0001-01-01T23:59:00+23:59", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_utc(moment: str, in_utc: datetime) -> None:
    """Whatever offset it was given with."""
    read: datetime = TypeAdapter(Moment).validate_python(moment)
    assert read == in_utc
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2025-03-01",
        "2025-03-01T12:00:00",
        "2025-03-01T12:00:00+24:00",
        "2025-13-01T12:00:00Z",
        "٢٠٢٥-03-01T12:00:00Z",
        "0",
        "1e9",
        "\x00",
        "\ud800",
        "",
        7,
        True,
        None,
    ],
)
def test_what_is_no_moment_is_refused(moment: Any) -> None:
    """Also at both ends of time, where an offset leads out of it."""
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(moment)


@pytest.mark.parametrize("number", ["", " 5", "+5", "1_000", "1.0", "٥", "5e0", "0x5", "9" * 19, "nan", "true"])
def test_a_whole_number_in_a_query_is_decimal_digits(number: str) -> None:
    """And nothing that Python would take for one besides."""
    assert TypeAdapter(WholeText).validate_python("-12") == -12
    with pytest.raises(ValidationError):
        TypeAdapter(WholeText).validate_python(number)


@pytest.mark.parametrize("number", ["", " 5", "+5", "1_0", "1.", ".5", "1e999", "1e9999", "inf", "NaN", "٥", "9" * 19])
def test_a_number_in_a_query_is_decimal_digits(number: str) -> None:
    """With a fraction, or without."""
    assert TypeAdapter(DecimalText).validate_python("-12.5") == -12.5
    assert TypeAdapter(DecimalText).validate_python(str(1e-05)) == 1e-05
    with pytest.raises(ValidationError):
        TypeAdapter(DecimalText).validate_python(number)


def test_text_is_bounded_in_characters() -> None:
    """Not in bytes, and the bounds belong to it."""
    short = TypeAdapter(Annotated[str, text(2, 1)])
    assert short.validate_python("音é") == "音é"
    for wrong in ("", "abc", "\x00"):
        with pytest.raises(ValidationError):
            short.validate_python(wrong)
    assert TypeAdapter(Name).validate_python("a\nb") == "a\nb"


def _parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for part in _models_in(field.annotation):
            yield from _parts(part)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _unbounded(schema: Any, place: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _unbounded(item, f"{place}/{index}")
        return
    if not isinstance(schema, dict) or place.rpartition("/")[2] in _HOLDS_CLIENTS_OWN:
        return
    if not _BOUNDED.get(_type_of(schema), _BOUNDED[None])(schema):
        yield place
    for name, item in schema.items():
        if name != "default":
            yield from _unbounded(item, f"{place}/{name}")


def _type_of(schema: dict[str, Any]) -> str | None:
    found = schema.get("type")
    return found if isinstance(found, str) else None


_BOUNDED: dict[str | None, Callable[[dict[str, Any]], bool]] = {
    None: lambda _: True,
    "string": lambda schema: (
        bool({"const", "enum", "format", "maxLength"} & set(schema)) or "{1," in schema.get("pattern", "")
    ),
    "array": lambda schema: "maxItems" in schema,
    "object": lambda schema: "properties" in schema or "maxProperties" in schema,
    "integer": lambda schema: "minimum" in schema and "maximum" in schema,
    "number": lambda schema: bool({"minimum", "exclusiveMinimum"} & set(schema)) and "maximum" in schema,
}
