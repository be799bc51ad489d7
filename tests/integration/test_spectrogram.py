"""A spectrogram over HTTP: measured once by a worker, drawn by the gateway as its client would have it."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from phonoscope.client import ApiError, Client
from phonoscope.contract import SpectrogramLook
from tests.support import tone_wav

HERTZ = 1_000.0


def uploaded(http: httpx.Client, seconds: float = 3.0, seed: int | None = None) -> str:
    """A track of a tone, and the path of its spectrogram."""
    upload = http.post("/v1/tracks", files={"file": ("tone.wav", tone_wav(seconds, HERTZ, seed=seed))})
    return f"/v1/tracks/{upload.json()['id']}/spectrogram"


def seen(http: httpx.Client, url: str, **request: Any) -> httpx.Response:
    """The answer once there is one."""
    answer = http.get(url, **request)
    if answer.status_code == 202:
        assert http.get(answer.headers["Location"], params={"wait": 60}).json()["status"] == "succeeded"
        answer = http.get(url, **request)
    return answer


def test_a_spectrogram_is_measured_once(http: httpx.Client) -> None:
    """202 and one job before, however many ask, for the outline too; then a picture with the tone where it belongs."""
    url = uploaded(http)
    asked = [http.get(path) for path in (url, url, url.replace("spectrogram", "waveform"))]
    waited = [answer for answer in asked if answer.status_code == 202]
    assert waited
    assert len({answer.json()["id"] for answer in waited}) == 1
    assert waited[0].headers["Retry-After"]
    assert waited[0].headers["Vary"] == "Accept, Accept-Encoding"
    picture = seen(http, url)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    drawn = Image.open(io.BytesIO(picture.content))
    assert (drawn.format, drawn.size) == ("PNG", (1_000, 256))
    axes = http.get(url, headers={"Accept": "application/json"}).json()
    brightness = np.asarray(drawn.convert("RGB")).astype(int).sum(axis=2)[:, 500]
    up = (255 - int(brightness.argmax()) + 0.5) / 256
    found_hz = np.interp(up, np.linspace(0.0, 1.0, len(axes["edge_hz"])), axes["edge_hz"])
    assert found_hz == pytest.approx(HERTZ, rel=0.05)
    assert len(http.get("/v1/jobs", params={"track_id": axes["track_id"]}).json()["items"]) == 1


def test_the_axes_are_the_other_representation(http: httpx.Client) -> None:
    """By ``Accept`` and its qualities; each says that it varies by it, and what is neither is refused."""
    url = uploaded(http, seed=301)
    assert seen(http, url, headers={"Accept": "image/*"}).headers["Content-Type"] == "image/png"
    answer = http.get(
        url, params={"width": 300, "range_db": 60}, headers={"Accept": "image/png;q=0.4, application/json;q=0.5"}
    )
    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == ("application/json", "Accept, Accept-Encoding")
    axes = answer.json()
    assert axes["duration_s"] == pytest.approx(3.0)
    assert axes["sample_rate_hz"] == 44_100
    assert len(axes["start_s"]) == 300
    assert (len(axes["centre_hz"]), len(axes["edge_hz"])) == (128, 129)
    assert axes["ceiling_dbfs"] == pytest.approx(20 * np.log10(0.4), abs=4.0)
    assert axes["floor_dbfs"] == axes["ceiling_dbfs"] - 60.0
    assert axes["colour_map"] == "magma"
    refused = http.get(url, headers={"Accept": "text/html, image/jpeg"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_who_has_it_is_not_sent_it_again(http: httpx.Client) -> None:
    """304 for either representation by its own tag, and for the outline; nobody but its owner may keep it."""
    url = uploaded(http, seed=302)
    tags = set()
    for path, accept in (
        (url, "image/png"),
        (url, "application/json"),
        (url.replace("spectrogram", "waveform"), "*/*"),
    ):
        first = seen(http, path, headers={"Accept": accept})
        assert first.headers["Cache-Control"] == "private, no-cache"
        tags.add(first.headers["ETag"])
        again = http.get(path, headers={"Accept": accept, "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert http.get(path, headers={"Accept": accept, "If-None-Match": '"other"'}).content == first.content
    assert len(tags) == 3


def test_a_wrong_look_is_refused(http: httpx.Client) -> None:
    """422, and the field is named."""
    url = uploaded(http, seed=303)
    for name, value in (
        ("width", "15"),
        ("width", "4001"),
        ("height", "2049"),
        ("height", "many"),
        ("colour_map", "jet"),
        ("range_db", "0"),
        ("size", "3"),
    ):
        answer = http.get(url, params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name), (name, value)


def test_the_client_waits_for_a_spectrogram(client: Client, stranger: Client, tmp_path: Any) -> None:
    """One call for the picture and one for its axes; another owner learns nothing of either."""
    path = tmp_path / "a.wav"
    path.write_bytes(tone_wav(1.0, seed=304))
    track_id = client.upload(path).id
    look = SpectrogramLook(width=64, height=32, colour_map="gray")
    assert Image.open(io.BytesIO(client.spectrogram(track_id, look))).size == (64, 32)
    axes = client.spectrogram_axes(track_id, look)
    assert (axes.track_id, len(axes.start_s), axes.colour_map) == (track_id, 64, "gray")
    for ask in (stranger.spectrogram, stranger.spectrogram_axes):
        with pytest.raises(ApiError) as refusal:
            ask(track_id)
        assert refusal.value.status_code == 404
