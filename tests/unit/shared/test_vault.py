"""Secrets at rest."""

from __future__ import annotations

import base64

from phonoscope.webhooks.vault import Vault, new_secret


def test_what_is_sealed_can_be_opened_by_the_same_key_alone() -> None:
    """Nothing of a secret is readable in what is kept of it, and another signing secret opens nothing."""
    secret = new_secret()
    sealed = Vault("signing secret of one").seal(secret)
    assert secret.removeprefix("whsec_") not in sealed
    assert Vault("signing secret of one").open(sealed) == secret
    assert Vault("signing secret of another").open(sealed) is None
    assert Vault("signing secret of one").open(sealed[:-8]) is None


def test_secrets_are_long_and_random() -> None:
    """256 bits each, as Standard Webhooks writes them."""
    secrets = {new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)
