"""The tus protocol over HTTP, on the real stack, by a client of somebody else's and by bare requests."""

from __future__ import annotations

import hashlib
import io
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from phonoscope.db.access.engine import Database
from phonoscope.storage import ObjectStore
from tests.integration.tus import PATH, STREAM, TUS, append, begin, metadata, offset_of, state_of
from tests.support import RunningStack, second_gateway, tone_wav


def audio(http: httpx.Client, track_id: str) -> bytes:
    return http.get(f"/v1/tracks/{track_id}/audio").content


def track_of(uploader: Uploader) -> str:
    """The track that the client's last answer names."""
    last: Any = uploader.request
    return str(last.response_headers["phonoscope-track"])


def eventually(found: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not found():
        assert monotonic() < deadline
        sleep(0.05)


@pytest.fixture
def rows(stack: RunningStack) -> Iterator[Database]:
    """The stack's own database."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield database
    database.close()


def writer_of(rows: Database, url: str) -> str | None:
    with rows.transaction() as session:
        found: str | None = session.scalar(
            text("SELECT writer FROM uploads WHERE id = :id"), {"id": url.rpartition("/")[2]}
        )
        return found


@contextmanager
def half_sent(http: httpx.Client, url: str, offset: int, size_bytes: int, first: bytes) -> Iterator[socket.socket]:
    """A request that announces more than it has sent so far."""
    address = urlsplit(str(http.base_url))
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: {http.headers['Authorization']}\r\n"
        f"Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
        f"Content-Length: {size_bytes}\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=60) as sending:
        sending.sendall(head.encode() + first)
        yield sending


@pytest.mark.parametrize("chunk_bytes", [7_000, 100_000, None])
def test_a_client_of_somebody_else_s_uploads(http: httpx.Client, chunk_bytes: int | None) -> None:
    """Whatever its chunks are, the track has the very bytes and the name."""
    content = tone_wav(0.6, seed=chunk_bytes or 1)
    client = TusClient(str(http.base_url.join(PATH)), headers={"Authorization": http.headers["Authorization"]})
    given = {"filename": "töne.wav", "sha256": hashlib.sha256(content).hexdigest()}
    options = {"chunk_size": chunk_bytes} if chunk_bytes else {}
    uploader = client.uploader(
        file_stream=io.BytesIO(content), metadata=given, upload_checksum=True, retries=2, **options
    )
    uploader.upload()
    track = http.get(f"/v1/tracks/{track_of(uploader)}").json()
    assert (track["filename"], track["sha256"]) == ("töne.wav", given["sha256"])
    assert audio(http, track["id"]) == content


def test_an_upload_goes_on_where_it_was_cut(http: httpx.Client, rows: Database) -> None:
    """What came before the cut is kept, and the client goes on from there; many pieces are one track."""
    content = tone_wav(60, rate_hz=88_200, seed=5)
    url = begin(http, len(content), filename="long.wav")
    with half_sent(http, url, 0, len(content), content[: 9 << 20]) as sending:
        eventually(lambda: offset_of(http, url) > 0)
        sending.shutdown(socket.SHUT_RDWR)
    eventually(lambda: writer_of(rows, url) is None)
    assert 8 << 20 <= offset_of(http, url) <= 9 << 20
    client = TusClient(str(http.base_url.join(PATH)), headers={"Authorization": http.headers["Authorization"]})
    uploader = client.uploader(file_stream=io.BytesIO(content), url=str(http.base_url.join(url)))
    assert uploader.offset == offset_of(http, url)
    uploader.upload()
    assert audio(http, track_of(uploader)) == content


def test_the_offset_is_true_after_the_gateway_was_killed(
    http: httpx.Client, stack: RunningStack, rows: Database
) -> None:
    """Whatever was acknowledged is there, and another gateway goes on with it."""
    content = tone_wav(60, rate_hz=88_200, seed=6)
    url = begin(http, len(content))
    with (
        second_gateway(stack, {}) as (other, process),
        httpx.Client(base_url=other.url, headers=http.headers, timeout=60) as there,
    ):
        kept = append(there, url, 0, content[:300_000])
        assert int(kept.headers["Upload-Offset"]) == 300_000
        with half_sent(there, url, 300_000, len(content) - 300_000, content[300_000 : 9 << 20]):
            eventually(lambda: offset_of(http, url) > 300_000)
            process.kill()
            process.wait()
    with rows.transaction() as session:
        session.execute(text("UPDATE uploads SET writer_until = now() - interval '1 s'"))
    offset = offset_of(http, url)
    answer = append(http, url, offset, content[offset:])
    assert answer.status_code == 204
    assert audio(http, answer.headers["Phonoscope-Track"]) == content


def test_one_request_at_a_time_writes(http: httpx.Client, rows: Database) -> None:
    """423 for another one that writes or deletes, while where it stands can be read."""
    content = tone_wav(0.2, seed=7)
    url = begin(http, len(content))
    with half_sent(http, url, 0, len(content), content[:100]):
        eventually(lambda: writer_of(rows, url) is not None)
        refused = append(http, url, 0, content)
        assert (refused.status_code, refused.json()["code"]) == (423, "upload_busy")
        assert int(refused.headers["Retry-After"]) >= 1
        assert http.delete(url, headers=TUS).status_code == 423
        assert offset_of(http, url) == 0
    eventually(lambda: writer_of(rows, url) is None)
    assert offset_of(http, url) == 100
    assert append(http, url, 100, content[100:]).status_code == 204


def test_a_body_that_arrives_changed_is_not_kept(http: httpx.Client, stack: RunningStack) -> None:
    """460 and no byte more, however many pieces it had; the same bytes with their checksum then go through."""
    content = tone_wav(60, rate_hz=88_200, seed=8)
    url = begin(http, len(content))
    first, checksum = content[: 9 << 20], hashlib.sha1(content[: 9 << 20]).digest()
    coded = f"sha1 {b64encode(checksum).decode()}"
    changed = append(http, url, 0, first[:-1] + b"x", **{"Upload-Checksum": coded})
    assert (changed.status_code, changed.json()["code"]) == (460, "checksum_mismatch")
    assert offset_of(http, url) == 0
    assert ObjectStore(stack.settings).keys(f"uploads/{url.rpartition('/')[2]}/") == []
    assert append(http, url, 0, first, **{"Upload-Checksum": coded}).headers["Upload-Offset"] == str(len(first))
    rest = content[len(first) :]
    digest = f"sha256 {b64encode(hashlib.sha256(rest).digest()).decode()}"
    whole = append(http, url, len(first), rest, **{"Upload-Checksum": digest})
    assert audio(http, whole.headers["Phonoscope-Track"]) == content
    assert ObjectStore(stack.settings).keys(f"uploads/{url.rpartition('/')[2]}/") == []


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "unsupported_tus_version"),
        ({"Content-Type": "audio/wav"}, 415, "unsupported_media_type"),
        ({"Upload-Offset": "1"}, 409, "offset_conflict"),
        ({"Upload-Offset": "-1"}, 422, "invalid_request"),
        ({"Upload-Checksum": "md5 abcd"}, 400, "unsupported_checksum"),
        ({"Upload-Checksum": "sha1 !"}, 422, "invalid_request"),
        ({"Upload-Checksum": "sha1 abcd"}, 422, "invalid_request"),
    ],
)
def test_a_wrong_request_changes_nothing(http: httpx.Client, headers: dict[str, str], status: int, code: str) -> None:
    """Each is refused by its own code, in the protocol's own status."""
    url = begin(http, 10)
    answer = append(http, url, 0, b"abc", **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert offset_of(http, url) == 0


def test_more_than_was_announced_is_refused(http: httpx.Client) -> None:
    """By the header, and where a body comes in chunks by what has come; no byte of it is kept."""
    url = begin(http, 3)
    assert append(http, url, 0, b"abcd").status_code == 413
    chunked = http.patch(url, content=iter([b"ab", b"cd"]), headers=TUS | STREAM | {"Upload-Offset": "0"})
    assert (chunked.status_code, chunked.json()["code"]) == (413, "upload_too_large")
    assert offset_of(http, url) == 0


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({}, 422, "Upload-Length"),
        ({"Upload-Length": "x"}, 422, "Upload-Length"),
        ({"Upload-Length": "0"}, 422, None),
        ({"Upload-Length": "999999999999999"}, 413, None),
        ({"Upload-Length": "9", "Upload-Defer-Length": "1"}, 422, "upload-defer-length"),
        ({"Upload-Length": "9", "Upload-Concat": "partial"}, 422, "upload-concat"),
        ({"Upload-Length": "9", "Upload-Metadata": "filename a"}, 422, "Upload-Metadata"),
        ({"Upload-Length": "9", "Upload-Metadata": "a YQ==,a YQ=="}, 422, "Upload-Metadata"),
        ({"Upload-Length": "9", "Upload-Metadata": metadata(sha256="abc")}, 422, "sha256"),
        ({"Upload-Length": "9", "Upload-Metadata": metadata(tasks="dance")}, 422, "tasks.0"),
        ({"Upload-Length": "9", "Upload-Metadata": metadata(options="{")}, 422, "options"),
    ],
)
def test_what_cannot_be_begun_says_why(
    http: httpx.Client, headers: dict[str, str], status: int, field: str | None
) -> None:
    """The field by its name, before a byte is sent."""
    answer = http.post(PATH, headers=TUS | headers)
    assert answer.status_code == status
    if field:
        assert answer.json()["errors"][0]["field"] == field


def test_anybody_may_ask_what_is_spoken(anybody: httpx.Client) -> None:
    """Without a key, as clients do; everything else needs one."""
    for path in (PATH, f"{PATH}/upl_0"):
        answer = anybody.options(path)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,termination,expiration,checksum"
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
        assert int(answer.headers["Tus-Max-Size"]) > 0
    assert anybody.post(PATH, headers=TUS | {"Upload-Length": "1"}).status_code == 401
    assert anybody.options("/v1/uploads/upl_0").status_code == 401


def test_another_owner_s_upload_does_not_exist(http: httpx.Client, stack: RunningStack) -> None:
    """404 for reading, writing and deleting, and it is as it was."""
    url = begin(http, 10)
    with stack.http(f"stranger-{uuid4()}") as stranger:
        assert stranger.head(url, headers=TUS).status_code == 404
        assert append(stranger, url, 0, b"a").status_code == 404
        assert stranger.delete(url, headers=TUS).status_code == 404
        assert stranger.get(url.replace("/tus", "")).status_code == 404
    assert append(http, url, 0, b"a").headers["Upload-Offset"] == "1"


def test_what_is_no_recording_is_refused_and_erased(http: httpx.Client, stack: RunningStack) -> None:
    """As a plain upload is; afterwards it says why, and its bytes are gone."""
    url = begin(http, 300_000, filename="a.txt")
    assert append(http, url, 0, b"a" * 280_000).status_code == 204
    answer = append(http, url, 280_000, b"a" * 20_000)
    assert (answer.status_code, answer.json()["code"]) == (415, "not_a_recording")
    gone = http.head(url, headers=TUS)
    assert gone.status_code == 410
    state = state_of(http, url)
    assert (state["status"], state["track_id"], state["problem"]["code"]) == ("refused", None, "not_a_recording")
    assert append(http, url, 280_000, b"a" * 20_000).status_code == 410
    assert ObjectStore(stack.settings).keys(f"uploads/{state['id']}/") == []


def test_other_bytes_than_were_announced_are_refused(http: httpx.Client) -> None:
    """422 that names the digest, and no track."""
    content = tone_wav(0.2, seed=9)
    url = begin(http, len(content), sha256=hashlib.sha256(b"else").hexdigest())
    answer = append(http, url, 0, content)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest_mismatch")
    assert answer.json()["errors"][0]["field"] == "sha256"
    assert http.get("/v1/tracks").json()["items"] == []


def test_an_upload_can_ask_for_a_job(http: httpx.Client) -> None:
    """Track and job are made at once, and the name of the job comes with the last byte's answer."""
    content = tone_wav(0.3, seed=10)
    url = begin(http, len(content), name="tone.wav", tasks="describe", metadata='{"from": "tus"}')
    answer = append(http, url, 0, content)
    job = http.get(f"/v1/jobs/{answer.headers['Phonoscope-Job']}").json()
    assert (job["track_id"], job["metadata"]) == (answer.headers["Phonoscope-Track"], {"from": "tus"})
    assert [task["name"] for task in job["tasks"]] == ["describe"]
    state = state_of(http, url)
    assert (state["status"], state["job_id"], state["offset_bytes"]) == ("finished", job["id"], len(content))
    assert http.head(url, headers=TUS).headers["Phonoscope-Job"] == job["id"]


def test_an_upload_can_be_begun_with_its_bytes(http: httpx.Client) -> None:
    """One request for a small file; the same bytes again are the same track."""
    content = tone_wav(0.2, seed=11)
    headers = TUS | STREAM | {"Upload-Length": str(len(content))}
    first, again = (http.post(PATH, content=content, headers=headers) for _ in range(2))
    assert (first.status_code, first.headers["Upload-Offset"]) == (201, str(len(content)))
    assert first.headers["Phonoscope-Track"] == again.headers["Phonoscope-Track"]
    assert first.headers["Location"] != again.headers["Location"]
    wrong = http.post(PATH, content=b"a", headers=TUS | {"Upload-Length": "1", "Content-Type": "text/plain"})
    assert wrong.status_code == 415


def test_an_upload_can_be_given_up(http: httpx.Client, stack: RunningStack) -> None:
    """Neither row nor object stays; of one that has become a track the track does."""
    url = begin(http, 10)
    append(http, url, 0, b"abc")
    folder = f"uploads/{url.rpartition('/')[2]}/"
    assert ObjectStore(stack.settings).keys(folder)
    unsaid = http.post(url, headers=TUS)
    assert unsaid.status_code == 405, unsaid.text
    assert http.post(url, headers=TUS | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert ObjectStore(stack.settings).keys(folder) == []
    assert http.head(url, headers=TUS).status_code == 404
    content = tone_wav(0.2, seed=12)
    url = begin(http, len(content))
    track = append(http, url, 0, content).headers["Phonoscope-Track"]
    assert http.delete(url, headers=TUS).status_code == 204
    assert http.get(f"/v1/tracks/{track}").status_code == 200


@pytest.mark.parametrize("kept", [1_000, 300_000], ids=["the last, small piece", "a piece before"])
def test_an_upload_whose_piece_the_store_has_lost_has_ended(http: httpx.Client, stack: RunningStack, kept: int) -> None:
    """It says so, and the same recording can be sent again."""
    content = tone_wav(4.0, seed=14)
    url = begin(http, len(content))
    append(http, url, 0, content[:kept])
    store = ObjectStore(stack.settings)
    store.delete(store.keys(f"uploads/{url.rpartition('/')[2]}/"))
    lost = append(http, url, kept, content[kept:])
    assert (lost.status_code, lost.json()["code"]) == (410, "upload_ended")
    assert append(http, url, kept, content[kept:]).status_code == 410
    assert http.get("/v1/uploads").json()["items"] == []
    assert append(http, begin(http, len(content)), 0, content).status_code == 204


def test_what_is_unfinished_counts(limited: RunningStack) -> None:
    """By number, and as if it were stored; what is given up is free again."""
    with limited.http(f"owner-{uuid4()}") as http:
        urls = [begin(http, 10) for _ in range(2)]
        refused = http.post(PATH, headers=TUS | {"Upload-Length": "10"})
        assert (refused.status_code, refused.json()["code"]) == (429, "open_uploads_quota_exceeded")
        used = {quota["name"]: quota for quota in http.get("/v1/usage").json()["quotas"]}["open_uploads"]
        assert (used["used"], used["limit"]) == (2, 2)
        assert http.delete(urls[0], headers=TUS).status_code == 204
        begin(http, 10)


@pytest.mark.long
def test_bytes_that_are_unfinished_count(stack: RunningStack) -> None:
    """What two uploads announce is compared with what may be stored before a byte of it comes; so are whole uploads."""
    with second_gateway(stack, {"quota_stored_bytes": 10_000}) as (gateway, _), gateway.http(f"o-{uuid4()}") as http:
        begin(http, 6_000)
        refused = http.post(PATH, headers=TUS | {"Upload-Length": "6000"})
        assert (refused.status_code, refused.json()["code"]) == (429, "stored_bytes_quota_exceeded")
        whole = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(0.05, seed=13))})
        assert (whole.status_code, whole.json()["code"]) == (429, "stored_bytes_quota_exceeded")
        begin(http, 4_000)
