"""The client's calls about sessions of those who signed in."""

from __future__ import annotations

from phonoscope.client.connection import Connection
from phonoscope.contract import Page, UserSession

_PATH = "/v1/sessions"


class SessionCalls(Connection):
    """The calls about sessions. They need a key with the scope ``admin``."""

    def sessions(self, **filters: str | int) -> Page[UserSession]:
        """A page of the open sessions in the owner's library, newest first; filters are ``limit`` and ``cursor``."""
        return self._ask(Page[UserSession], "GET", _PATH, params=filters)

    def end_session(self, session_id: str) -> None:
        """Ends a session at once and for good."""
        self._send("DELETE", f"{_PATH}/{session_id}")
