"""The two cookies of a browser: what began a sign-in, for minutes, and the session that came of it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from http.cookies import CookieError
from time import time

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from phonoscope.settings import Settings

BEGUN_S = 600
"""Seconds in which a sign-in must come to its end."""
_LONGEST = 4096


@dataclass(frozen=True)
class Begun:
    """A sign-in that a browser has begun: its random state, and where to go after it."""

    state: str
    return_to: str


class Cookies:
    """Names, sets and reads them. No script reads them, and no other site's page sends them with what it asks for.

    Where browsers come by https their names say that they are of this very host (``__Host-``), so that no other host
    of the domain can set one in their place. A prefix of paths has names of its own, for other services may be under
    others of the same host.
    """

    def __init__(self, settings: Settings) -> None:
        self._secure = settings.public_url.startswith("https:")
        self._secret = settings.signing_secret.get_secret_value().encode()
        self._lasts_s = int(settings.session_hours * 3600)
        root = settings.root_path
        own = f"_{hashlib.sha256(root.encode()).hexdigest()[:8]}" if root else ""
        prefix = "__Host-" if self._secure else ""
        self.session = f"{prefix}phonoscope_session{own}"
        self.begun = f"{prefix}phonoscope_sign_in{own}"

    def session_in(self, headers: Headers) -> str:
        """What the session's cookie of a request holds; "" without."""
        return self._read(headers, self.session)

    def begun_in(self, headers: Headers) -> Begun | None:
        """The sign-in that this browser began; ``None`` without one, with one that is over, or that is not ours."""
        text, _, signature = self._read(headers, self.begun).rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(text).encode()):
            return None
        state, expires, return_to = text.split(".")
        if int(expires) < time():
            return None
        return Begun(state, urlsafe_b64decode(return_to).decode())

    def set_begun(self, response: Response, begun: Begun) -> None:
        to = urlsafe_b64encode(begun.return_to.encode()).decode()
        text = f"{begun.state}.{int(time()) + BEGUN_S}.{to}"
        self._set(response, self.begun, f"{text}.{self._sign(text)}", BEGUN_S)

    def set_session(self, response: Response, token: str) -> None:
        self._set(response, self.session, token, self._lasts_s)

    def forget(self, response: Response, name: str) -> None:
        self._set(response, name, "", 0)

    def _set(self, response: Response, name: str, value: str, lasts_s: int) -> None:
        response.set_cookie(name, value, max_age=lasts_s, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, b"sign-in." + text.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _read(headers: Headers, name: str) -> str:
        try:
            found = cookie_parser("; ".join(headers.getlist("cookie"))).get(name, "")
        except (CookieError, ValueError):
            return ""
        return found if len(found) <= _LONGEST and found.isascii() else ""
