"""Signing in through an identity provider, over HTTP, against one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from httpx_sse import EventSource
from sqlalchemy import text

from phonoscope.client import Client
from phonoscope.contract import Scope
from phonoscope.db.access.channels import PROGRESS_CHANNEL
from phonoscope.db.access.engine import Database
from phonoscope.db.service.sessions import MOST_SESSIONS, forget_ended_sessions
from tests.integration.browsers import Browser, code_of
from tests.provider import IdentityProvider
from tests.support import RunningStack, authorities, second_gateway, tone_wav

OPENS = text(
    "INSERT INTO jobs (id, owner_id, status, options, metadata) "
    "SELECT :job, owner_id, 'running', '{}', '{}' FROM users WHERE id = :user"
)
RUNS = text(
    "INSERT INTO tasks (id, job_id, position, owner_id, name, pool, lane, status, cost_s, turn, attempt, progress, "
    "stage, timings, started_at) "
    "SELECT 'tsk_' || id, id, 0, owner_id, 'map', 'cpu', 'long', 'running', 1, 0, 1, 0, '', '{}', now() "
    "FROM jobs WHERE id = :job"
)


@pytest.fixture(scope="module")
def gateway(stack: RunningStack, served: IdentityProvider) -> Iterator[RunningStack]:
    """A gateway that signs in with it; each user has a library of their own."""
    with second_gateway(stack, served.settings | {"oidc_timeout_s": 5.0, "wrong_keys_a_minute": 0}) as (running, _):
        yield running


@pytest.fixture
def browser(gateway: RunningStack, provider: IdentityProvider) -> Browser:
    return Browser.at(gateway, provider)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """All browsers, at a test's end."""
    yield
    Browser.close_all()


def another(browser: Browser) -> Browser:
    return Browser.at(browser.gateway, browser.provider)


def database_of(stack: RunningStack) -> Database:
    return Database(stack.settings.database_url.get_secret_value(), pool_size=1)


def test_a_user_signs_in_works_and_signs_out(browser: Browser) -> None:
    """The whole way: who is there, an upload, a job's events, the log; then nothing more, in no tab and no link."""
    before = browser.me
    assert before["user"] is before["scopes"] is None
    assert before["sign_in"] == {"name": "Example ID", "url": f"{browser.gateway.url}/v1/session/login"}
    sub = uuid4().hex
    landed = browser.sign_in("/search?q=rain", sub=sub, name="Ada\x00Lovelace", preferred_username="ada")
    assert (landed.status_code, landed.headers["Location"]) == (303, f"{browser.gateway.url}/search?q=rain")
    cookie = landed.headers["Set-Cookie"]
    assert cookie.startswith("phonoscope_session=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    user = browser.me["user"]
    assert (user["name"], user["scopes"]) == ("ada", ["read", "write"])
    assert (browser.me["scopes"], browser.me["key_id"]) == (user["scopes"], user["id"])
    made = browser.http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.5, seed=7))}, headers=browser.csrf)
    assert made.status_code == 201, made.text
    job = browser.http.post(
        "/v1/jobs", json={"track_id": made.json()["id"], "tasks": ["describe"]}, headers=browser.csrf
    )
    assert job.status_code in {200, 201, 202}, job.text
    with browser.http.stream("GET", f"/v1/jobs/{job.json()['id']}/events") as events:
        assert events.status_code == 200
        assert next(events.iter_text())
    assert browser.http.get("/v1/keys").status_code == 403
    ended = browser.http.delete("/v1/session", headers=browser.csrf)
    assert ended.status_code == 200, ended.text
    away = urlsplit(ended.json()["sign_out_url"])
    assert away.path == "/logout"
    assert parse_qs(away.query)["post_logout_redirect_uri"] == [f"{browser.gateway.url}/"]
    assert browser.me["user"] is None
    browser.http.headers["Cookie"] = cookie.partition(";")[0]
    refused = browser.http.get("/v1/tracks")
    assert code_of(refused) == (401, "session_ended")
    assert 'phonoscope_session=""' in refused.headers["Set-Cookie"]


def test_a_key_counts_before_a_session(browser: Browser, stack: RunningStack) -> None:
    """A right one is another owner's; a wrong one is refused, whoever is signed in."""
    browser.sign_in(sub=uuid4().hex)
    browser.http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.5, seed=8))}, headers=browser.csrf)
    key = {"Authorization": f"Bearer {stack.new_key(f'owner-{uuid4()}', [Scope.READ])}"}
    asked = browser.http.get("/v1/session", headers=key).json()
    assert (asked["user"], asked["scopes"], browser.me["scopes"]) == (None, ["read"], ["read", "write"])
    assert len(browser.http.get("/v1/tracks").json()["items"]) == 1
    assert browser.http.get("/v1/tracks", headers=key).json()["items"] == []
    assert browser.http.post("/v1/search", json={}, headers=key | {"Sec-Fetch-Site": "cross-site"}).status_code != 403
    wrong = browser.http.get("/v1/tracks", headers={"Authorization": "Bearer psk_no_no"})
    assert code_of(wrong) == (401, "unauthorized")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": ""},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": "wrong"},
        {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": b"\xe4"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/jobs"), ("DELETE", "/v1/session"), ("POST", "/v1/search"), ("PUT", "/v1/none")]
)
def test_another_site_changes_nothing(browser: Browser, method: str, path: str, headers: dict[str, Any]) -> None:
    """Whatever a browser sends for it, with the token where only its place is wrong; the session goes on."""
    if "phonoscope_session" not in browser.http.cookies:
        browser.sign_in()
    token = {} if "X-CSRF-Token" in headers or not headers else browser.csrf
    del browser.http.headers["Sec-Fetch-Site"]
    refused = browser.http.request(method, path, headers=headers | token)
    assert code_of(refused) == (403, "cross_site_request")
    assert browser.http.get("/v1/session", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser.me["user"]


def test_another_user_s_token_is_no_good(browser: Browser) -> None:
    """Each session has one of its own."""
    browser.sign_in()
    other = another(browser)
    other.sign_in(sub="eve")
    assert code_of(browser.http.post("/v1/search", headers=other.csrf)) == (403, "cross_site_request")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/a b",
        "/a\r\nSet-Cookie: a=b",
        "/\u00e4",
        "/v1/session/login",
        "/./v1/session/login",
        "/../other/x",
        "/%2e%2E/other/x",
        "/a/..",
        "/a/..//evil.example",
        "/" + "a" * 2000,
    ],
)
def test_nobody_is_sent_elsewhere(browser: Browser, path: str) -> None:
    """Only a path of the page's own is a place to come back to."""
    refused = browser.http.get("/v1/session/login", params={"return_to": path})
    assert code_of(refused) == (422, "invalid_request")
    assert "Location" not in refused.headers


@pytest.mark.parametrize("path", ["/@evil.example", "/.evil.example", "/%2f/evil.example", "/..a/b"])
def test_what_looks_like_elsewhere_is_here(browser: Browser, path: str) -> None:
    landed = httpx.URL(browser.sign_in(path).headers["Location"])
    assert f"{landed.scheme}://{landed.host}:{landed.port}" == browser.gateway.url


def test_a_sign_in_belongs_to_the_browser_that_began_it(browser: Browser) -> None:
    """What another person began ends in no session here: neither without a sign-in of ours, nor beside one."""
    theirs = another(browser)
    browser.provider.user = {"sub": "mallory"}
    url = theirs.agree(theirs.begin())
    assert code_of(browser.http.get(url)) == (400, "sign_in_expired")
    browser.begin()
    assert code_of(browser.http.get(url)) == (400, "sign_in_expired")
    assert browser.me["user"] is None
    assert theirs.http.get(url).status_code == 303


def test_a_sign_in_is_used_once(browser: Browser) -> None:
    """Neither the address nor the cookie is good again, even where the provider would take the code again."""
    browser.provider.forgets = False
    url = browser.agree(browser.begin())
    kept = dict(browser.http.cookies)
    browser.provider.user = {"sub": "ada"}
    assert browser.http.get(url).status_code == 303
    assert code_of(browser.http.get(url)) == (400, "sign_in_expired")
    for name, value in kept.items():
        browser.http.cookies.set(name, value, domain="127.0.0.1")
    again = browser.http.get(url)
    assert code_of(again) == (400, "sign_in_expired")
    assert "used before" in again.json()["detail"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": "x"}, (400, "sign_in_expired")),
        ({"state": ""}, (400, "sign_in_expired")),
        ({"code": ""}, (400, "sign_in_expired")),
        ({"code": "x" * 3000}, (400, "sign_in_expired")),
        ({"code": "unknown"}, (403, "sign_in_refused")),
        ({"error": "access_denied"}, (403, "sign_in_refused")),
        ({"error": "<b>"}, (403, "sign_in_refused")),
        ({"iss": "https://evil.example"}, (403, "invalid_id_token")),
    ],
    ids=str,
)
def test_a_callback_that_is_not_the_provider_s(
    browser: Browser, change: dict[str, str], expected: tuple[int, str]
) -> None:
    """A typed error, never a session and never a 500."""
    browser.provider.user = {"sub": "ada"}
    url = httpx.URL(browser.agree(browser.begin()))
    refused = browser.http.get(url.copy_merge_params(change))
    assert code_of(refused) == expected
    assert "<b>" not in refused.text
    assert browser.me["user"] is None


@pytest.mark.parametrize("cookie", ["a", "a.b", "a.b.c.d", "x.9999999999.Lw==.00", "\u00e4", "." * 5000])
def test_a_cookie_that_nobody_made(browser: Browser, cookie: str) -> None:
    """Of a sign-in, or of a session: refused, and nothing breaks."""
    headers = {"Cookie": f"phonoscope_sign_in={cookie}; phonoscope_session={cookie}".encode("latin-1")}
    answer = browser.http.get("/v1/session/callback", params={"state": "a", "code": "b"}, headers=headers)  # type: ignore[arg-type]
    assert code_of(answer) == (400, "sign_in_expired")
    assert browser.http.get("/v1/tracks", headers=headers).status_code in {400, 401}  # type: ignore[arg-type]


def test_a_lie_of_the_provider_is_no_session(browser: Browser) -> None:
    """A wrong nonce, and a sign-in that is over, all the way through; a person reads why in a document."""
    for lies in ({"nonce": "another"}, {"exp": 1}):
        browser.provider.lies = lies
        assert code_of(browser.sign_in()) == (403, "invalid_id_token")
    browser.provider.user = {"sub": "<script>"}
    browser.http.headers["Accept"] = "text/html"
    page = browser.http.get(browser.agree(browser.begin()))
    assert (page.status_code, page.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "You are not signed in" in page.text
    assert "<script>" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    browser.http.headers["Accept"] = "*/*"
    assert browser.me["user"] is None


@pytest.mark.long
def test_a_provider_that_is_away(stack: RunningStack) -> None:
    """Signing in is answered 503; keys and the page go on."""
    settings = IdentityProvider(url="http://127.0.0.1:1").settings
    with second_gateway(stack, settings) as (gateway, _):
        with httpx.Client(base_url=gateway.url, timeout=60, verify=authorities()) as http:
            refused = http.get("/v1/session/login")
            assert code_of(refused) == (503, "provider_unavailable")
            assert refused.headers["Retry-After"]
            assert http.get("/v1/session").json()["sign_in"]["name"] == "Example ID"
        with Client(gateway.url, stack.new_key(f"owner-{uuid4()}")) as client:
            assert client.tracks().items == []


def test_without_a_provider_there_is_no_sign_in(stack: RunningStack) -> None:
    """A cookie counts for nothing, and what signs in is not there."""
    headers = {"Cookie": "phonoscope_session=a_b"}
    with httpx.Client(base_url=stack.url, timeout=60, verify=authorities(), headers=headers) as http:
        assert http.get("/v1/session").json() == dict.fromkeys(("sign_in", "user", "scopes", "key_id"))
        assert code_of(http.get("/v1/session/login")) == (404, "sign_in_off")
        assert code_of(http.get("/v1/session/callback?state=a&code=b")) == (404, "sign_in_off")
        assert code_of(http.get("/v1/tracks")) == (401, "unauthorized")
        key = {"Authorization": f"Bearer {stack.new_key(f'owner-{uuid4()}')}"}
        assert code_of(http.delete("/v1/session", headers=key)) == (404, "not_found")


def test_signing_out_everywhere(browser: Browser) -> None:
    """Ends all of the user's sessions, and no other user's."""
    sub = uuid4().hex
    other, stranger = another(browser), another(browser)
    for each, who in ((browser, sub), (other, sub), (stranger, uuid4().hex)):
        each.sign_in(sub=who)
    assert browser.http.delete("/v1/session?everywhere=true", headers=browser.csrf).status_code == 200
    assert other.http.get("/v1/session").status_code == 401
    assert stranger.me["user"]


def test_the_end_of_a_session_ends_its_streams(browser: Browser, stack: RunningStack) -> None:
    """Within half a minute, whether or not anything happens to the job; those of the user's other session go on."""
    other, sub = another(browser), uuid4().hex
    for each in (browser, other):
        each.sign_in(sub=sub)
    job = f"job_{sub}"
    database = database_of(stack)
    with database.transaction() as session:
        session.execute(OPENS, {"job": job, "user": browser.me["user"]["id"]})
        session.execute(RUNS, {"job": job})
    with ExitStack() as opened:
        streams = [
            _named(opened.enter_context(each.http.stream("GET", f"/v1/jobs/{job}/events"))) for each in (browser, other)
        ]
        assert [next(events) for events in streams] == ["status", "status"]
        assert browser.http.delete("/v1/session", headers=browser.csrf).status_code == 200
        before = monotonic()
        assert list(streams[0]) == []
        assert monotonic() - before < 50
        with database.transaction() as session:
            session.execute(text("DELETE FROM jobs WHERE id = :job"), {"job": job})
            session.execute(text("SELECT pg_notify(:channel, :job)"), {"channel": PROGRESS_CHANNEL, "job": job})
        assert list(streams[1]) == ["completed"]
    database.close()


def _named(answer: httpx.Response) -> Iterator[str]:
    """The names of a stream's events; neither its hint nor its signs of life."""
    assert answer.status_code == 200
    return (event.event for event in EventSource(answer).iter_sse() if event.event != "message")


def test_sessions_end_and_are_swept(browser: Browser, stack: RunningStack) -> None:
    """One that is over opens nothing, before it is swept and after; only so many are kept of a user."""
    browser.sign_in(sub=uuid4().hex)
    database = database_of(stack)
    user = {"user": browser.me["user"]["id"]}
    count = text("SELECT count(*) FROM user_sessions WHERE user_id = :user")
    try:
        with database.transaction() as session:
            session.execute(text("UPDATE user_sessions SET expires_at = now() WHERE user_id = :user"), user)
        assert code_of(browser.http.get("/v1/tracks")) == (401, "session_ended")
        with database.transaction() as session:
            forget_ended_sessions(session)
            assert session.scalar(count, user) == 0
            many = (
                "INSERT INTO user_sessions (id, user_id, secret_sha256, expires_at, created_at) "
                "SELECT :user || n, :user, '', now() + interval '1 hour', now() - n * interval '1 second' "
                "FROM generate_series(1, :most) AS n"
            )
            session.execute(text(many), user | {"most": MOST_SESSIONS + 3})
            sub = session.scalar(text("SELECT subject FROM users WHERE id = :user"), user)
        browser.sign_in(sub=sub)
        with database.transaction() as session:
            assert session.scalar(count, user) == MOST_SESSIONS
        assert browser.me["user"]["id"] == user["user"]
    finally:
        database.close()


def test_limits_hold_for_sessions(stack: RunningStack, provider: IdentityProvider) -> None:
    """An owner's requests count together, by key or by cookie."""
    with second_gateway(stack, provider.settings | {"quota_requests_a_second": 0.5}) as (gateway, _):
        browser = Browser.at(gateway, provider)
        browser.sign_in(sub=uuid4().hex)
        statuses = [browser.http.get("/v1/tracks").status_code for _ in range(12)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.long
def test_links_of_a_session_end_with_it_where_links_do(stack: RunningStack, provider: IdentityProvider) -> None:
    """With ``links_end_with_key`` signed links and shared links end when the user signs out."""
    with second_gateway(stack, provider.settings | {"links_end_with_key": True}) as (gateway, _):
        browser = Browser.at(gateway, provider)
        browser.sign_in(sub=uuid4().hex)
        made = browser.http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.5, seed=11))}, headers=browser.csrf)
        track = made.json()
        share = browser.http.post(f"/v1/tracks/{track['id']}/shares", json={}, headers=browser.csrf).json()
        token = {"Authorization": f"Bearer {share['token']}"}

        def opened() -> list[int]:
            with httpx.Client(base_url=gateway.url, timeout=60, verify=authorities()) as anybody:
                return [
                    anybody.get(track["audio"]["url"]).status_code,
                    anybody.get("/v1/shared", headers=token).status_code,
                ]

        assert opened() == [200, 200]
        browser.http.delete("/v1/session", headers=browser.csrf)
        assert opened() == [403, 404]


@pytest.mark.long
def test_the_prefix_and_https_are_in_the_cookies(stack: RunningStack, provider: IdentityProvider) -> None:
    """Where browsers come by https, cookies are of this host alone and are never sent without it."""
    settings = provider.settings | {"public_url": "https://phonoscope.example", "root_path": "/sound"}
    with second_gateway(stack, settings) as (gateway, _):
        answer = httpx.get(f"{gateway.url}/v1/session/login", timeout=60, verify=authorities())
    sent = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert sent["redirect_uri"] == ["https://phonoscope.example/sound/v1/session/callback"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-phonoscope_sign_in_")
    assert "; Secure" in cookie
    assert "Domain" not in cookie
