"""Who may sign in, as whom, and what they may do: from the claims of an ID token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from phonoscope.addresses import comma_separated
from phonoscope.contract.keys import Scope
from phonoscope.db.service.sessions import Person
from phonoscope.errors import InvalidIdToken, SignInRefused
from phonoscope.roles import parse_roles, parse_teams
from phonoscope.settings import Settings

_SCOPES = {
    "read": frozenset({Scope.READ}),
    "write": frozenset({Scope.READ, Scope.WRITE}),
    "admin": frozenset(Scope),
}
_LONGEST = 255
_LONGEST_NAME = 100

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Rules:
    """The service's rules for people whom its identity provider vouches for."""

    settings: Settings

    def person(self, claims: Claims) -> Person:
        """Whom the claims of a checked ID token describe.

        Raises:
            InvalidIdToken: a claim is not what it has to be.
            SignInRefused: the rules do not let this user in.
        """
        subject = _plain(claims.get("sub"))
        if subject is None:
            raise InvalidIdToken("its subject is no plain text of at most 255 characters")
        email = _plain(claims.get("email"))
        self._check_domain(claims, email)
        self._check_groups(claims)
        called = (_plain(claims.get(name)) for name in ("name", "preferred_username"))
        name = next(filter(None, called), None) or email or subject
        issuer = self.settings.oidc_issuer
        return Person(
            issuer=issuer,
            subject=subject,
            owner=self._team(claims) if self.settings.oidc_team_claim else f"user {subject} at {issuer}",
            name=name[:_LONGEST_NAME],
            email=email,
            scopes=self._scopes(claims),
        )

    def _check_domain(self, claims: Claims, email: str | None) -> None:
        domains = {domain.lower() for domain in comma_separated(self.settings.oidc_allowed_domains)}
        if not domains:
            return
        if email is None or claims.get("email_verified") is not True:
            raise SignInRefused("the identity provider has not verified an address of yours")
        if email.rpartition("@")[2].lower() not in domains:
            raise SignInRefused("your address is of a domain that is not let in")

    def _check_groups(self, claims: Claims) -> None:
        allowed = set(comma_separated(self.settings.oidc_allowed_groups))
        if allowed and allowed.isdisjoint(values(claims, self.settings.oidc_group_claim)):
            raise SignInRefused("you are in none of the groups that are let in")

    def _team(self, claims: Claims) -> str:
        """The name of the owner that the user's team has: of the first pattern that one of its teams matches."""
        found = values(claims, self.settings.oidc_team_claim)
        for pattern, owner in parse_teams(self.settings.oidc_teams):
            matching = {team for team in found if fnmatchcase(team, pattern)}
            if len(matching) > 1 and not owner:
                raise SignInRefused(f"you are in several teams that match {pattern!r}; oidc_teams must name one first")
            if matching:
                return owner or f"team {matching.pop()} at {self.settings.oidc_issuer}"
        raise SignInRefused("you are in no team of this service")

    def _scopes(self, claims: Claims) -> frozenset[Scope]:
        given: frozenset[Scope] = frozenset()
        if self.settings.oidc_role_claim:
            roles = parse_roles(self.settings.oidc_roles)
            held = (roles.get(value) for value in values(claims, self.settings.oidc_role_claim))
            given = given.union(*(_SCOPES[role] for role in held if role))
        if given:
            return given
        if self.settings.oidc_default_role == "none":
            raise SignInRefused("you have no role in this service")
        return _SCOPES[self.settings.oidc_default_role]


def values(claims: Claims, path: str) -> tuple[str, ...]:
    """The texts of a claim, by its name or, with dots, inside of others; none where it is absent or of another kind.

    >>> values({"realm_access": {"roles": ["read", 1]}}, "realm_access.roles")
    ('read',)
    """
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    given = found if isinstance(found, list) else [found]
    return tuple(text for text in map(_plain, given) if text is not None)


def _plain(value: object) -> str | None:
    """A text without control characters that is not too long; ``None`` for anything else."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST or not value.isprintable():
        return None
    return value
