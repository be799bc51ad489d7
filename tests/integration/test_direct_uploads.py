"""Uploads whose parts go to the object store: before a gateway that knows the store's public address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.library.uploads import release_upload, take_upload
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.storage import ObjectStore
from tests.support import RunningStack, tone_wav

PART_BYTES = 5 << 20
PATH = "/v1/uploads"


@pytest.fixture
def http(redirecting: RunningStack) -> Iterator[httpx.Client]:
    with redirecting.http(f"owner-{uuid4()}") as http:
        yield http


@pytest.fixture(scope="module")
def content() -> bytes:
    """A recording of three parts."""
    return tone_wav(60, rate_hz=88_200, seed=1_000)


def asked(content: bytes, **more: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {"filename": "long.wav", "size_bytes": len(content), "sha256": sha256, "part_bytes": PART_BYTES} | more


def begin(http: httpx.Client, content: bytes, **more: Any) -> dict[str, Any]:
    answer = http.post(PATH, json=asked(content, **more))
    assert answer.status_code == 201, answer.text
    begun: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{begun['upload']['id']}"
    return begun


def send(link: dict[str, Any], content: bytes) -> dict[str, Any]:
    """Sends a part as anybody would, and gives what the end names."""
    answer = httpx.put(link["url"], content=content[link["start"] :][: link["size_bytes"]], timeout=60)
    assert answer.status_code == 200
    return {"number": link["number"], "etag": answer.headers["ETag"]}


def complete(http: httpx.Client, begun: dict[str, Any], parts: list[dict[str, Any]] | None = None) -> httpx.Response:
    return http.post(f"{PATH}/{begun['upload']['id']}/complete", json={"parts": parts or []})


def objects_of(stack: RunningStack, begun: dict[str, Any]) -> list[str]:
    return ObjectStore(stack.settings).keys(f"uploads/{begun['upload']['id']}/")


def test_parts_become_a_track(http: httpx.Client, redirecting: RunningStack, content: bytes) -> None:
    """Out of order, and one of them twice; then it is a track once, however often that is asked for."""
    begun = begin(http, content)
    links = begun["links"]["items"]
    assert (begun["parts"], len(links)) == (3, 3)
    assert sum(link["size_bytes"] for link in links) == len(content)
    assert httpx.put(links[2]["url"], content=b"other bytes", timeout=60).status_code == 200
    sent = [send(link, content) for link in (links[2], links[0], links[1])]
    kept = http.get(f"{PATH}/{begun['upload']['id']}/parts").json()["items"]
    assert [(part["number"], part["size_bytes"]) for part in kept] == [
        (link["number"], link["size_bytes"]) for link in links
    ]
    first, again = complete(http, begun, sent), complete(http, begun)
    assert (first.status_code, again.status_code) == (200, 200)
    state = first.json()
    assert (state["status"], again.json()["track_id"]) == ("finished", state["track_id"])
    audio = http.get(f"/v1/tracks/{state['track_id']}/audio", follow_redirects=True)
    assert audio.content == content
    assert http.get(f"/v1/tracks/{state['track_id']}").json()["filename"] == "long.wav"
    assert objects_of(redirecting, begun) == []
    assert http.get(f"{PATH}/{begun['upload']['id']}/parts").status_code == 410


def test_missing_and_wrong_parts_are_named(http: httpx.Client, content: bytes) -> None:
    """409 that names each, and nothing is lost: what is missing can be sent by a fresh link."""
    begun = begin(http, content)
    links = begun["links"]["items"]
    assert complete(http, begun).json()["code"] == "parts_missing"
    second = send(links[1], content)
    httpx.put(links[2]["url"], content=b"too short", timeout=60)
    wrong = complete(http, begun, [{"number": 2, "etag": "0" * 32}, {"number": 4, "etag": "0" * 32}])
    assert (wrong.status_code, wrong.json()["code"]) == (409, "parts_missing")
    assert [error["field"] for error in wrong.json()["errors"]] == ["parts.1", "parts.2", "parts.3", "parts.4"]
    again = http.post(f"{PATH}/{begun['upload']['id']}/parts", json={"numbers": [3]}).json()["items"]
    assert again[0]["start"] == links[2]["start"]
    sent = [second, send(again[0], content), send(links[0], content)]
    assert complete(http, begun, sent).json()["status"] == "finished"
    none = http.post(f"{PATH}/{begin(http, content)['upload']['id']}/parts", json={"numbers": [1, 4]})
    assert (none.status_code, none.json()["errors"][0]["field"]) == (422, "numbers.1")


def test_other_bytes_than_were_announced_make_no_track(http: httpx.Client, redirecting: RunningStack) -> None:
    """Of the right size: 422 by their digest, and they are erased."""
    content = tone_wav(0.2, seed=1_001)
    begun = begin(http, content, sha256=hashlib.sha256(b"others").hexdigest())
    send(begun["links"]["items"][0], content)
    refused = complete(http, begun)
    assert (refused.status_code, refused.json()["code"]) == (422, "digest_mismatch")
    state = http.get(f"{PATH}/{begun['upload']['id']}").json()
    assert (state["status"], state["problem"]["code"]) == ("refused", "digest_mismatch")
    assert complete(http, begun).status_code == 410
    assert objects_of(redirecting, begun) == []
    assert http.get("/v1/tracks").json()["items"] == []


def test_a_job_can_be_asked_for(http: httpx.Client) -> None:
    """It is checked before a byte is sent, and made with the track; it names no track itself."""
    content = tone_wav(0.2, seed=1_002)
    for job, field in (({"tasks": ["dance"]}, "job.tasks.0"), ({"track_id": "trk_1"}, "job.track_id")):
        refused = http.post(PATH, json=asked(content, job=job))
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    begun = begin(http, content, job={"tasks": ["describe"], "metadata": {"by": "parts"}})
    send(begun["links"]["items"][0], content)
    state = complete(http, begun).json()
    job = http.get(f"/v1/jobs/{state['job_id']}").json()
    assert (job["track_id"], job["metadata"]) == (state["track_id"], {"by": "parts"})


def test_an_upload_is_begun_once_under_a_key(http: httpx.Client) -> None:
    """The same upload again, and no other upload under the same key."""
    content = tone_wav(0.2, seed=1_003)
    headers = {"Idempotency-Key": "once"}
    first, again = (http.post(PATH, json=asked(content), headers=headers) for _ in range(2))
    assert first.json()["upload"]["id"] == again.json()["upload"]["id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    other = http.post(PATH, json=asked(content, filename="b.wav"), headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_beginning_that_is_repeated_says_what_is_true_by_then(http: httpx.Client, redirecting: RunningStack) -> None:
    """Its links are good, however old the first were; none lead to what has ended; no name is kept with the key."""
    content = tone_wav(0.2, seed=1_004)

    def repeat() -> httpx.Response:
        return http.post(PATH, json=asked(content, filename="secret-name.wav"), headers={"Idempotency-Key": "late"})

    first = repeat().json()
    rows = Database(redirecting.settings.database_url.get_secret_value(), pool_size=1)
    with rows.transaction() as session:
        kept = session.scalars(text("SELECT body::text FROM idempotency_keys WHERE key = 'late'")).all()
    rows.close()
    assert first["upload"]["id"] in "".join(kept)
    assert "secret" not in "".join(kept)
    send(repeat().json()["links"]["items"][0], content)
    assert complete(http, first).status_code == 200
    late = repeat()
    assert (late.status_code, late.json()["upload"]["status"], late.json()["links"]["items"]) == (201, "finished", [])
    assert http.delete(f"{PATH}/{first['upload']['id']}").status_code == 204
    assert repeat().status_code == 404


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"size_bytes": 0}, 422, "invalid_request"),
        ({"size_bytes": 10**15}, 413, "upload_too_large"),
        ({"sha256": "abc"}, 422, "invalid_request"),
        ({"part_bytes": 100}, 422, "invalid_request"),
        ({"url": "x"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_begun_says_why(http: httpx.Client, more: dict[str, Any], status: int, code: str) -> None:
    """Before anything is begun in the store."""
    refused = http.post(PATH, json=asked(b"abc", **more))
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_a_store_that_clients_cannot_reach_is_said(stack: RunningStack) -> None:
    """409, and which setting it is."""
    with stack.http(f"owner-{uuid4()}") as http:
        refused = http.post(PATH, json=asked(b"abc"))
    assert (refused.status_code, refused.json()["code"]) == (409, "no_public_store")
    assert "PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL" in refused.json()["detail"]


def test_another_owner_s_upload_does_not_exist(http: httpx.Client, redirecting: RunningStack) -> None:
    """404 for all that can be done with it; and tus does not write to it."""
    begun = begin(http, b"abc")
    url = f"{PATH}/{begun['upload']['id']}"
    with redirecting.http(f"stranger-{uuid4()}") as stranger:
        answers = [
            stranger.get(url),
            stranger.get(f"{url}/parts"),
            stranger.post(f"{url}/parts", json={"numbers": [1]}),
            complete(stranger, begun),
            stranger.delete(url),
        ]
    assert [answer.status_code for answer in answers] == [404] * 5
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    assert http.patch(url.replace("uploads", "uploads/tus"), content=b"abc", headers=tus).status_code == 404
    begun_by_tus = http.post(f"{PATH}/tus", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "3"})
    by_tus = begun_by_tus.headers["Location"].replace("/tus", "")
    assert http.post(f"{by_tus}/complete", json={}).status_code == 404


def test_an_upload_can_be_given_up(http: httpx.Client) -> None:
    """Its parts are gone from the store, to which nothing more can be sent."""
    content = tone_wav(0.2, seed=1_004)
    begun = begin(http, content)
    link = begun["links"]["items"][0]
    send(link, content)
    assert http.delete(f"{PATH}/{begun['upload']['id']}").status_code == 204
    assert httpx.put(link["url"], content=content, timeout=60).status_code == 404
    assert complete(http, begun).status_code == 404


def test_one_request_at_a_time_ends_it(http: httpx.Client, redirecting: RunningStack) -> None:
    """423 for others, and of many at once all that are answered name one track."""
    content = tone_wav(0.2, seed=1_005)
    begun = begin(http, content)
    send(begun["links"]["items"][0], content)
    owner_id = owner_of(redirecting, begun)
    database = Database(redirecting.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        take_upload(session, owner_id, begun["upload"]["id"], "wrt_other")
    assert complete(http, begun).status_code == 423
    assert http.delete(f"{PATH}/{begun['upload']['id']}").status_code == 423
    with database.transaction() as session:
        release_upload(session, begun["upload"]["id"], "wrt_other")
    database.close()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: complete(http, begun), range(4)))
    tracks = {answer.json()["track_id"] for answer in answers if answer.status_code == 200}
    assert {answer.status_code for answer in answers} <= {200, 423}
    assert len(tracks) == len(http.get("/v1/tracks").json()["items"]) == 1


def owner_of(stack: RunningStack, begun: dict[str, Any]) -> str:
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database.transaction() as session:
            return session.get_one(UploadRow, begun["upload"]["id"]).owner_id
    finally:
        database.close()
