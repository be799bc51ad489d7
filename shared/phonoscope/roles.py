"""Teams and roles of people who sign in, as settings name them."""

from __future__ import annotations

from phonoscope.addresses import comma_separated

ROLES = ("read", "write", "admin")


def parse_teams(text: str) -> tuple[tuple[str, str], ...]:
    """Patterns of teams with the owner each is given, in order; of their own where that is empty.

    Raises ``ValueError``.

    >>> parse_teams("staff=studio, band-*")
    (('staff', 'studio'), ('band-*', ''))
    """
    found = tuple(_pair(word) for word in comma_separated(text))
    if any(not pattern for pattern, _ in found):
        raise ValueError("must be teams such as staff, band-* or staff=studio")
    return found


def parse_roles(text: str) -> dict[str, str]:
    """Values of the claim of roles by the role that each gives.

    Raises ``ValueError``.

    >>> parse_roles("staff=write, guests=read")
    {'staff': 'write', 'guests': 'read'}
    """
    found = dict(_pair(word) for word in comma_separated(text))
    if any(not value or role not in ROLES for value, role in found.items()):
        raise ValueError("must be pairs such as staff=write, with one of the roles read, write and admin")
    return found


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.rpartition("=") if "=" in word else (word, "", "")
    return name.strip(), value.strip()
