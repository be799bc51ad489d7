"""A gateway that redirects to the store: the same objects from the store's public address, without a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import Client
from phonoscope.tasks import Describe
from tests.support import RunningStack, tone_wav


@pytest.fixture
def client(redirecting: RunningStack) -> Iterator[Client]:
    with redirecting.client(f"owner-{uuid4()}") as client:
        yield client


@pytest.fixture
def http(redirecting: RunningStack) -> Iterator[httpx.Client]:
    with redirecting.http(f"owner-{uuid4()}") as http:
        yield http


def test_audio_is_fetched_from_the_store(http: httpx.Client, public_store: str) -> None:
    """A link that needs no key, with the recording's own type and name; ranges pass through; nothing is kept."""
    content = tone_wav(0.5, seed=900)
    track = http.post("/v1/tracks", files={"file": ("ä b.wav", content)}).json()
    url = f"/v1/tracks/{track['id']}/audio"
    answer = http.get(url)
    assert (answer.status_code, answer.content, answer.headers["Cache-Control"]) == (307, b"", "no-store")
    link = answer.headers["Location"]
    assert link.startswith(f"{public_store}/phonoscope/tracks/{track['id']}/original?")
    assert "X-Amz-Expires=3600&" in link
    whole = httpx.get(link, timeout=60)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, content, track["media_type"])
    assert whole.headers["Content-Disposition"] == "inline; filename=\"a b.wav\"; filename*=UTF-8''%C3%A4%20b.wav"
    part = http.get(url, headers={"Range": "bytes=100-199"}, follow_redirects=True)
    assert part.content == content[100:200]


def test_what_the_gateway_knows_it_answers_itself(http: httpx.Client) -> None:
    """Sizes, a range after the end, what a client has already, and who may not have it."""
    content = tone_wav(0.5, seed=901)
    track = http.post("/v1/tracks", files={"file": ("a.wav", content)}).json()
    url = f"/v1/tracks/{track['id']}/audio"
    head = http.head(url)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    assert http.get(url, headers={"If-None-Match": head.headers["ETag"]}).status_code == 304
    assert http.get(url, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert http.get(url, headers={"Authorization": "Bearer psk_a_b"}).status_code == 401


def test_the_client_follows(client: Client, redirecting: RunningStack, public_store: str, tmp_path: Path) -> None:
    """To recordings and artifacts, whose links end no later than their own; its key stays with the gateway."""
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(1.0, seed=902))
    track_id = client.upload(path).id
    assert client.audio(track_id) == path.read_bytes()
    assert client.audio(track_id, "bytes=0-3") == b"RIFF"
    link = client.wait(client.create_job(track_id, tasks=["describe"])).result(Describe).waveform
    assert link is not None
    assert len(client.download(link)) == link.size_bytes
    answer = httpx.get(f"{redirecting.url}{link.url}", timeout=60)
    assert answer.headers["Location"].startswith(f"{public_store}/phonoscope/tracks/{track_id}/describe/")
    left_s = int(httpx.URL(answer.headers["Location"]).params["X-Amz-Expires"])
    assert 2650 < left_s <= 3600
