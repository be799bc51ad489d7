"""A sign-in from its beginning in a browser to the person whom the identity provider names."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from phonoscope.db.service.sessions import Person
from phonoscope.errors import InvalidIdToken, InvalidRequest, SignInExpired, SignInRefused
from phonoscope.settings import Settings
from phonoscope.sign_in.provider import Provider
from phonoscope.sign_in.rules import Claims, Rules
from phonoscope_gateway.sign_in.cookies import Begun, Cookies

_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)
_LONGEST_PATH = 1000
_LONGEST_CODE = 2000
_DOTS = re.compile(r"/(\.|%2e){1,2}(?=[/?#]|$)", re.IGNORECASE)
_OF_THE_API = re.compile(r"/v1(/|\?|$)")


@dataclass(frozen=True)
class Callback:
    """What the provider sends a browser back with."""

    state: str
    code: str
    error: str
    issuer: str | None


class SignIn:
    """Signing in as the settings say. What a sign-in is recognised by follows from its random state and our secret."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.signing_secret.get_secret_value().encode()
        self._rules = Rules(settings)
        self.cookies = Cookies(settings)
        self.provider = Provider(settings)

    @cached_property
    def origin(self) -> str:
        return self._settings.public_url

    @cached_property
    def home(self) -> str:
        """The address of the page, with its prefix."""
        return f"{self.origin}{self._settings.root_path}"

    @cached_property
    def name(self) -> str:
        return self._settings.oidc_name or urlsplit(self._settings.oidc_issuer).hostname or "OpenID Connect"

    @cached_property
    def login_url(self) -> str:
        return f"{self.home}/v1/session/login"

    def csrf_token(self, session_id: str) -> str:
        """What requests of a session that change something bring in a header; another site's page cannot read it."""
        return self._derived("csrf", session_id)

    async def begin(self, return_to: str) -> tuple[str, Begun]:
        """Where the browser goes to sign in, and what it keeps meanwhile.

        Raises:
            InvalidRequest: ``return_to`` is no path of the page.
            ProviderUnavailable, ProviderFault: the provider cannot be asked.
        """
        begun = Begun(secrets.token_urlsafe(24), local_path(return_to))
        url = await self.provider.sign_in_url(
            redirect_uri=self._redirect_uri,
            state=begun.state,
            nonce=self._derived("nonce", begun.state),
            verifier=self._derived("verifier", begun.state),
        )
        return url, begun

    async def check(self, begun: Begun | None, callback: Callback) -> Begun:
        """Checks that a callback belongs to the sign-in that this browser began.

        Raises:
            SignInExpired: it does not.
            InvalidIdToken: it is another provider's.
            SignInRefused: the provider has refused the user.
        """
        if begun is None or not hmac.compare_digest(begun.state.encode(), callback.state.encode()):
            raise SignInExpired("this sign-in was not begun in this browser, or too long ago: begin it again")
        named = callback.issuer is not None or await self.provider.names_itself()
        if named and callback.issuer != self._settings.oidc_issuer:
            raise InvalidIdToken("the answer is of another identity provider")
        if callback.error:
            known = re.fullmatch(r"[a-z_]{1,50}", callback.error, re.ASCII)
            raise SignInRefused(f"the identity provider says {callback.error if known else 'no'}")
        if not 0 < len(callback.code) <= _LONGEST_CODE:
            raise SignInExpired("the identity provider's answer holds no code: begin again")
        return begun

    async def claims(self, begun: Begun, code: str) -> Claims:
        """What the provider says of who signed in. Raises as ``Provider.claims`` does."""
        return await self.provider.claims(
            code,
            redirect_uri=self._redirect_uri,
            nonce=self._derived("nonce", begun.state),
            verifier=self._derived("verifier", begun.state),
        )

    def person(self, claims: Claims) -> Person:
        """Who signed in. Raises as ``Rules.person`` does."""
        return self._rules.person(claims)

    @property
    def _redirect_uri(self) -> str:
        return f"{self.home}/v1/session/callback"

    def _derived(self, what: str, text: str) -> str:
        mac = hmac.new(self._secret, f"{what}.{text}".encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(mac).decode().rstrip("=")


def local_path(path: str) -> str:
    """A path of the page's own, with its query. Raises ``InvalidRequest`` for what could lead elsewhere.

    >>> local_path("/tracks/trk_1?at=3")
    '/tracks/trk_1?at=3'
    """
    outside = _OF_THE_API.match(path) or _DOTS.search(path.partition("?")[0])
    if len(path) > _LONGEST_PATH or not _LOCAL.fullmatch(path) or outside:
        raise InvalidRequest.field("return_to", "must be a path of the page, as /tracks/trk_1")
    return path
