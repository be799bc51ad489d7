"""``HEAD`` wherever ``GET`` is, on the real stack."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from phonoscope.client import Client
from tests.integration.test_tracks import upload
from tests.support import tone_wav

CHANGING = {"date", "ratelimit", "connection", "transfer-encoding", "content-security-policy"}
"""The time, what is left of a limit, a nonce, and how a connection frames a body that ``HEAD`` does not have."""

PLAIN = {"Accept-Encoding": "identity"}
"""A time or a link that changes between two requests leaves the length of a body that is not compressed as it is."""


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in CHANGING}


def same(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """The answer to ``HEAD``, which has to be that of ``GET`` without its body."""
    whole = client.get(path, headers=headers)
    head = client.head(path, headers=headers)
    assert head.status_code == whole.status_code, path
    assert headers_of(head) == headers_of(whole), path
    assert head.content == b""
    return head


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tracks/trk_1",
        "/favicon.svg",
        "/licenses.txt",
        "/docs",
        "/docs/assets/swagger-ui.css",
        "/docs/assets/nothing.css",
        "/assets/nothing.js",
        "/openapi.json",
        "/health/live",
        "/health/ready",
        "/nothing",
        "/v1/tracks",
        "/v1/artifacts/art_1",
        "/v1/tracks/trk_1/audio?expires=1&signature=x",
    ],
)
def test_without_a_key(anybody: httpx.Client, path: str) -> None:
    """Page, documents, health, links that open nothing, and problems: status and headers are those of ``GET``."""
    same(anybody, path)


@pytest.mark.long
def test_with_a_key(http: httpx.Client, anybody: httpx.Client) -> None:
    """Lists, one of each, audio whole, in part and unchanged, and signed links; a length where ``GET`` has one."""
    track = upload(http, tone_wav(0.5, seed=31)).json()
    audio = f"/v1/tracks/{track['id']}/audio"
    for path in ("/v1/tracks", "/v1/jobs", "/v1/models", "/v1/webhooks", "/v1/keys"):
        assert int(same(http, path, **PLAIN).headers["Content-Length"]) > 0
    for path in ("/v1/queues", "/v1/usage"):
        assert int(http.head(path).headers["Content-Length"]) > 0, "what it says changes by the second"
    for path in (f"/v1/tracks/{track['id']}", f"/v1/tracks/{track['id']}/results", "/v1/jobs/job_1", "/v1/map"):
        same(http, path, **PLAIN)
    head = same(http, audio)
    assert head.headers["Content-Length"] == str(track["size_bytes"])
    assert head.headers["Accept-Ranges"] == "bytes"
    assert same(http, audio, Range="bytes=0-9").headers["Content-Length"] == "10"
    assert same(http, audio, Range="bytes=999999999-").status_code == 416
    assert same(http, audio, **{"If-None-Match": head.headers["ETag"]}).status_code == 304
    assert same(anybody, track["audio"]["url"]).status_code == 200
    assert http.head("/v1/jobs/job_1/cancel").status_code == 405


def test_it_begins_nothing(http: httpx.Client) -> None:
    """No job for a picture, and no stream, though a stream's headers are those of ``GET``."""
    track_id = upload(http, tone_wav(0.5, seed=32)).json()["id"]
    for picture in ("waveform", "spectrogram"):
        assert http.head(f"/v1/tracks/{track_id}/{picture}").status_code == 202
    assert http.get("/v1/jobs").json()["items"] == []
    job = http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["describe"]}).json()
    events = f"/v1/jobs/{job['id']}/events"
    head = http.head(events)
    with http.stream("GET", events) as stream:
        assert headers_of(head) == headers_of(stream)
        assert head.content == b""
        for line in stream.iter_lines():
            if line == "event: completed":
                break
    same(http, f"/v1/tracks/{track_id}/waveform")


def test_an_archive_is_not_made_for_its_headers(http: httpx.Client, client: Client, tmp_path: Path) -> None:
    """Where there are no stems, ``HEAD`` says so as ``GET`` does."""
    path = tmp_path / "none.wav"
    path.write_bytes(tone_wav(0.5, seed=33))
    same(http, f"/v1/tracks/{client.upload(path).id}/stems.zip")
