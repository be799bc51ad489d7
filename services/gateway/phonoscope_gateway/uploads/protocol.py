"""The headers of the tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from fastapi import Request

from phonoscope.errors import (
    ChecksumMismatch,
    InvalidRequest,
    UnsupportedChecksum,
    UnsupportedMediaType,
    UnsupportedTusVersion,
)
from phonoscope_gateway.bodies import media_type_of
from phonoscope_gateway.problems import TUS_VERSION

OFFSET_STREAM = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
_ALGORITHMS: dict[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
ALGORITHMS = ",".join(_ALGORITHMS)
CHECKSUM_PATTERN = "^(sha1 [A-Za-z0-9+/]{27}=|sha256 [A-Za-z0-9+/]{43}=)$"
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class Checksum:
    """What a request's body is to be, of which ``Upload-Checksum`` has the digest.

    Raises ``UnsupportedChecksum`` or ``InvalidRequest``.
    """

    def __init__(self, header: str) -> None:
        algorithm, _, coded = header.strip().partition(" ")
        if algorithm not in _ALGORITHMS:
            raise UnsupportedChecksum(f"there is no checksum {algorithm!r}; there are {ALGORITHMS}")
        self._digest = _ALGORITHMS[algorithm]()
        try:
            self._wanted = b64decode(coded.strip(), validate=True)
        except binascii.Error as error:
            raise InvalidRequest.field("Upload-Checksum", "the digest is not in Base64") from error
        if len(self._wanted) != self._digest.digest_size:
            raise InvalidRequest.field("Upload-Checksum", f"{algorithm} has {self._digest.digest_size} bytes")

    def update(self, chunk: bytes) -> None:
        self._digest.update(chunk)

    def check(self) -> None:
        """Raises ``ChecksumMismatch``."""
        if self._digest.digest() != self._wanted:
            raise ChecksumMismatch("the body arrived changed; send it again from the same offset")


def check_version(request: Request) -> None:
    """Raises ``UnsupportedTusVersion`` unless the request says that it speaks this version."""
    if request.headers.get("tus-resumable") != TUS_VERSION:
        raise UnsupportedTusVersion(f"send the header Tus-Resumable: {TUS_VERSION}")


def check_media_type(request: Request) -> None:
    """Raises ``UnsupportedMediaType``."""
    if media_type_of(request) != OFFSET_STREAM:
        raise UnsupportedMediaType(f"the Content-Type must be {OFFSET_STREAM}")


def has_body(request: Request) -> bool:
    """Whether the headers announce a body."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def number(request: Request, name: str) -> int:
    """A header with bytes in decimal digits. Raises ``InvalidRequest``."""
    values = request.headers.getlist(name)
    if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
        raise InvalidRequest.field(name, "must be given once, as bytes in decimal digits")
    return int(values[0])


def checksum_of(request: Request) -> Checksum | None:
    """The checksum that the request's body is to have. Raises as ``Checksum`` does."""
    header = request.headers.get("upload-checksum")
    return None if header is None else Checksum(header)
