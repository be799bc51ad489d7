"""The tags and the cover of a recording, over HTTP: kept, shown, found and erased."""

from __future__ import annotations

import io
from pathlib import Path

import av
import httpx
import pytest

from phonoscope.client import Client
from phonoscope.storage import ObjectStore
from tests.corpus.tagged import id3, png
from tests.support import RunningStack, tone_wav

TITLE, ARTIST = "Łódź\u202e\x07 100%_", "Ólafur Arnalds"


def tagged(seed: int, cover: bytes = b"") -> bytes:
    """A WAV after an ID3 tag."""
    return id3([("TIT2", TITLE), ("TPE1", ARTIST), ("TRCK", "3/9")], cover=cover) + tone_wav(0.5, seed=seed)


def upload(http: httpx.Client, content: bytes) -> dict[str, object]:
    answer = http.post("/v1/tracks", files={"file": ("Untitled.wav", content)})
    assert answer.status_code == 201, answer.text
    track: dict[str, object] = answer.json()
    return track


def test_a_track_has_the_files_tags(http: httpx.Client) -> None:
    """In one line, without control characters; what the file leaves out is null."""
    track = upload(http, tagged(901))
    assert track["tags"] == {
        "title": "Łódź 100%_",
        "artist": ARTIST,
        "album": None,
        "album_artist": None,
        "date": None,
        "genre": None,
        "track_number": 3,
        "comment": None,
    }
    assert track["cover"] is None
    assert upload(http, tone_wav(0.5, seed=902))["tags"] == dict.fromkeys(track["tags"])


@pytest.mark.parametrize("text", ["łódź 100%_", "ÓLAFUR", "arnalds", "untitled.w"])
def test_a_track_is_found_by_its_tags(http: httpx.Client, text: str) -> None:
    """By any part of title and artist, whatever the case, as by its name."""
    track = upload(http, tagged(910 + len(text), b""))
    found = http.get("/v1/tracks", params={"q": text, "limit": 100}).json()["items"]
    assert track["id"] in {each["id"] for each in found}
    assert http.get("/v1/tracks", params={"q": text + "!"}).json()["items"] == []


def test_searches_by_sound_are_filtered_by_tags(client: Client, tmp_path: Path) -> None:
    """As the list is."""
    tracks = []
    for name, content in (("tagged.wav", tagged(930)), ("plain.wav", tone_wav(0.5, seed=931))):
        path = tmp_path / name
        path.write_bytes(content)
        tracks.append(client.wait(client.analyze(path, ["embed"])).recording)
    for words, found in ((None, tracks), ("ólafur", tracks[:1]), ("ŁÓDŹ", tracks[:1]), ("plain", tracks[1:])):
        answer = client.search(vector=[1.0] * 512, space="mobilenet", filters={"words": words})
        assert {item.track.id for item in answer.items} == set(found)


def test_a_cover_is_a_small_jpeg(http: httpx.Client, anybody: httpx.Client) -> None:
    """Made anew, at most 512 by 512, behind a signed link, with its type and nothing to guess."""
    track = upload(http, tagged(903, png(1_000, 600)))
    cover = track["cover"]
    assert isinstance(cover, dict)
    assert (cover["media_type"], cover["name"]) == ("image/jpeg", "cover.jpg")
    answer = anybody.get(cover["url"])
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.content) == cover["size_bytes"]
    with av.open(io.BytesIO(answer.content), "r") as image:
        frame = next(image.decode(video=0))
        assert (frame.width, frame.height) == (512, 307)


@pytest.mark.parametrize(
    "cover",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        png(4, 4)[:-20],
        b"<html>" * 100,
    ],
)
def test_what_is_no_image_is_no_cover(http: httpx.Client, cover: bytes) -> None:
    """The recording is kept all the same."""
    assert upload(http, tagged(920 + len(cover), cover))["cover"] is None


def test_a_cover_is_erased_with_its_track(stack: RunningStack, http: httpx.Client) -> None:
    """Row, object and link."""
    store = ObjectStore(stack.settings)
    track = upload(http, tagged(904, png(40, 40)))
    assert f"tracks/{track['id']}/cover.jpg" in list(store.keys(f"tracks/{track['id']}/"))
    assert http.delete(f"/v1/tracks/{track['id']}").status_code == 204
    assert list(store.keys(f"tracks/{track['id']}/")) == []
    assert http.get(track["cover"]["url"]).status_code == 404  # type: ignore[index]
