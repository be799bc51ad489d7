"""Which requests need an API key and how large their bodies may be, for all routes at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from starlette.datastructures import Headers, QueryParams

from phonoscope.contract import Scope
from phonoscope.errors import BodyTooLarge, NotShared, PhonoscopeError
from phonoscope_gateway.forms import MAX_HEAD_BYTES, MAX_LABEL_FILE_BYTES, too_large

MAX_JSON_BYTES = 256 * 1024
MAX_LABEL_SET_BYTES = 1 << 20
"""Of a thousand labels with a hundred characters."""
MAX_COMPLETION_BYTES = 4 << 20
"""Of an upload with ten thousand parts."""
MAX_TEACHING_BYTES = 2 << 20
"""Of ten thousand labels with examples."""
ENVELOPE_BYTES = 2 * MAX_JSON_BYTES
"""What a form may have beside its file."""

_API = re.compile(r"/v1(/.*)?", re.DOTALL)
_HEALTH = re.compile(r"/health(/.*)?", re.DOTALL)
_BY_LINK = re.compile(r"/v1/artifacts/[^/]+")
_BY_LINK_OR_KEY = re.compile(r"/v1/tracks/[^/]+/audio")
_OF_ADMINS = re.compile(r"/v1/(keys|audit|sessions)(/.*)?", re.DOTALL)
_SIGNING_IN = re.compile(r"/v1/session/(login|callback)")
"""What a browser goes to while nobody is signed in yet."""
_SESSION = "/v1/session"
READING = frozenset({"GET", "HEAD"})
_SEARCH = "/v1/search"
"""Changes nothing, though it is posted; its route asks for more where a file is sent."""
_UPLOADS = frozenset({"/v1/tracks", "/v1/jobs", _SEARCH})
_TUS = re.compile(r"/v1/uploads/tus(/[^/]+)?")
_LABEL_FILES = re.compile(r"/v1/(tracks/[^/]+/)?labels/import")
_TEACHINGS = re.compile(r"/v1/classifiers(/[^/]+/teach)?")
_COMPLETIONS = re.compile(r"/v1/uploads/[^/]+/complete")
_HEADS = re.compile(r"/v1/classifiers/[^/]+")
_LABEL_SETS = re.compile(r"/v1/tracks/[^/]+/labels")
_JSON_LIMITS = (
    ("POST", _COMPLETIONS, MAX_COMPLETION_BYTES),
    ("POST", _TEACHINGS, MAX_TEACHING_BYTES),
    ("PUT", _LABEL_SETS, MAX_LABEL_SET_BYTES),
)
"""Of bodies that may be larger than others."""


_OF_A_TRACK = re.compile(r"/v1/tracks/(?P<track>[^/]+)(?P<rest>(?:/[a-z.]+){0,2})(?:/[0-9]+){0,2}", re.ASCII)
_SHARED = frozenset(
    {
        "",
        "/audio/parts",
        "/results",
        "/stems",
        "/stems.zip",
        "/waveform/levels",
        "/waveform/tiles",
        "/spectrogram/levels",
        "/spectrogram/tiles",
    }
)
"""What a shared link reads of its track; what is not measured yet is not found there, and no job is made."""


def needs_key(method: str, path: str, query: bytes) -> bool:
    """Whether a request needs an API key: all under ``/v1`` do, but what a signed link opens, tus and signing in.

    >>> needs_key("GET", "/v1/jobs", b""), needs_key("GET", "/health/live", b"")
    (True, False)
    """
    open_to_all = _BY_LINK.fullmatch(path) or _SIGNING_IN.fullmatch(path) or (method == "OPTIONS" and speaks_tus(path))
    if open_to_all or not _API.fullmatch(path):
        return False
    return not (method in READING and _BY_LINK_OR_KEY.fullmatch(path) and _is_signed(query))


def speaks_tus(path: str) -> bool:
    """Whether a path's requests are those of the tus protocol, whose clients may ask what is spoken without a key."""
    return bool(_TUS.fullmatch(path))


def answers_anybody(method: str, path: str) -> bool:
    """Whether a request that brings neither a key nor a session is answered too: who is signed in, which is nobody.

    So are methods that this path does not have.
    """
    return path == _SESSION and method != "DELETE"


def check_shared(method: str, path: str, track_id: str) -> None:
    """Checks that a shared link opens a request: it reads what is there of one track.

    Raises ``NotShared``, in the same words for what is another's and for what does not exist.
    """
    found = _OF_A_TRACK.fullmatch(path)
    opens = path == "/v1/shared" or (found is not None and found["track"] == track_id and found["rest"] in _SHARED)
    if method not in READING or not opens:
        raise NotShared("this link reads one recording, and nothing else")


def needed_scope(method: str, path: str) -> Scope:
    """The scope that a key needs for a request: by its method, but for searches, signing out and what admins may.

    >>> needed_scope("GET", "/v1/jobs"), needed_scope("POST", "/v1/jobs"), needed_scope("GET", "/v1/keys/1")
    (<Scope.READ: 'read'>, <Scope.WRITE: 'write'>, <Scope.ADMIN: 'admin'>)
    """
    if _OF_ADMINS.fullmatch(path):
        return Scope.ADMIN
    return Scope.READ if method in READING or path in {_SEARCH, _SESSION} else Scope.WRITE


def keeps_out_of_caches(path: str) -> bool:
    """Whether answers say ``no-store`` unless they say better: those of the API, which are private, and of health."""
    return bool(_API.fullmatch(path)) or is_health(path)


class Crowd(Enum):
    """Requests that anybody can make any number of, by what they ask for."""

    LIVENESS = auto()
    READINESS = auto()
    LINKS = auto()
    """What a signed link opens, and links with a wrong signature."""
    SIGN_INS = auto()
    """Sign-ins, which may wait for the identity provider."""
    PAGES = auto()
    """Pages and documents, and what lacks a key."""


def crowd_of(path: str, *, has_key: bool) -> Crowd | None:
    """The crowd that a request belongs to; ``None`` with a key, whose owner is limited."""
    if is_health(path):
        return Crowd.READINESS if path == "/health/ready" else Crowd.LIVENESS
    if not _API.fullmatch(path):
        return Crowd.PAGES
    if _SIGNING_IN.fullmatch(path):
        return Crowd.SIGN_INS
    if has_key:
        return None
    return Crowd.LINKS if _BY_LINK.fullmatch(path) or _BY_LINK_OR_KEY.fullmatch(path) else Crowd.PAGES


def is_health(path: str) -> bool:
    return bool(_HEALTH.fullmatch(path))


def _is_signed(query: bytes) -> bool:
    return bool({"expires", "signature"} & QueryParams(query).keys())


@dataclass(frozen=True)
class BodyLimit:
    """How many bytes a request's body may have.

    Attributes:
        streams: whether the application reads the body piece by piece, as it arrives.
    """

    max_bytes: int
    streams: bool = False
    max_upload_bytes: int = 0

    def exceeded(self) -> PhonoscopeError:
        """The error for a larger body."""
        if self.streams:
            return too_large(self.max_upload_bytes)
        return BodyTooLarge(f"the body may have {self.max_bytes:,} bytes; this one has more")


def body_limit(method: str, path: str, headers: Headers, max_upload_bytes: int) -> BodyLimit:
    """The limit of a request's body: forms with a file have one of their own, and so have all labels of a track."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method == "PUT" and media_type == "multipart/form-data" and _HEADS.fullmatch(path):
        return BodyLimit(MAX_HEAD_BYTES + ENVELOPE_BYTES, True, MAX_HEAD_BYTES)
    if method in ("PATCH", "POST") and speaks_tus(path):
        return BodyLimit(max_upload_bytes, True, max_upload_bytes)
    if method == "POST" and media_type == "multipart/form-data":
        if path in _UPLOADS:
            return BodyLimit(max_upload_bytes + ENVELOPE_BYTES, True, max_upload_bytes)
        if _LABEL_FILES.fullmatch(path):
            return BodyLimit(MAX_LABEL_FILE_BYTES + ENVELOPE_BYTES, True, MAX_LABEL_FILE_BYTES)
    found = (most for own, pattern, most in _JSON_LIMITS if method == own and pattern.fullmatch(path))
    return BodyLimit(next(found, MAX_JSON_BYTES))
