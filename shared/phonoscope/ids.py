"""Identifiers with a prefix for their kind, such as ``trk_4f0c…``."""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS = 100
_BITS_OF_A_LETTER = 5


def new_id(kind: str) -> str:
    """A new identifier with 100 random bits; ``kind`` is ``trk``, ``job``, ``tsk``, ``own`` or the like."""
    bits = secrets.randbits(_BITS)
    letters = (_ALPHABET[bits >> shift & len(_ALPHABET) - 1] for shift in range(0, _BITS, _BITS_OF_A_LETTER))
    return f"{kind}_{''.join(letters)}"
