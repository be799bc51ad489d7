"""Checks ID tokens: their signature, whom they are from, for whom, until when, and for which sign-in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from phonoscope.errors import InvalidIdToken

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
}
"""Signatures with a private key, by the type of the public one: a shared secret, or none, proves nothing here."""
_KEYS: dict[str, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_LEAST_RSA_BITS = 2048
_BITS_OF_A_LETTER = 6
_MOST_KEYS = 50
_LEEWAY_S = 60
"""By which the clocks of provider and service may differ."""
_WRONG = (JoseError, ValueError, TypeError, KeyError, AttributeError)

Key = RSAKey | ECKey


def public_keys(document: object) -> list[Key]:
    """The keys of a JWK set that can check a signature; the others are left out."""
    found = document.get("keys") if isinstance(document, dict) else None
    return [key for each in (found if isinstance(found, list) else [])[:_MOST_KEYS] for key in _imported(each)]


def keys_for(token: str, keys: Iterable[Key]) -> Sequence[Key]:
    """Those of the keys that may have signed a token. Raises ``InvalidIdToken`` for one that no such key signs."""
    header = _header(token)
    kinds = [kind for kind, names in ALGORITHMS.items() if header.get("alg") in names]
    if not kinds:
        raise InvalidIdToken("it is not signed with a private key of the provider's")
    named = header.get("kid")
    return [key for key in keys if key.key_type in kinds and named in (None, key.kid)]


def check_token(
    token: str, keys: Iterable[Key], *, issuer: str, client_id: str, nonce: str, access_token: str | None
) -> dict[str, Any]:
    """The claims of a token that one of the keys signed. Raises ``InvalidIdToken`` and says what is wrong."""
    algorithm = _header(token)["alg"]
    for key in keys:
        try:
            read = jwt.decode(token, key, algorithms=[algorithm])
        except _WRONG:
            continue
        wanted = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
        more = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
        try:
            CodeIDToken(read.claims, read.header, wanted, more).validate(leeway=_LEEWAY_S)
        except _WRONG as error:
            named = getattr(error, "claim", None) or "a claim"
            raise InvalidIdToken(f"its {named} is missing, wrong, or over") from error
        return dict(read.claims)
    raise InvalidIdToken("none of the provider's keys has signed it")


def _header(token: str) -> dict[str, Any]:
    try:
        header = jws.extract_compact(token.encode()).headers()
    except _WRONG as error:
        raise InvalidIdToken("it is no signed token") from error
    return dict(header)


def _imported(jwk: object) -> list[Key]:
    if not isinstance(jwk, dict) or jwk.get("kty") not in _KEYS or jwk.get("use", "sig") != "sig":
        return []
    try:
        # The library imports a weak key too, with a warning.
        if jwk["kty"] == "RSA" and len(jwk["n"].rstrip("=")) * _BITS_OF_A_LETTER < _LEAST_RSA_BITS:
            return []
        return [_KEYS[jwk["kty"]].import_key(jwk)]
    except _WRONG:
        return []
