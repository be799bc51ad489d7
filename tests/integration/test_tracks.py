"""Tracks over HTTP, on the real stack."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.storage import ObjectStore
from phonoscope_gateway.signing import Signer, artifact_path, audio_path
from tests.support import RunningStack, lasting, tone_wav


def upload(http: httpx.Client, content: bytes, name: str = "tone.wav") -> httpx.Response:
    return http.post("/v1/tracks", files={"file": (name, content)})


def test_an_upload_is_a_track_that_says_what_it_holds(http: httpx.Client) -> None:
    """201, a Location that works, and facts of the recording itself."""
    content = tone_wav(1.5, rate_hz=22_050)
    answer = upload(http, content)
    assert answer.status_code == 201
    track = answer.json()
    assert track["sha256"] == hashlib.sha256(content).hexdigest()
    assert (track["codec"], track["channels"], track["sample_rate_hz"]) == ("pcm_s16le", 1, 22_050)
    assert track["duration_s"] == pytest.approx(1.5)
    assert lasting(http.get(answer.headers["Location"]).json()) == lasting(track)


def test_the_same_bytes_are_the_same_track(http: httpx.Client) -> None:
    """200 and the first track the second time, whatever the name."""
    content = tone_wav(seed=1)
    first, second = upload(http, content), upload(http, content, "other.wav")
    assert (first.status_code, second.status_code) == (201, 200)
    assert lasting(first.json()) == lasting(second.json())


def test_two_owners_of_the_same_bytes_have_two_tracks(client: Client, stranger: Client, tmp_path: Path) -> None:
    """Deduplication stays within an owner, so that nobody learns what others have."""
    path = tmp_path / "same.wav"
    path.write_bytes(tone_wav(seed=2))
    assert client.upload(path).id != stranger.upload(path).id


def test_another_owners_track_does_not_exist(client: Client, stranger: Client, tmp_path: Path) -> None:
    """404 for reading, listening, searching, asking for work and deleting."""
    path = tmp_path / "mine.wav"
    path.write_bytes(tone_wav(seed=3))
    track_id = client.upload(path).id
    for call in (
        lambda: stranger.track(track_id),
        lambda: stranger.audio(track_id),
        lambda: stranger.similar(track_id),
        lambda: stranger.create_job(track_id),
        lambda: stranger.delete_track(track_id),
    ):
        with pytest.raises(ApiError) as refusal:
            call()
        assert refusal.value.status_code == 404
    assert stranger.tracks().items == []
    assert client.track(track_id).id == track_id


def test_pages_give_every_track_once_newest_first(http: httpx.Client) -> None:
    """Following the cursors gives what was uploaded, in reverse, without gaps or repeats."""
    ids = [upload(http, tone_wav(0.1, seed=seed), f"{seed}.wav").json()["id"] for seed in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = http.get("/v1/tracks", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_lists_can_be_narrowed_by_name(http: httpx.Client) -> None:
    """``q`` is text, not a pattern: a percent sign means itself."""
    for seed, name in enumerate(("Rain 100%.wav", "rain 1000.wav", "sea.wav")):
        upload(http, tone_wav(0.1, seed=seed + 10), name)
    found = http.get("/v1/tracks", params={"q": "RAIN"}).json()["items"]
    assert {item["filename"] for item in found} == {"Rain 100%.wav", "rain 1000.wav"}
    assert [item["filename"] for item in http.get("/v1/tracks", params={"q": "100%"}).json()["items"]] == [
        "Rain 100%.wav"
    ]


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "WyJ4IiwieSJd", "W10", "%F0%9F", "WzEsMl0"])
def test_a_cursor_that_is_not_ours_is_refused(http: httpx.Client, cursor: str) -> None:
    """422 that names the field."""
    answer = http.get("/v1/tracks", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


def test_deleting_leaves_nothing(http: httpx.Client, stack: RunningStack) -> None:
    """Neither row nor object, and a second delete is a 404."""
    track = upload(http, tone_wav(0.2, seed=20)).json()
    store = ObjectStore(stack.settings)
    prefix = f"tracks/{track['id']}/"
    assert store.keys(prefix)
    assert http.delete(f"/v1/tracks/{track['id']}").status_code == 204
    assert store.keys(prefix) == []
    assert http.get(f"/v1/tracks/{track['id']}").status_code == 404
    assert http.delete(f"/v1/tracks/{track['id']}").status_code == 404


def test_audio_comes_whole_and_in_ranges(http: httpx.Client) -> None:
    """The very bytes, with the headers that players need."""
    content = tone_wav(0.5, seed=21)
    url = f"/v1/tracks/{upload(http, content).json()['id']}/audio"
    whole = http.get(url)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    head = http.head(url)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    part = http.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
    assert http.get(url, headers={"Range": "bytes=-7"}).content == content[-7:]
    assert http.get(url, headers={"Range": f"bytes={len(content) - 3}-"}).content == content[-3:]
    outside = http.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert http.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


def test_a_player_needs_no_key(http: httpx.Client, anybody: httpx.Client, stack: RunningStack) -> None:
    """By the link in every answer with a track: whole, in ranges, its head alone, and not in the log."""
    content = tone_wav(0.5, seed=23)
    track = upload(http, content).json()
    url = track["audio"]["url"]
    assert datetime.fromisoformat(track["audio"]["expires_at"]) > datetime.now(UTC) + timedelta(minutes=44)
    for answer in (http.get(f"/v1/tracks/{track['id']}").json(), http.get("/v1/tracks").json()["items"][0]):
        assert anybody.get(answer["audio"]["url"]).content == content
    whole = anybody.get(url)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, content, track["media_type"])
    assert whole.headers["Cache-Control"].startswith("private, max-age=")
    head = anybody.head(url)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    part = anybody.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert anybody.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    log = (stack.folder / "logs" / "gateway.log").read_text()
    assert f"/v1/tracks/{track['id']}/audio?expires=" in log
    assert url.rpartition("=")[2] not in log
    assert http.delete(f"/v1/tracks/{track['id']}").status_code == 204
    assert anybody.get(url).status_code == 404


def test_a_link_opens_one_recording_alone(http: httpx.Client, anybody: httpx.Client, stack: RunningStack) -> None:
    """403 for another's, for an artifact's, for one that was changed or is over; 401 with neither link nor key."""
    first, second = (upload(http, tone_wav(0.2, seed=seed)).json() for seed in (24, 25))
    path, _, query = first["audio"]["url"].partition("?")
    signer = Signer(stack.settings.signing_secret.get_secret_value().encode(), 3600)
    _, _, for_artifact = signer.link(artifact_path(first["id"]), time()).url.partition("?")
    over = signer.link(audio_path(first["id"]), time() - 3600).url
    for url, code in (
        (f"/v1/tracks/{second['id']}/audio?{query}", "invalid_signature"),
        (f"/v1/artifacts/{first['id']}?{query}", "invalid_signature"),
        (f"{path}?{for_artifact}", "invalid_signature"),
        (f"{path}?{query.partition('&')[0]}", "invalid_signature"),
        (over, "signature_expired"),
    ):
        for caller in (anybody, http):
            answer = caller.get(url)
            assert (answer.status_code, answer.json()["code"]) == (403, code), url
    assert anybody.get(f"/v1/tracks/{first['id']}?{query}").status_code == 401
    assert anybody.get(path).status_code == 401


def test_a_hostile_file_name_stays_text(http: httpx.Client) -> None:
    """No path, no control characters, no broken header."""
    answer = upload(http, tone_wav(0.1, seed=22), '../../etc/pass"wd\r\nX-Evil: 1<b>.wav')
    track = answer.json()
    assert answer.status_code == 201
    assert "/" not in track["filename"]
    assert track["filename"].isprintable()
    audio = http.get(f"/v1/tracks/{track['id']}/audio")
    assert audio.status_code == 200
    assert "x-evil" not in audio.headers
