"""``phonoscope doctor`` on the identity provider."""

from __future__ import annotations

from pydantic import SecretStr

from phonoscope.settings import Settings
from phonoscope_cli.doctor import sign_in_finding
from tests.provider import identity_provider


def test_the_identity_provider_is_asked() -> None:
    """One that answers is well; one of another issuer, without keys, or that is away is a fault with advice."""
    assert sign_in_finding(Settings.model_construct()).well
    with identity_provider() as provider:
        given = provider.settings | {"oidc_client_secret": SecretStr("a")}
        settings = Settings.model_construct(**given)  # type: ignore[arg-type]
        found = sign_in_finding(settings)
        assert (found.well, found.found) == (True, f"{provider.url} answers, 1 keys for signatures")
        provider.answers["/keys"] = (200, b'{"keys": []}')
        assert not sign_in_finding(settings).well
        provider.about = {"issuer": f"{provider.url}/"}
        assert "issuer" in sign_in_finding(settings).found
    away = sign_in_finding(settings)
    assert not away.well
    assert "signing-in.md" in away.advice
