"""Identifiers prefixed by kind, as ``trk_4f0c…``."""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 20


def new_id(kind: str) -> str:
    """A fresh identifier with 100 random bits; ``kind`` is ``trk``, ``job``, ``tsk``, ``own`` or the like."""
    return f"{kind}_{''.join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))}"
