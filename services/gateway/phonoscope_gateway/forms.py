"""Reads multipart forms with one file as they arrive: the file is spooled and hashed in the same pass."""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from phonoscope.errors import InvalidRequest, SpoolFull, UploadTooLarge
from phonoscope_gateway.dispositions import Disposition

MAX_LABEL_FILE_BYTES = 32 << 20
MAX_HEAD_BYTES = 24 << 20
"""Of 10,000 labels: 20 MB of weights."""
_MAX_FIELD_BYTES = 256 * 1024
_MAX_PARTS = 16
_MAX_BOUNDARY_BYTES = 256
_MAX_HEADER_BYTES = 32 * 1024
"""Of a part: file names of 4 kB are sent, whose bytes take three each in ``filename*``, and both names at once."""
_MEMORY_BYTES = 1 << 20


@dataclass
class Upload:
    """An uploaded file; the caller closes it."""

    file: BinaryIO
    filename: str
    sha256: str
    size_bytes: int


@dataclass
class Form:
    """A form's text fields, in order of arrival, and its file."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    upload: Upload | None = None


def takes_file(description: str) -> dict[str, Any]:
    """What the OpenAPI document says of a call that takes one file in a form."""
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary", "description": description}},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


async def read_form(request: Request, max_upload_bytes: int) -> Form:
    """Reads a ``multipart/form-data`` request whose file field is called ``file``.

    Raises:
        InvalidRequest: the media type is another one, the body is malformed, or a field is one too many, too large or
            not UTF-8.
        UploadTooLarge: the file exceeds the limit; raised as soon as that is known.
        SpoolFull: the disk on which uploads are spooled is full.
    """
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if media_type != b"multipart/form-data" or not 0 < len(boundary) <= _MAX_BOUNDARY_BYTES:
        raise InvalidRequest.field("content-type", "must be multipart/form-data with a boundary")
    reader = _FormReader(boundary, max_upload_bytes)
    try:
        with spooling():
            async for chunk in request.stream():
                reader.feed(chunk)
            return reader.finish()
    except BaseException as error:
        reader.close()
        if isinstance(error, MultipartParseError):
            raise InvalidRequest.field("body", f"not a multipart form: {error}") from error
        raise


@contextmanager
def spooling() -> Iterator[None]:
    """Raises ``SpoolFull`` for an error that says that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SpoolFull("no disk space is left for uploads; nothing was stored") from error
        raise


def new_spool() -> BinaryIO:
    """A file for an upload's bytes, in memory while it is small; the caller closes it."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES))


def too_large(max_upload_bytes: int) -> UploadTooLarge:
    """The error for an upload over the limit."""
    return UploadTooLarge(f"an upload may have {max_upload_bytes:,} bytes; this one has more")


class _FormReader:
    """Parses a form from pieces of any size."""

    def __init__(self, boundary: bytes, max_upload_bytes: int) -> None:
        self._max_upload_bytes = max_upload_bytes
        self._form = Form()
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._size = 0
        self._parts = 0
        self._complete = False
        self._filename = ""
        self._name = ""
        self._text = bytearray()
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._start_content,
                "on_part_data": self._content,
                "on_part_end": self._end,
                "on_end": self._finished,
            },
            max_header_size=_MAX_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def finish(self) -> Form:
        """Raises ``InvalidRequest`` when the form is not complete."""
        self._parser.finalize()
        if not self._complete:
            raise InvalidRequest.field("body", "the form ends before its last boundary")
        if self._file is not None:
            self._form.upload = Upload(self._file, self._filename, self._hash.hexdigest(), self._size)
        return self._form

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise InvalidRequest.field("body", f"more than {_MAX_PARTS} parts")
        self._name, self._disposition = "", b""
        self._text.clear()

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _start_content(self) -> None:
        disposition = Disposition(self._disposition)
        self._name = disposition.name
        if not self._name:
            raise InvalidRequest.field("body", "a part has no name")
        if self._name == "file":
            if self._file is not None:
                raise InvalidRequest.field("file", "only one file at a time")
            self._filename = disposition.filename
            self._file = new_spool()

    def _content(self, data: bytes, start: int, end: int) -> None:
        if self._name != "file":
            self._text.extend(data[start:end])
            if len(self._text) > _MAX_FIELD_BYTES:
                raise InvalidRequest.field(self._name, f"more than {_MAX_FIELD_BYTES:,} bytes")
            return
        assert self._file is not None
        piece = memoryview(data)[start:end]
        self._size += len(piece)
        if self._size > self._max_upload_bytes:
            raise too_large(self._max_upload_bytes)
        self._hash.update(piece)
        self._file.write(piece)

    def _end(self) -> None:
        if self._name != "file":
            try:
                self._form.fields.setdefault(self._name, []).append(self._text.decode())
            except UnicodeDecodeError as error:
                raise InvalidRequest.field(self._name, "not UTF-8") from error

    def _finished(self) -> None:
        self._complete = True
