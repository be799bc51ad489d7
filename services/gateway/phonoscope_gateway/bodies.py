"""Reads JSON bodies, once and as strict models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic import ValidationError

from phonoscope.errors import InvalidRequest
from phonoscope.requests import RequestModel
from phonoscope_gateway.problems import invalid_request
from phonoscope_gateway.state import CallerDep
from phonoscope_gateway.strict_json import BODY, parse_json

Model = TypeVar("Model", bound=RequestModel)

JSON = "application/json"


def json_body(model: type[Model]) -> Callable[..., Awaitable[Model]]:
    """A dependency: the body of a request, whose client is known. It raises ``Unauthorized`` or ``InvalidRequest``.

    A model without required fields may be left out.
    """
    may_be_absent = not any(field.is_required() for field in model.model_fields.values())

    async def read(request: Request, _caller: CallerDep) -> Model:
        content = await read_json(request)
        return model() if not content and may_be_absent else parse_model(model, content)

    return read


def takes(model: type[Model]) -> dict[str, Any]:
    """A route's ``openapi_extra``: the body that ``json_body`` reads."""
    required = any(field.is_required() for field in model.model_fields.values())
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    return {"requestBody": {"required": required, "content": content}}


def media_type_of(request: Request) -> str:
    """The media type of a request's body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> bytes:
    """The bytes of a JSON body, which the guard has limited. Raises ``InvalidRequest`` for another media type."""
    body = await request.body()
    if body and media_type_of(request) != JSON:
        raise InvalidRequest.field("content-type", f"must be {JSON}")
    return body


def parse_model(model: type[Model], content: bytes) -> Model:
    """A JSON text as a model. Raises ``InvalidRequest``, which names each wrong field."""
    return validate(model, parse_json(BODY, content))


def validate(model: type[Model], values: Any) -> Model:
    """A parsed value as a model. Raises ``InvalidRequest``, which names each wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid_request(error.errors(include_url=False, include_input=False)) from error
