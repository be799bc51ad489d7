"""The client's calls about API keys, quotas and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from phonoscope.client.connection import Connection
from phonoscope.contract import (
    USUAL_SCOPES,
    ApiKey,
    AuditEntry,
    CancelledJobs,
    KeyChange,
    KeyRequest,
    KeyRotation,
    NewApiKey,
    Page,
    Scope,
    Usage,
)

_PATH = "/v1/keys"


class KeyCalls(Connection):
    """The calls about keys, usage and audit. All but ``usage`` need a key with the scope ``admin``."""

    def create_key(
        self,
        name: str,
        scopes: Sequence[Scope] = USUAL_SCOPES,
        expires_at: datetime | None = None,
        *,
        links_end: bool = False,
    ) -> NewApiKey:
        """Makes a key of the same owner; the answer has the whole key, once only."""
        request = KeyRequest(name=name, scopes=list(scopes), expires_at=expires_at, links_end=links_end)
        return self._ask(NewApiKey, "POST", _PATH, json=request.model_dump(mode="json"))

    def keys(self, **filters: str | int) -> Page[ApiKey]:
        """A page of the owner's keys; filters are ``limit`` and ``cursor``."""
        return self._ask(Page[ApiKey], "GET", _PATH, params=filters)

    def key(self, key_id: str) -> ApiKey:
        return self._ask(ApiKey, "GET", f"{_PATH}/{key_id}")

    def change_key(self, key_id: str, change: KeyChange) -> ApiKey:
        """Changes the fields that are set in ``change``."""
        body = change.model_dump(mode="json", exclude_unset=True)
        return self._ask(ApiKey, "PATCH", f"{_PATH}/{key_id}", json=body)

    def rotate_key(self, key_id: str, rotation: KeyRotation | None = None) -> NewApiKey:
        """Gives a key a new secret; the old one stays valid for the grace period."""
        body = (rotation or KeyRotation()).model_dump()
        return self._ask(NewApiKey, "POST", f"{_PATH}/{key_id}/rotate", json=body)

    def revoke_key(self, key_id: str, cancel: CancelledJobs = CancelledJobs.NONE) -> None:
        """Makes a key invalid at once; cancels the jobs that ``cancel`` names."""
        self._send("DELETE", f"{_PATH}/{key_id}", params={"cancel": cancel.value})

    def usage(self) -> Usage:
        """How much of each quota the owner has used."""
        return self._ask(Usage, "GET", "/v1/usage")

    def audit(self, **filters: str | int) -> Page[AuditEntry]:
        """A page of the audit log, newest first.

        Filters are ``limit``, ``cursor``, ``action``, ``subject``, ``key_id``, ``since`` and ``until``.
        """
        return self._ask(Page[AuditEntry], "GET", "/v1/audit", params=filters)

    def revoke_links(self, track_id: str) -> None:
        """Revokes every signed link to a track's recording and artifacts."""
        self._send("DELETE", f"/v1/tracks/{track_id}/links")
