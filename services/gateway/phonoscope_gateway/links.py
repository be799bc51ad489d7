"""What a request by a signed link brings, and whether it opens what it names."""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from phonoscope.db.service.sessions import still_good
from phonoscope.db.service.shares import ID_KIND, is_good
from phonoscope.errors import InvalidSignature
from phonoscope_gateway.signing import ExpiresQuery, KeyIdQuery, LinkKeyQuery, SignatureQuery, Signer


@dataclass(frozen=True)
class LinkRequest:
    """The parts of a signed link, unchecked."""

    expires: str | None
    signature: str | None
    link_key: str
    key_id: str

    @property
    def is_link(self) -> bool:
        return self.expires is not None or self.signature is not None

    @property
    def is_shared(self) -> bool:
        """Whether it was read by a shared link."""
        return self.key_id.startswith(f"{ID_KIND}_")

    def check(self, signer: Signer, path: str) -> int:
        """Checks that the link is genuine, before anything is looked up; returns the seconds until it expires.

        Raises ``InvalidSignature`` or ``SignatureExpired``.
        """
        own = signer.of(self.link_key).ending_with(self.key_id)
        return own.check(path, self.expires, self.signature, time())

    def check_revocation(self, session: Session, link_key: str) -> None:
        """Checks that a genuine link still counts.

        Args:
            link_key: the track's.

        Raises ``InvalidSignature`` when the track's links were revoked, or what the link ends with has ended.
        """
        if self.link_key != link_key:
            raise InvalidSignature("the track's links were revoked; read the job or the track again for a new one")
        if self.is_shared and not is_good(session, self.key_id):
            raise InvalidSignature("the link has ended with the shared link that it was read by")
        if self.key_id and not self.is_shared and not still_good(session, self.key_id):
            raise InvalidSignature("the link has ended with the API key, or the session, that asked for it")

    def cache_control(self, left_s: int) -> str:
        """For how long an answer may be kept; not at all what a shared link opens, which can be revoked.

        Args:
            left_s: seconds until the link expires.
        """
        return "private, no-store" if self.is_shared else f"private, max-age={left_s}, immutable"


async def get_link_request(
    expires: ExpiresQuery = None, signature: SignatureQuery = None, link_key: LinkKeyQuery = "", key_id: KeyIdQuery = ""
) -> LinkRequest:
    """Asynchronous, so that it costs no thread."""
    return LinkRequest(expires, signature, link_key, key_id)


LinkRequestDep = Annotated[LinkRequest, Depends(get_link_request)]
