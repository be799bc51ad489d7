"""The calls under ``/v1/examples``."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Response

from phonoscope.contract import Examples
from phonoscope.errors import NotFound, TooManyRequests, Unavailable
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.examples.service import EXAMPLES, example
from phonoscope_gateway.problems import KEYED, problems
from phonoscope_gateway.state import CallerDep, StateDep, get_caller

router = APIRouter(prefix="/v1/examples", tags=["tracks"], responses=KEYED, dependencies=[Depends(get_caller)])
_FLAC = "audio/flac"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get("")
def read_examples() -> Examples:
    """The names of recordings to try the service with, which it synthesises itself."""
    return Examples(names=list(EXAMPLES))


@router.get(
    "/{name}",
    response_class=Response,
    responses={
        200: {"description": "The recording", "content": {_FLAC: _BYTES}},
        **problems(NotFound, TooManyRequests, Unavailable),
    },
)
async def read_example(name: str, state: StateDep, caller: CallerDep) -> Response:
    """One of them, to be uploaded as any other recording."""
    content = await state.examples.run(caller.owner_id, partial(example, name))
    headers = {
        "Content-Disposition": content_disposition("attachment", name),
        "Cache-Control": "private, max-age=86400",
    }
    return Response(content, headers=headers, media_type=_FLAC)
