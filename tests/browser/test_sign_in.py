"""Signing in to the page through an identity provider, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.visit import NARROW, WIDE, Visit
from tests.provider import IdentityProvider, identity_provider
from tests.support import RunningStack, second_gateway


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(stack: RunningStack, provider: IdentityProvider) -> Iterator[RunningStack]:
    rules = {"oidc_role_claim": "roles", "oidc_team_claim": "team"}
    with second_gateway(stack, provider.settings | rules) as (running, _):
        yield running


@pytest.mark.main
@pytest.mark.parametrize("size", [pytest.param(NARROW, marks=pytest.mark.long), WIDE], ids=["360", "1440"])
def test_somebody_signs_in_adds_a_recording_and_signs_out(
    visit: Callable[..., Visit],
    gateway: RunningStack,
    provider: IdentityProvider,
    recordings: dict[str, Path],
    size: ViewportSize,
) -> None:
    """By one button beside the key, back to where they were; a guest of the team hears it and changes nothing."""
    here = visit(size, gateway)
    here.expected = (f"asked another host: {provider.url}",)
    page, team = here.page, uuid4().hex
    provider.user = {"sub": uuid4().hex, "name": "Ada Lovelace", "email": "ada@example.org", "team": team}
    page.goto(f"{gateway.url}/jobs?status=failed")
    way = page.get_by_role("link", name="Sign in with Example ID")
    expect(way).to_be_visible()
    expect(page.get_by_label("API key")).to_be_visible()
    here.expect_fine()
    way.click()
    page.wait_for_url(f"{gateway.url}/jobs?status=failed")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    assert "psk_" not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(f"{gateway.url}/")
    page.locator("input[type=file]").first.set_input_files(recordings["dog_small"])
    expect(page.get_by_role("link", name="dog_small").first).to_be_visible()
    assert asked.count("/v1/session") == 1
    page.get_by_role("button", name="Usage and sign-in").click()
    expect(page.get_by_text("Signed in as Ada Lovelace (ada@example.org)")).to_be_visible()
    assert here.violations() == []
    page.keyboard.press("Escape")
    other = page.context.new_page()
    other.goto(f"{gateway.url}/")
    expect(other.get_by_role("link", name="dog_small").first).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign out of Example ID too")).to_have_attribute(
        "href",
        f"{provider.url}/logout?client_id=phonoscope+at+home&post_logout_redirect_uri="
        + gateway.url.replace(":", "%3A").replace("/", "%2F")
        + "%2F",
    )
    expect(other.get_by_label("API key")).to_be_visible()
    other.close()

    provider.user = {"sub": uuid4().hex, "name": "Guest", "team": team, "roles": ["read"]}
    page.get_by_role("link", name="Sign in with Example ID").click()
    expect(page.get_by_role("link", name="dog_small").first).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    page.get_by_role("link", name="dog_small").first.click()
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Teach with this")).to_have_count(0)
    page.wait_for_function("() => parseFloat(document.querySelector('.clock').textContent.slice(2)) > 0.1")
