"""Answers requests for objects: whole, in part, or not at all when the client has them (RFC 9110, 13 and 14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Response, status
from fastapi.responses import RedirectResponse, StreamingResponse

from phonoscope.errors import InvalidSignature, NotFound, RangeNotSatisfiable, SignatureExpired
from phonoscope.storage import ObjectStore
from phonoscope_gateway.dispositions import content_disposition
from phonoscope_gateway.problems import problems
from phonoscope_gateway.ranges import parse_range
from phonoscope_gateway.state import HeadDep


@dataclass(frozen=True)
class StoredObject:
    """An object, and the values of its headers.

    Attributes:
        tag: the entity tag, without quotation marks.
        link_s: seconds for which a link to the object at the store's public address is valid.
    """

    key: str
    size_bytes: int
    media_type: str
    tag: str
    filename: str
    cache_control: str
    link_s: int


@dataclass(frozen=True)
class ObjectRequest:
    """The range and the conditions of a request for an object.

    Attributes:
        head: whether only the headers are asked for.
    """

    head: bool
    range: str | None
    if_range: str | None
    if_none_match: str | None


async def get_object_request(
    head: HeadDep,
    range_: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> ObjectRequest:
    """Asynchronous, so that it costs no thread."""
    return ObjectRequest(head, range_, if_range, if_none_match)


ObjectRequestDep = Annotated[ObjectRequest, Depends(get_object_request)]


def object_responses(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The documented responses of a call that answers with an object."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": "The whole object", "content": content},
        206: {"description": "The requested range", "content": content},
        304: {"description": "It is what you have"},
        **problems(InvalidSignature, SignatureExpired, NotFound, RangeNotSatisfiable),
        307: {"description": "The object is at this address of the store, if the gateway knows a public one"},
    }


def send_object(store: ObjectStore, stored: StoredObject, asked: ObjectRequest) -> Response:
    """The response for an object: its bytes, or a redirect where the store has a public address.

    Where only the headers are asked for they are the gateway's own: a link to the store is signed for ``GET`` alone.

    Raises:
        RangeNotSatisfiable: the range starts after the object's end.
        NotFound, StoreUnavailable: the object cannot be read.
    """
    etag = f'"{stored.tag}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": stored.cache_control}
    if asked.if_none_match is not None and etag in asked.if_none_match:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    part = parse_range(asked.range, stored.size_bytes) if asked.if_range in (None, etag) else None
    start, length = part or (0, stored.size_bytes)
    headers["Content-Length"] = str(length)
    headers["Content-Disposition"] = content_disposition("inline", stored.filename)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size_bytes}"
    code = status.HTTP_206_PARTIAL_CONTENT if part is not None else status.HTTP_200_OK
    if asked.head:
        return Response(None, code, headers, stored.media_type)
    if store.has_public_address:
        kept = {name: headers[name] for name in ("Cache-Control", "Content-Disposition")}
        url = store.presigned(stored.key, stored.link_s, kept | {"Content-Type": stored.media_type})
        return RedirectResponse(url, headers={"Cache-Control": "no-store"})
    return StreamingResponse(store.read(stored.key, start, length).chunks, code, headers, stored.media_type)
