"""Keys, their scopes and the audit log over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import CancelledJobs, KeyChange, KeyRotation, Scope
from phonoscope.states import Status
from tests.support import RunningStack, tone_wav

ADMIN = [Scope.READ, Scope.WRITE, Scope.ADMIN]
LONG_AGO, LONG_AHEAD = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"


@pytest.fixture
def owner() -> str:
    return f"owner-{uuid4()}"


@pytest.fixture
def admin(stack: RunningStack, owner: str) -> Iterator[Client]:
    """The client of an owner's admin."""
    with Client(stack.url, stack.new_key(owner, ADMIN)) as client:
        yield client


def problem_of(error: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    return error.value.status_code, error.value.code


def operations(stack: RunningStack) -> list[tuple[str, str]]:
    """All documented calls under ``/v1``, with something in place of their parameters."""
    document = httpx.get(f"{stack.url}/openapi.json", timeout=30).json()
    return [
        (method.upper(), re.sub(r"\{\w+\}", "none", path))
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/v1/") and not path.startswith("/v1/artifacts/")
    ]


@pytest.mark.long
def test_every_route_needs_the_scope_that_is_declared(stack: RunningStack, owner: str) -> None:
    """Walks all documented calls with a key of each scope: 403 by its name unless it is the call's own, and no 500."""
    calls = operations(stack)
    assert len(calls) > 40
    for scope in Scope:
        with httpx.Client(
            base_url=stack.url, headers={"Authorization": f"Bearer {stack.new_key(owner, [scope])}"}, timeout=60
        ) as http:
            for method, path in calls:
                needed = Scope.READ if method == "GET" or path in {"/v1/search", "/v1/session"} else Scope.WRITE
                if path.startswith(("/v1/keys", "/v1/audit", "/v1/sessions")):
                    needed = Scope.ADMIN
                response = http.request(method, path)
                refused = response.status_code == 403 and response.json()["code"] == "missing_scope"
                assert refused == (needed is not scope), (method, path, scope, response.text)
                assert response.status_code < 500, (method, path)


@pytest.mark.parametrize("scopes", [[Scope.READ], [Scope.READ, Scope.WRITE], sorted(ADMIN)])
def test_a_key_is_told_what_it_may_do(stack: RunningStack, owner: str, scopes: list[Scope]) -> None:
    """Nobody is signed in by it: what it may do is said all the same, and its name in labels and the audit log."""
    key = stack.new_key(owner, scopes)
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        key_id = key.removeprefix("psk_").partition("_")[0]
        told = {"sign_in": None, "user": None, "scopes": scopes, "key_id": key_id}
        assert http.get("/v1/session").json() == told


def test_an_admin_manages_the_keys_of_its_owner(stack: RunningStack, admin: Client) -> None:
    """Makes, lists, renames, rotates and revokes; each works at once."""
    made = admin.create_key("ingest", [Scope.WRITE], datetime.now(UTC) + timedelta(days=1))
    with Client(stack.url, made.key) as ingest:
        with pytest.raises(ApiError) as refused:
            ingest.tracks()
        assert problem_of(refused) == (403, "missing_scope")
        changed = admin.change_key(made.id, KeyChange(name="both", scopes=[Scope.READ, Scope.WRITE]))
        assert (changed.name, changed.expires_at) == ("both", made.expires_at)
        assert ingest.tracks().items == []
        assert admin.change_key(made.id, KeyChange(expires_at=None)).expires_at is None
        rotated = admin.rotate_key(made.id, KeyRotation(grace_s=60))
        assert rotated.previous_until is not None
        with Client(stack.url, rotated.key) as new:
            assert new.tracks().items == ingest.tracks().items == []
            admin.revoke_key(made.id)
            for client in (ingest, new):
                with pytest.raises(ApiError) as gone:
                    client.tracks()
                assert problem_of(gone) == (401, "unauthorized")
    listed = {key.id: key for key in admin.keys().items}
    assert listed[made.id].revoked_at is not None
    assert all("key" not in key.model_dump() for key in listed.values())
    actions = [entry.action for entry in admin.audit(subject=made.id).items]
    assert sorted(actions) == ["key.changed", "key.changed", "key.created", "key.revoked", "key.rotated"]


def test_the_last_use_of_a_key_is_seen(stack: RunningStack, admin: Client) -> None:
    made = admin.create_key("seen")
    assert made.last_used_at is None
    with Client(stack.url, made.key) as client:
        client.tracks()
    deadline = monotonic() + 30
    while admin.key(made.id).last_used_at is None:
        assert monotonic() < deadline
        sleep(0.05)


def test_no_owner_sees_another_owners_keys_or_log(stack: RunningStack, admin: Client) -> None:
    """Another owner's key is not found by any call, and its life is not in the log."""
    made = admin.create_key("mine")
    with Client(stack.url, stack.new_key(f"stranger-{uuid4()}", ADMIN)) as stranger:
        for call in (
            lambda: stranger.key(made.id),
            lambda: stranger.change_key(made.id, KeyChange(name="theirs")),
            lambda: stranger.rotate_key(made.id),
            lambda: stranger.revoke_key(made.id),
        ):
            with pytest.raises(ApiError) as missing:
                call()
            assert problem_of(missing) == (404, "not_found")
        assert stranger.audit(subject=made.id).items == []
        assert made.id not in {key.id for key in stranger.keys().items}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "\ud800"},
        {"name": "x" * 101},
        {"name": "a", "scopes": []},
        {"name": "a", "scopes": ["root"]},
        {"name": "a", "owner": "another"},
        {"name": "a", "expires_at": "2001-01-01T00:00:00Z"},
        {"name": "a", "expires_at": LONG_AGO},
        {"name": "a", "expires_at": LONG_AHEAD},
        {"name": "a", "expires_at": "2030-01-01T00:00:00"},
    ],
)
def test_what_makes_no_key_is_refused_by_its_field(stack: RunningStack, owner: str, body: dict[str, object]) -> None:
    """422, with the field's name; nothing is made."""
    key = stack.new_key(owner, ADMIN)
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        content = json.dumps(body).encode()
        response = http.post("/v1/keys", content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 422, response.text
        assert response.json()["errors"]
        assert len(http.get("/v1/keys").json()["items"]) == 1


def test_filters_of_the_log_at_both_ends_of_time(admin: Client) -> None:
    """The first and the last moments are only moments; what is none in UTC is refused by its field."""
    admin.create_key("one")
    first_moment, last_moment = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
    assert admin.audit(since=first_moment, until=last_moment, action="key").items
    assert admin.audit(since=last_moment).items == []
    assert admin.audit(until=first_moment).items == []
    for wrong in ({"since": LONG_AGO}, {"until": LONG_AHEAD}):
        with pytest.raises(ApiError) as refused:
            admin.audit(**wrong)
        assert problem_of(refused) == (422, "invalid_request")
    first = admin.audit(limit=1)
    assert first.next_cursor is not None
    assert admin.audit(limit=1, cursor=first.next_cursor).items != first.items


def test_a_revoked_key_takes_its_jobs_with_it_on_request(stack: RunningStack, admin: Client, tmp_path: Path) -> None:
    """Only those that have not ended, and only that key's."""
    made = admin.create_key("jobs")
    recording = tmp_path / "a.wav"
    recording.write_bytes(tone_wav(1.0, seed=1))
    track = admin.upload(recording)
    with Client(stack.url, made.key) as client:
        theirs = [client.create_job(track.id, ["classify"], {"no_cache": True}) for _ in range(3)]
    admin.revoke_key(made.id, CancelledJobs.KEY)
    for job in theirs:
        assert admin.job(job.id).status.ended
    cancelled = {entry.subject for entry in admin.audit(action="job").items}
    assert cancelled <= {job.id for job in theirs}
    assert cancelled == {job.id for job in theirs if admin.job(job.id).status is Status.CANCELLED}


def test_what_is_done_is_in_the_log_and_no_secret(admin: Client, tmp_path: Path) -> None:
    """Deletions, webhooks, their secrets and revoked links, with the key that did it; never an address's path."""
    recording = tmp_path / "a.wav"
    recording.write_bytes(tone_wav(1.0, seed=2))
    track = admin.upload(recording)
    hook = admin.create_webhook("https://8.8.8.8/token-in-the-path")
    rotated = admin.rotate_webhook_secret(hook.id)
    default = admin.make_default_secret()
    admin.delete_webhook(hook.id)
    admin.revoke_links(track.id)
    admin.delete_track(track.id)
    entries = admin.audit(limit=100).items
    assert [entry.action for entry in entries if entry.key_id is not None] == [
        "track.deleted",
        "track.links_revoked",
        "webhook.deleted",
        "webhook.secret_rotated",
        "webhook.secret_rotated",
        "webhook.created",
    ]
    written = str([entry.model_dump() for entry in entries])
    for secret in (hook.secret, rotated.secret, default.secret, "token-in-the-path"):
        assert secret not in written


def test_links_are_revoked_and_new_ones_are_good(stack: RunningStack, admin: Client, tmp_path: Path) -> None:
    """Every link of before answers 403, to the recording and to artifacts; links read afterwards open both."""
    recording = tmp_path / "a.wav"
    recording.write_bytes(tone_wav(1.0, seed=3))
    track = admin.upload(recording)
    job = admin.wait(admin.create_job(track.id, ["features"]))

    def urls() -> list[str]:
        artifacts = re.findall(r"/v1/artifacts/[^\"]+", admin.job(job.id).model_dump_json())
        results = re.findall(r"/v1/artifacts/[^\"]+", admin.results(track.id).model_dump_json())
        assert artifacts
        assert sorted(artifacts) == sorted(results)
        return [admin.track(track.id).audio.url, artifacts[0]]

    def statuses(links: list[str]) -> list[int]:
        return [httpx.get(f"{stack.url}{url}", timeout=30).status_code for url in links]

    before = urls()
    assert statuses(before) == [200, 200]
    admin.revoke_links(track.id)
    assert statuses(before) == [403, 403]
    after = urls()
    assert statuses(after) == [200, 200]
    assert statuses([re.sub(r"link_key=\w+&", "", url) for url in after]) == [403, 403]
    admin.revoke_links(track.id)
    assert statuses(after) == [403, 403]


def test_links_end_with_the_key_that_asked_when_it_says_so(
    stack: RunningStack, owner: str, admin: Client, tmp_path: Path
) -> None:
    """Links of a key with ``links_end`` end when it is revoked; those of another key do not."""
    recording = tmp_path / "a.wav"
    recording.write_bytes(tone_wav(1.0, seed=4))
    track = admin.upload(recording)
    made = admin.create_key("guest", [Scope.READ], links_end=True)
    with Client(stack.url, made.key) as guest:
        ending, staying = guest.track(track.id).audio.url, admin.track(track.id).audio.url
    assert [httpx.get(f"{stack.url}{url}", timeout=30).status_code for url in (ending, staying)] == [200, 200]
    assert made.id in ending
    admin.revoke_key(made.id)
    assert [httpx.get(f"{stack.url}{url}", timeout=30).status_code for url in (ending, staying)] == [403, 200]
    without = re.sub(r"key_id=\w+&", "", ending)
    assert httpx.get(f"{stack.url}{without}", timeout=30).status_code == 403
