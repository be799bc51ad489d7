"""``Upload-Metadata``: what a tus client says of the file that it sends."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass

from phonoscope.contract import JobRequest
from phonoscope.contract.uploads import SHA256_PATTERN
from phonoscope.errors import InvalidRequest
from phonoscope.filenames import clean_filename
from phonoscope_gateway.jobs.requests import JOB_FIELDS, request_of_upload

_HEADER = "Upload-Metadata"
_KEY = re.compile(r"[!-+\--~]{1,128}")
_LONGEST = 60_000
_NAMES = ("filename", "name")


@dataclass(frozen=True)
class Metadata:
    """What is said of a file, and the job that is asked for it."""

    filename: str
    sha256: str | None = None
    request: JobRequest | None = None


def read_metadata(header: str) -> Metadata:
    """Reads the header: ``filename`` or ``name``, ``sha256``, and the fields of the form that asks for a job.

    Other keys are left to the client: it gets the header back.

    Raises ``InvalidRequest``, which names what is wrong.
    """
    values = parse_metadata(header)
    filename = next((values[name] for name in _NAMES if values.get(name)), "")
    sha256 = values.get("sha256")
    if sha256 is not None and not re.fullmatch(SHA256_PATTERN, sha256):
        raise InvalidRequest.field("sha256", "must be 64 hexadecimal digits")
    asked = {name: [values[name]] for name in JOB_FIELDS if name in values}
    return Metadata(
        filename=clean_filename(filename),
        sha256=sha256.lower() if sha256 else None,
        request=request_of_upload(asked) if asked else None,
    )


def parse_metadata(header: str) -> dict[str, str]:
    """The values by their keys. Raises ``InvalidRequest``.

    >>> parse_metadata("filename dG9uZS53YXY=,is_confidential")
    {'filename': 'tone.wav', 'is_confidential': ''}
    """
    if len(header) > _LONGEST:
        raise InvalidRequest.field(_HEADER, f"more than {_LONGEST:,} characters")
    values: dict[str, str] = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        key, _, coded = pair.partition(" ")
        if not _KEY.fullmatch(key):
            raise InvalidRequest.field(_HEADER, "a key has 1 to 128 visible ASCII characters other than a comma")
        if key in values:
            raise InvalidRequest.field(_HEADER, f"{key} is given more than once")
        values[key] = _decoded(key, coded.strip())
    return values


def _decoded(key: str, coded: str) -> str:
    try:
        return b64decode(coded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest.field(_HEADER, f"{key} is not UTF-8 in Base64") from error
