"""The encryption of webhooks' secrets, under a key derived from the operator's signing secret."""

from __future__ import annotations

import base64
import secrets

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PREFIX = "whsec_"
_BYTES = 32
_PURPOSE = b"phonoscope webhook secrets"


class Vault:
    """Encrypts and decrypts secrets under one signing secret."""

    def __init__(self, signing_secret: str) -> None:
        key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(signing_secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """The secret; ``None`` when it was sealed under another signing secret."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            return None


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes them: ``whsec_…``."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
