"""What pages of other origins may read (CORS, as the Fetch standard has it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from fastapi import Response, status
from starlette.datastructures import Headers

from phonoscope.origins import ANY, parse_origins

_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
_SENT = (
    "Accept, Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, "
    "Last-Event-ID, Range, Tus-Resumable, Upload-Checksum, Upload-Length, Upload-Metadata, Upload-Offset, "
    "X-HTTP-Method-Override, X-Requested-With"
)
_READ = (
    "Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Range, ETag, Idempotent-Replayed, Location, "
    "Phonoscope-Job, Phonoscope-Track, RateLimit, RateLimit-Policy, Retry-After, Tus-Checksum-Algorithm, "
    "Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Metadata, "
    "Upload-Offset, WWW-Authenticate"
)
_KEPT_S = 7200
"""How long a browser need not ask again: as long as any browser allows."""


@dataclass(frozen=True)
class CrossOrigin:
    """The other origins whose pages may read answers.

    Keys travel in a header that a page has to set itself, so credentials of the browser are never allowed.
    """

    origins: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError`` as ``parse_origins`` does."""
        return cls(parse_origins(text))

    @property
    def varies(self) -> bool:
        """Whether answers depend on the origin that asks."""
        return bool(self.origins) and ANY not in self.origins

    def answer_headers(self, asked: Headers, *, whole: bool = True) -> dict[str, str]:
        """What allows the page that asks to read the answer; nothing where it may not.

        Args:
            whole: whether ``asked`` are all headers. Of a request that was refused before its ``Origin`` had come, the
                answer can be read from the only listed origin: browsers compare.
        """
        allowed = self._allowed(asked)
        if not whole and "origin" not in asked and len(self.origins) == 1:
            allowed = self.origins[0]
        return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": _READ} if allowed else {}

    def preflight(self, method: str, asked: Headers) -> Response | None:
        """The answer to a browser that asks whether a page may send a request; ``None`` for anything else."""
        if method != "OPTIONS" or "access-control-request-method" not in asked or not self._allowed(asked):
            return None
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _SENT,
            "Access-Control-Max-Age": str(_KEPT_S),
        }
        if self.varies and asked.get("access-control-request-private-network") == "true":
            headers["Access-Control-Allow-Private-Network"] = "true"
        return Response(None, status.HTTP_204_NO_CONTENT, headers)

    def _allowed(self, asked: Headers) -> str:
        origin = asked.get("origin", "")
        if not origin or not self.origins:
            return ""
        if not self.varies:
            return ANY
        return origin if origin in self.origins else ""
