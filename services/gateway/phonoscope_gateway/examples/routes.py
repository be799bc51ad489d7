"""The calls under ``/v1/examples``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from phonoscope.contract import Examples
from phonoscope.errors import NotFound
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.examples.service import EXAMPLES, example
from phonoscope_gateway.problems import KEYED, problems

router = APIRouter(prefix="/v1/examples", tags=["tracks"], responses=KEYED)
_FLAC = "audio/flac"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get("")
def read_examples() -> Examples:
    """The names of recordings to try the service with, which it synthesises itself."""
    return Examples(names=list(EXAMPLES))


@router.get(
    "/{name}",
    response_class=Response,
    responses={200: {"description": "The recording", "content": {_FLAC: _BYTES}}, **problems(NotFound)},
)
def read_example(name: str) -> Response:
    """One of them, to be uploaded as any other recording."""
    headers = {
        "Content-Disposition": content_disposition("attachment", name),
        "Cache-Control": "private, max-age=86400",
    }
    return Response(example(name), headers=headers, media_type=_FLAC)
