"""Signed, expiring links to artifacts, so that an image or a player in a page needs no API key."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import Any

from phonoscope.errors import InvalidSignature, SignatureExpired
from phonoscope.links import ArtifactLink, with_links

_SECONDS = re.compile(r"[0-9]{1,12}")
_LOGGED = re.compile(r"(?<=signature=)[^&\s]+")


@dataclass(frozen=True)
class Signer:
    """Makes links and checks them: HMAC-SHA256 over an artifact's id and the second at which the link ends."""

    secret: bytes = field(repr=False)
    good_for_s: int

    def link(self, artifact_id: str, now_s: float) -> tuple[str, datetime]:
        """A path on the gateway's own origin, and when it ends."""
        expires = int(now_s) + self.good_for_s
        path = f"/v1/artifacts/{artifact_id}?expires={expires}&signature={self._sign(artifact_id, str(expires))}"
        return path, datetime.fromtimestamp(expires, UTC)

    def check(self, artifact_id: str, expires: str | None, signature: str | None, now_s: float) -> int:
        """The seconds for which a link is still good.

        Raises:
            InvalidSignature: it is missing, or was made for another artifact, another end, or with another secret.
            SignatureExpired: it is genuine, and over.
        """
        if expires is None or signature is None or not _SECONDS.fullmatch(expires):
            raise InvalidSignature("the link has no signature; read the job again for a whole link")
        if not hmac.compare_digest(self._sign(artifact_id, expires).encode(), signature.encode()):
            raise InvalidSignature("the signature does not fit this link; read the job again for one that does")
        left_s = int(expires) - int(now_s)
        if left_s <= 0:
            raise SignatureExpired("the link has expired; read the job again for a new one")
        return left_s

    def rendered(self, body: Any) -> Any:
        """A result as its client sees it: each reference to an artifact as a link that is good from now on.

        Raises ``pydantic.ValidationError`` for a reference that lacks a fact.
        """
        now_s = time()

        def link(artifact_id: str, facts: dict[str, Any]) -> ArtifactLink:
            url, expires_at = self.link(artifact_id, now_s)
            return ArtifactLink.model_validate(facts | {"id": artifact_id, "url": url, "expires_at": expires_at})

        return with_links(body, link)

    def _sign(self, artifact_id: str, expires: str) -> str:
        digest = hmac.new(self.secret, f"{artifact_id}.{expires}".encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def without_signatures(record: logging.LogRecord) -> bool:
    """A filter for an access log: who reads it shall not be able to follow its links."""
    if isinstance(record.args, tuple):
        record.args = tuple(_LOGGED.sub("…", word) if isinstance(word, str) else word for word in record.args)
    return True
