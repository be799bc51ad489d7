"""The rules for those who sign in: teams, roles and domains, over HTTP, against a provider that runs."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.browsers import Browser, code_of
from tests.provider import IdentityProvider
from tests.support import RunningStack, second_gateway, tone_wav

RULES = {
    "oidc_team_claim": "groups",
    "oidc_teams": "ops=studio,band-*",
    "oidc_role_claim": "realm_access.roles",
    "oidc_roles": "guests=read,staff=write,heads=admin",
    "oidc_default_role": "none",
    "oidc_allowed_domains": "example.org",
    "wrong_keys_a_minute": 0,
}
EMAIL: dict[str, Any] = {"email": "ada@example.org", "email_verified": True}


@pytest.fixture(scope="module")
def strict(stack: RunningStack, served: IdentityProvider) -> Iterator[RunningStack]:
    """One with rules: teams, roles, and a domain."""
    with second_gateway(stack, served.settings | RULES) as (running, _):
        yield running


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """All browsers, at a test's end."""
    yield
    Browser.close_all()


def member(strict: RunningStack, provider: IdentityProvider, team: str, role: str, **user: Any) -> Browser:
    """A browser of somebody in a team, with a role."""
    made = Browser.at(strict, provider)
    claims = {"sub": uuid4().hex, "groups": ["all", team], "realm_access": {"roles": [role, "uma"]}}
    answer = made.sign_in(**(EMAIL | claims | user))
    assert answer.status_code == 303, answer.text
    return made


def test_a_team_shares_a_library(strict: RunningStack, provider: IdentityProvider) -> None:
    """Staff write, guests read, heads see who is there and end it; another team sees nothing of it."""
    team = f"band-{uuid4()}"
    staff, guest, head = (member(strict, provider, team, role) for role in ("staff", "guests", "heads"))
    stranger = member(strict, provider, f"band-{uuid4()}", "heads")
    made = staff.http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.5, seed=9))}, headers=staff.csrf)
    track = made.json()["id"]
    assert guest.http.get(f"/v1/tracks/{track}").status_code == 200
    assert stranger.http.get(f"/v1/tracks/{track}").status_code == 404
    refused = guest.http.delete(f"/v1/tracks/{track}", headers=guest.csrf)
    assert code_of(refused) == (403, "missing_scope")
    assert staff.http.get("/v1/sessions").status_code == 403
    found = {each["user_id"]: each for each in head.http.get("/v1/sessions").json()["items"]}
    users = [one.me["user"]["id"] for one in (staff, guest, head)]
    assert found.keys() == set(users)
    theirs = found[users[0]]["id"]
    assert stranger.http.delete(f"/v1/sessions/{theirs}", headers=stranger.csrf).status_code == 404
    assert staff.me["user"]
    assert head.http.delete(f"/v1/sessions/{theirs}", headers=head.csrf).status_code == 204
    assert staff.http.get("/v1/session").status_code == 401
    head.http.delete(f"/v1/tracks/{track}", headers=head.csrf)
    log = head.http.get("/v1/audit", params={"key_id": users[2]}).json()["items"]
    assert [entry["action"] for entry in log] == ["track.deleted", "session.ended", "session.created"]
    assert guest.http.delete("/v1/session", headers=guest.csrf).status_code == 200


def test_a_team_can_have_the_library_of_an_owner_with_keys(
    stack: RunningStack, strict: RunningStack, provider: IdentityProvider
) -> None:
    """As the setting of teams names it."""
    with stack.client("studio") as client:
        assert client.tracks().items == []
        one = member(strict, provider, "ops", "staff")
        made = one.http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.5, seed=10))}, headers=one.csrf)
        assert [track.id for track in client.tracks().items] == [made.json()["id"]]


def test_what_changed_at_the_provider_counts_from_the_next_sign_in(
    strict: RunningStack, provider: IdentityProvider
) -> None:
    """Fewer rights, and another team, hold in all of the user's browsers."""
    sub, team = uuid4().hex, f"band-{uuid4()}"
    first = member(strict, provider, team, "staff", sub=sub)
    second = member(strict, provider, team, "guests", sub=sub)
    assert first.me["user"]["scopes"] == second.me["user"]["scopes"] == ["read"]
    assert first.me["user"]["id"] == second.me["user"]["id"]
    made = member(strict, provider, team, "staff").http
    assert made.get("/v1/tracks").status_code == 200


def test_who_is_not_let_in_any_more_stays_in_nowhere(strict: RunningStack, provider: IdentityProvider) -> None:
    """A sign-in that is refused ends the sessions of before, of this user alone."""
    sub, team = uuid4().hex, f"band-{uuid4()}"
    known, other = member(strict, provider, team, "staff", sub=sub), member(strict, provider, team, "staff")
    claims = EMAIL | {"sub": sub, "groups": [], "realm_access": {"roles": ["staff"]}}
    assert code_of(Browser.at(strict, provider).sign_in(**claims)) == (403, "sign_in_refused")
    assert known.http.get("/v1/session").status_code == 401
    assert other.me["user"]


@pytest.mark.parametrize(
    ("user", "detail"),
    [
        ({"email_verified": False}, "verified"),
        ({"email_verified": "true"}, "verified"),
        ({"email": "ada@example.org.evil.example"}, "domain"),
        ({"email": "ada@evil.example"}, "domain"),
        ({"email": None}, "verified"),
        ({"groups": []}, "no team"),
        ({"groups": {"band-a": 1}}, "no team"),
        ({"groups": ["band-a", "band-b"]}, "several teams"),
        ({"realm_access": {"roles": ["uma"]}}, "no role"),
        ({"realm_access": "heads"}, "no role"),
    ],
    ids=str,
)
def test_who_is_not_let_in(strict: RunningStack, provider: IdentityProvider, user: dict[str, Any], detail: str) -> None:
    """Without a verified address of the domain, one team, and a role."""
    claims = EMAIL | {"groups": ["band-a"], "realm_access": {"roles": ["staff"]}} | user
    refused = Browser.at(strict, provider).sign_in(**claims)
    assert code_of(refused) == (403, "sign_in_refused")
    assert detail in refused.json()["detail"]


def test_the_last_use_of_a_session_is_seen(strict: RunningStack, provider: IdentityProvider) -> None:
    head = member(strict, provider, f"band-{uuid4()}", "heads")
    deadline = monotonic() + 60
    while head.http.get("/v1/sessions").json()["items"][0]["last_used_at"] is None:
        assert monotonic() < deadline
        sleep(0.05)
