"""Asks an identity provider, as OpenID Connect Core and Discovery 1.0 say, with PKCE (RFC 7636)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from ssl import SSLContext
from time import monotonic
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from phonoscope.errors import ProviderFault, ProviderUnavailable, SignInRefused
from phonoscope.origins import is_safe_url
from phonoscope.settings import Settings
from phonoscope.sign_in.tokens import Key, check_token, keys_for, public_keys

_KEPT_S = 3600.0
"""For which what the provider says of itself is believed without asking again."""
_NEW_KEYS_EVERY_S = 30.0
"""At most so often tokens signed with unknown keys have the keys read again."""
_MOST_BYTES = 1 << 20
_ERROR = re.compile(r"[a-z_]{1,50}", re.ASCII)
_UNKNOWN_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


@dataclass
class Provider:
    """The identity provider that the settings name. Made in a running event loop, or for one."""

    settings: Settings
    _about: dict[str, Any] | None = None
    _keys: list[Key] = field(default_factory=list)
    _asked_at: float = 0.0
    _new_keys_at: float | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def sign_in_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in. Raises ``ProviderUnavailable`` or ``ProviderFault``."""
        async with self._in_time():
            about = await self._described()
        query = {
            "response_type": "code",
            "client_id": self.settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self.settings.oidc_scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        return _with_query(about["authorization_endpoint"], query)

    async def claims(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """What the provider says of the user whom a code stands for.

        Raises:
            SignInRefused: the provider does not take the code.
            InvalidIdToken: what it says cannot be trusted.
            ProviderUnavailable: it does not answer in time.
            ProviderFault: it answers with something else.
        """
        async with self._in_time():
            about = await self._described()
            answer = await self._redeem(about, code, redirect_uri, verifier)
            token, access = answer.get("id_token"), answer.get("access_token")
            if not isinstance(token, str):
                raise ProviderFault("the identity provider gave no ID token")
            keys = keys_for(token, self._keys) or keys_for(token, await self._new_keys())
        return check_token(
            token,
            keys,
            issuer=self.settings.oidc_issuer,
            client_id=self.settings.oidc_client_id,
            nonce=nonce,
            access_token=access if isinstance(access, str) else None,
        )

    async def names_itself(self) -> bool:
        """Whether its answers to browsers name it (RFC 9207)."""
        async with self._in_time():
            return (await self._described()).get("authorization_response_iss_parameter_supported") is True

    async def sign_out_url(self, return_to: str) -> str | None:
        """Where a browser goes to sign out of the provider too; ``None`` where there is no such place, or no answer."""
        try:
            async with self._in_time():
                endpoint = (await self._described()).get("end_session_endpoint")
        except (ProviderUnavailable, ProviderFault):
            return None
        if not isinstance(endpoint, str) or not is_safe(endpoint, self.settings):
            return None
        return _with_query(
            endpoint, {"client_id": self.settings.oidc_client_id, "post_logout_redirect_uri": return_to}
        )  # fmt: skip

    async def examine(self) -> int:
        """How many keys it signs with. Raises ``ProviderUnavailable`` or ``ProviderFault``."""
        async with self._in_time():
            await self._described()
        return len(self._keys)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.settings.oidc_timeout_s):
                yield
        except TimeoutError as error:
            raise ProviderUnavailable("the identity provider did not answer in time; try again") from error

    async def _described(self) -> dict[str, Any]:
        async with self._lock:
            if self._about is None or monotonic() - self._asked_at > _KEPT_S:
                about = await self._describe()
                self._keys = public_keys(await self._ask("GET", about["jwks_uri"]))
                self._about, self._asked_at = about, monotonic()
            return self._about

    async def _describe(self) -> dict[str, Any]:
        issuer = self.settings.oidc_issuer
        about = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise ProviderFault("the identity provider names itself by another issuer than oidc_issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            url = about.get(name)
            if not isinstance(url, str) or not is_safe(url, self.settings):
                raise ProviderFault(f"the identity provider's {name} is missing, or not https")
        return about

    async def _new_keys(self) -> list[Key]:
        """The keys as they are now, where they were not read again just before."""
        async with self._lock:
            now = monotonic()
            if self._about and (self._new_keys_at is None or now - self._new_keys_at > _NEW_KEYS_EVERY_S):
                self._new_keys_at = now
                self._keys = public_keys(await self._ask("GET", self._about["jwks_uri"]))
            return self._keys

    async def _redeem(self, about: dict[str, Any], code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        client_id, secret = self.settings.oidc_client_id, self.settings.oidc_client_secret.get_secret_value()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier, "client_id": client_id}
        ways = about.get("token_endpoint_auth_methods_supported")
        auth = None
        if secret and isinstance(ways, list) and "client_secret_basic" not in ways:
            form["client_secret"] = secret
        elif secret:
            auth = httpx.BasicAuth(quote_plus(client_id), quote_plus(secret))
        return await self._ask("POST", about["token_endpoint"], form, auth)

    async def _ask(
        self, method: str, url: str, form: dict[str, str] | None = None, auth: httpx.Auth | None = None
    ) -> dict[str, Any]:
        """The object in JSON that it answers. No redirect is followed, and no answer may be long."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=self.settings.oidc_timeout_s, verify=_authorities()) as http,
                http.stream(method, url, data=form, auth=auth, headers=headers) as response,
            ):
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise ProviderFault("the identity provider's answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ProviderUnavailable("the identity provider does not answer; try again") from error
        return _content(response, bytes(body))


@cache
def _authorities() -> SSLContext:
    """Those that HTTPS trusts: they take long to read."""
    return httpx.create_ssl_context()


def is_safe(url: str, settings: Settings) -> bool:
    """Whether an address of the provider's is as safe as its issuer's, which in development may be plain."""
    return is_safe_url(url) or (not is_safe_url(settings.oidc_issuer) and url.startswith("http://"))


def _content(response: httpx.Response, body: bytes) -> dict[str, Any]:
    if response.is_server_error:
        raise ProviderUnavailable(f"the identity provider answers {response.status_code}; try again")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderFault(f"the identity provider answers {response.status_code} without JSON") from error
    if not isinstance(content, dict):
        raise ProviderFault("the identity provider answers no object in JSON")
    if response.is_success and "error" not in content:
        return content
    code = content.get("error")
    said = code if isinstance(code, str) and _ERROR.fullmatch(code) else str(response.status_code)
    if said in _UNKNOWN_CLIENT:
        raise ProviderFault(f"the identity provider does not take this service's client: {said}")
    if response.request.method == "POST" and said == code:
        raise SignInRefused(f"the identity provider refuses this sign-in: {said}")
    raise ProviderFault(f"the identity provider answers {said}")


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
