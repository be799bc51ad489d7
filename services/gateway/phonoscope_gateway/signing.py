"""Signed, expiring links to artifacts and recordings, so that an image or a player in a page needs no API key."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import time
from typing import Annotated, Any

from fastapi import Query

from phonoscope.errors import InvalidSignature, SignatureExpired
from phonoscope.links import ArtifactLink, SignedLink, with_links

_SECONDS = re.compile(r"[0-9]{1,12}")


ExpiresQuery = Annotated[str | None, Query(description="from the signed link")]
SignatureQuery = Annotated[str | None, Query(description="from the signed link")]
LinkKeyQuery = Annotated[str, Query(description="from the signed link, if it has one")]
KeyIdQuery = Annotated[str, Query(description="from the signed link, if it has one")]

_ARTIFACTS = "/v1/artifacts/"
_STEPS = 4


@dataclass(frozen=True)
class Signer:
    """Makes and checks links: HMAC-SHA256 of the path and of the second at which the link expires.

    Links of one quarter of ``good_for_s`` end at the same second and are equal, so that caches know them again. Each is
    good for at least three quarters of ``good_for_s`` when it is made.

    Attributes:
        link_key: the track's, which changes when its links are revoked; empty before. No secret: it is in the link.
        key_id: the API key, or the shared link, that the links end with; empty for links that outlive it.
        until_s: the second since 1970 at which all links end at the latest.
        root_path: the prefix of paths, as the client has them; it is not signed.
    """

    secret: bytes = field(repr=False)
    good_for_s: int
    link_key: str = ""
    key_id: str = ""
    root_path: str = ""
    until_s: int | None = None

    def of(self, link_key: str) -> Signer:
        """The signer of links to a track's objects."""
        return replace(self, link_key=link_key)

    def ending_with(self, key_id: str, until_s: int | None = None) -> Signer:
        """The signer of links that end with an API key or a shared link; of an empty one, of links that outlive it.

        Args:
            until_s: the second since 1970 at which they end at the latest.
        """
        return replace(self, key_id=key_id, until_s=until_s)

    def link(self, path: str, now_s: float) -> SignedLink:
        """A link to a path on the gateway's own origin."""
        expires = self.period(now_s) + self.good_for_s
        if self.until_s is not None:
            expires = min(expires, self.until_s)
        own = {"link_key": self.link_key, "key_id": self.key_id}
        more = "".join(f"&{name}={value}" for name, value in own.items() if value)
        url = f"{self.root_path}{path}?expires={expires}{more}&signature={self._sign(path, str(expires))}"
        return SignedLink(url=url, expires_at=datetime.fromtimestamp(expires, UTC))

    def period(self, now_s: float) -> int:
        """The second since which links have been the same as now."""
        step_s = max(1, self.good_for_s // _STEPS)
        return int(now_s) // step_s * step_s

    def check(self, path: str, expires: str | None, signature: str | None, now_s: float) -> int:
        """Checks a link; returns the seconds for which it is still valid.

        Raises:
            InvalidSignature: the signature is missing, or was made for another path or expiry, or with another secret.
            SignatureExpired: the signature is genuine, but the link has expired.
        """
        if expires is None or signature is None or not _SECONDS.fullmatch(expires):
            raise InvalidSignature("the link has no signature; read the job or the track again for a whole link")
        if not hmac.compare_digest(self._sign(path, expires).encode(), signature.encode()):
            raise InvalidSignature(
                "the signature does not fit this link; read the job or the track again for a new one"
            )
        left_s = int(expires) - int(now_s)
        if left_s <= 0:
            raise SignatureExpired("the link has expired; read the job or the track again for a new one")
        return left_s

    def rendered(self, body: Any) -> Any:
        """A result as its client sees it: each reference to an artifact becomes a link that is valid from now on.

        Raises ``pydantic.ValidationError`` for a reference that lacks a fact.
        """
        now_s = time()

        def link(artifact_id: str, facts: dict[str, Any]) -> ArtifactLink:
            signed = self.link(artifact_path(artifact_id), now_s)
            return ArtifactLink.model_validate({**facts, **signed.model_dump(), "id": artifact_id})

        return with_links(body, link)

    def _sign(self, path: str, expires: str) -> str:
        # An artifact's signature is over its id alone, as it was before there were other links; other paths have a
        # slash.
        signed = path.removeprefix(_ARTIFACTS)
        own = f".{self.link_key}.{self.key_id}" if self.link_key or self.key_id else ""
        digest = hmac.new(self.secret, f"{signed}.{expires}{own}".encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def artifact_path(artifact_id: str) -> str:
    """The path of an artifact."""
    return f"{_ARTIFACTS}{artifact_id}"


def audio_path(track_id: str) -> str:
    """The path of a recording's bytes."""
    return f"/v1/tracks/{track_id}/audio"
