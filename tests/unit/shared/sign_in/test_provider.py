"""What an identity provider says is believed only when it is signed, new, and for this sign-in."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import SecretStr

from phonoscope.errors import InvalidIdToken, PhonoscopeError, ProviderFault, ProviderUnavailable, SignInRefused
from phonoscope.settings import Settings
from phonoscope.sign_in.provider import Provider
from phonoscope.sign_in.tokens import public_keys
from tests.provider import CLIENT_ID, IdentityProvider, Key, identity_provider, rsa_key, signed
from tests.support import authorities

KEY = rsa_key()
WAY = {"redirect_uri": "http://127.0.0.1:1/v1/session/callback", "nonce": "n" * 20, "verifier": "v" * 43}


FUTURE = 4_000_000_000
"""In the year 2096. Not from the clock: tests' names hold it, and must be the same in all processes."""


@pytest.fixture(scope="module")
def served() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(served: IdentityProvider) -> IdentityProvider:
    """The provider, honest again."""
    fresh = IdentityProvider(url=served.url, key=KEY, user={"sub": "ada"})
    vars(served).update(vars(fresh))
    return served


def settings_of(provider: IdentityProvider, **changes: object) -> Settings:
    values = provider.settings | {"oidc_client_secret": SecretStr(provider.settings["oidc_client_secret"])} | changes
    return Settings.model_construct(**values)  # type: ignore[arg-type]


async def agreed(url: str) -> str:
    """The code with which the provider sends the browser of a user who agrees back."""
    async with httpx.AsyncClient(verify=authorities()) as browser:
        answer = await browser.get(url)
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def signs_in(provider: IdentityProvider, asking: Provider | None = None, **changes: object) -> Mapping[str, Any]:
    """The claims of a whole sign-in, in which the browser is played here."""

    async def go() -> Mapping[str, Any]:
        asked = asking or Provider(settings_of(provider, **changes))
        url = await asked.sign_in_url(state="s", **WAY)
        code = await agreed(url)
        return await asked.claims(code, **WAY)

    return asyncio.run(go())


def test_a_user_is_known(provider: IdentityProvider) -> None:
    """By a token that the provider has signed, with RSA and on an elliptic curve; the secret is in the header alone."""
    assert signs_in(provider)["sub"] == "ada"
    assert "client_secret" not in provider.forms[-1]
    provider.key = ECKey.generate_key("P-256", {"kid": "curve"})
    assert signs_in(provider)["sub"] == "ada"


def test_a_new_key_is_read_once_it_is_used(provider: IdentityProvider) -> None:
    """A provider that changes its key goes on; one whose tokens name keys that it has not is not asked each time."""
    asking = Provider(settings_of(provider))
    signs_in(provider, asking)
    provider.key = rsa_key()
    assert signs_in(provider, asking)["sub"] == "ada"
    read = provider.asked.count("/keys")
    for _ in range(3):
        provider.sign = lambda claims, _: signed(claims, rsa_key())
        with pytest.raises(InvalidIdToken):
            signs_in(provider, asking)
    assert provider.asked.count("/keys") == read


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["another client", "a third"]},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": None},
        {"azp": "another client"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": FUTURE},
        {"iat": None},
        {"nbf": FUTURE},
        {"sub": None},
        {"at_hash": "wrong"},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(provider: IdentityProvider, lies: dict[str, Any]) -> None:
    """Of another sign-in, for another client, of another provider, over, not yet, or of nobody."""
    provider.lies = lies
    with pytest.raises(InvalidIdToken):
        signs_in(provider)


def in_letters(content: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(claims: dict[str, Any], _: Key) -> str:
    return f"{in_letters({'alg': 'none'})}.{in_letters(claims)}."


def with_the_public_key(claims: dict[str, Any], key: Key) -> str:
    """Signed with what everybody knows, as if it were a shared secret."""
    said = ".".join(map(in_letters, ({"alg": "HS256", "kid": key.kid}, claims)))
    signature = hmac.new(key.as_pem(private=False), said.encode(), hashlib.sha256).digest()
    return f"{said}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def with_the_client_secret(claims: dict[str, Any], key: Key) -> str:
    return jwt.encode({"alg": "HS256", "kid": key.kid}, claims, OctKey.import_key("x" * 32), algorithms=["HS256"])


def with_another_key(claims: dict[str, Any], key: Key) -> str:
    other = RSAKey.generate_key(2048, {"kid": key.kid or ""})
    return signed(claims, other)


def with_its_own_key_inside(claims: dict[str, Any], _: Key) -> str:
    other = rsa_key()
    header = {"alg": "RS256", "kid": other.kid, "jwk": other.as_dict(private=False)}
    return jwt.encode(header, claims, other, algorithms=["RS256"])


def changed_afterwards(claims: dict[str, Any], key: Key) -> str:
    head, _, signature = signed(claims, key).split(".")
    return f"{head}.{in_letters(claims | {'sub': 'admin'})}.{signature}"


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        with_the_public_key,
        with_the_client_secret,
        with_another_key,
        with_its_own_key_inside,
        changed_afterwards,
        lambda *_: "no token",
        lambda *_: "a.b.c",
        lambda *_: "",
    ],
)
def test_a_wrong_signature_is_refused(provider: IdentityProvider, sign: Any) -> None:
    """None at all, with a secret that others know, with a key of the token's own choice, or of other content."""
    provider.sign = sign
    with pytest.raises(InvalidIdToken):
        signs_in(provider)


def test_a_weak_key_signs_nothing(provider: IdentityProvider) -> None:
    """Of less than 2048 bits: it is as if the provider did not have it."""
    with pytest.warns(UserWarning, match="2048"):
        weak = RSAKey.generate_key(1024)
    assert public_keys({"keys": [weak.as_dict(private=False), provider.key.as_dict(private=False)]}) == [
        RSAKey.import_key(provider.key.as_dict(private=False))
    ]


def test_a_code_is_for_one_use(provider: IdentityProvider) -> None:
    """The provider's refusal is told in its own word, and in no other text of its."""

    async def twice() -> None:
        asked = Provider(settings_of(provider))
        url = await asked.sign_in_url(state="s", **WAY)
        code = await agreed(url)
        await asked.claims(code, **WAY)
        await asked.claims(code, **WAY)

    with pytest.raises(SignInRefused, match=r"invalid_grant$"):
        asyncio.run(twice())


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ({"issuer": "https://evil.example"}, ProviderFault),
        ({"issuer": None}, ProviderFault),
        ({"token_endpoint": "http://evil.example/token"}, ProviderFault),
        ({"authorization_endpoint": "javascript:alert(1)"}, ProviderFault),
        ({"jwks_uri": 7}, ProviderFault),
        ({"jwks_uri": None}, ProviderFault),
    ],
    ids=str,
)
def test_what_it_says_of_itself_must_hold(
    provider: IdentityProvider, about: dict[str, Any], error: type[PhonoscopeError]
) -> None:
    """Another's name, or a place that is not safe."""
    provider.about = about
    with pytest.raises(error):
        signs_in(provider)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, b"{}"), ProviderUnavailable),
        ((404, b"{}"), ProviderFault),
        ((302, b"{}"), ProviderFault),
        ((200, b"<html>"), ProviderFault),
        ((200, b"[]"), ProviderFault),
        ((200, b"\xff"), ProviderFault),
        ((200, b"[" * 100_000), ProviderFault),
        ((200, b" " * (1 << 21)), ProviderFault),
        ((401, b'{"error": "invalid_client"}'), ProviderFault),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_answer_is_an_error_of_ours(
    provider: IdentityProvider, path: str, answer: tuple[int, bytes], error: type[PhonoscopeError]
) -> None:
    """Whatever it answers, and to which question."""
    provider.answers[path] = answer
    with pytest.raises(error):
        signs_in(provider)


def test_a_provider_that_is_away_or_slow(provider: IdentityProvider) -> None:
    """It is said within the time that the setting gives it."""
    provider.hold.clear()
    with pytest.raises(ProviderUnavailable, match="in time"):
        signs_in(provider, oidc_timeout_s=0.2)
    provider.hold.set()
    with pytest.raises(ProviderUnavailable, match="does not answer"):
        signs_in(provider, oidc_issuer="http://127.0.0.1:1")
