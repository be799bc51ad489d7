"""Parts of a track's pictures over HTTP, at every resolution, to the sample."""

from __future__ import annotations

import io
import wave
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from phonoscope.audio.decode import Recording
from tests.unit.audio.maker import Format, Maker

RATE_HZ = 8_000
CLICK_S, CLICK_SAMPLES = 150.0, 36


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """170 s of a quiet tone, with a click of 4.5 ms; more than a unit that the gateway decodes at once."""
    time_s = np.arange(170 * RATE_HZ) / RATE_HZ
    found = 0.1 * np.sin(2 * np.pi * 1_000.0 * time_s)
    at = round(CLICK_S * RATE_HZ)
    found[at : at + CLICK_SAMPLES] = 0.8
    return (found * 32_767).astype("<i2")


@pytest.fixture
def path(http: httpx.Client, samples: np.ndarray) -> str:
    """The path of a track with these samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    track = http.post("/v1/tracks", files={"file": ("click.wav", buffer.getvalue())}).json()
    return f"/v1/tracks/{track['id']}"


def levels(http: httpx.Client, path: str) -> dict[str, Any]:
    """Once there are any."""
    answer = http.get(f"{path}/levels")
    if answer.status_code == 202:
        job = {"status": "queued"}
        while job["status"] in {"queued", "running"}:
            job = http.get(answer.headers["Location"], params={"wait": 10}).json()
        assert job["status"] == "succeeded", job
        answer = http.get(f"{path}/levels")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outline(http: httpx.Client, path: str, level: int, number: int) -> np.ndarray:
    answer = http.get(f"{path}/waveform/tiles/{level}/{number}")
    assert answer.status_code == 200, answer.text
    found: np.ndarray = np.load(io.BytesIO(answer.content), allow_pickle=False)
    return found


@pytest.mark.long
def test_every_level_has_what_the_samples_have(http: httpx.Client, path: str, samples: np.ndarray) -> None:
    """The lowest and the highest, at level 0 the samples; a click has its own width wherever it is."""
    found = levels(http, f"{path}/waveform")
    assert (found["samples"], found["sample_rate_hz"]) == (len(samples), RATE_HZ)
    assert [each["level"] for each in found["levels"]] == [0, 1, 2, 3, 4, 5]
    assert (found["kept_level"], found["levels"][-1]["tiles"]) == (3, 1)
    sound = samples / 32_768
    assert found["peak"] == pytest.approx(0.8, abs=1e-3)
    for level in (0, 2, 3, 4, 5):
        width, tile = 4**level, found["tile_items"]
        number = int(CLICK_S * RATE_HZ) // (width * tile)
        got = outline(http, path, level, number)
        first = number * tile * width
        expected = sound[first : first + tile * width]
        starts = np.arange(0, len(expected), width)
        assert got[:, 0] == pytest.approx(np.minimum.reduceat(expected, starts), abs=1e-3), level
        assert got[:, 1] == pytest.approx(np.maximum.reduceat(expected, starts), abs=1e-3), level
        loud = np.flatnonzero(got[:, 1] > 0.4)
        assert loud[0] * width + first <= CLICK_S * RATE_HZ < (loud[0] + 1) * width + first
        assert (len(loud) - 2) * width < CLICK_SAMPLES <= len(loud) * width


@pytest.mark.long
def test_columns_are_computed_for_the_part_that_is_asked_for(http: httpx.Client, path: str) -> None:
    """A click is a few milliseconds wide at the finest level; tiles join without a seam."""
    found = levels(http, f"{path}/spectrogram")
    assert (found["kept_level"], found["levels"][0]["level"]) == (5, 2)
    assert found["lowest_dbfs"] + 255 * found["step_db"] == 0.0
    tones = []
    for level in (2, 3, 4, 5):
        width, tile = 4**level, found["tile_items"]
        number = int(CLICK_S * RATE_HZ) // (width * tile)
        answer = http.get(f"{path}/spectrogram/tiles/{level}/{number}")
        picture = np.asarray(Image.open(io.BytesIO(answer.content)))[::-1]
        assert picture.shape == (128, min(tile, -(-found["samples"] // width) - number * tile))
        power = 10.0 ** ((found["lowest_dbfs"] + found["step_db"] * picture) / 10.0)
        tones.append(10.0 * np.log10(np.median(power.sum(axis=0))))
        if level == 2:
            rise = picture[100:].mean(axis=0)
            wide_s = np.count_nonzero(rise > (rise.max() + rise.min()) / 2) * width / RATE_HZ
            assert wide_s < 0.03
    assert tones == pytest.approx([-20.0] * 4, abs=0.5)
    both = [
        np.asarray(Image.open(io.BytesIO(http.get(f"{path}/spectrogram/tiles/2/{number}").content)))
        for number in (2, 3)
    ]
    assert np.abs(both[0][:, -1].astype(int) - both[1][:, 0]).max() <= 12


@pytest.mark.long
def test_a_window_is_chosen_for_a_tile(http: httpx.Client, path: str) -> None:
    """A click is wider the longer the window, also where columns are kept; each has its own tag."""
    found = levels(http, f"{path}/spectrogram")
    assert (found["windows"], found["windowed_level"]) == ([512, 1_024, 2_048, 4_096, 8_192], 6)
    for level in (2, found["kept_level"], 6):
        width, tags = 4**level, set()
        number, place = divmod(int(CLICK_S * RATE_HZ) // width, found["tile_items"])
        loud = []
        for window in (512, 8_192):
            answer = http.get(f"{path}/spectrogram/tiles/{level}/{number}", params={"window": window})
            assert answer.status_code == 200, answer.text
            tags.add(answer.headers["ETag"])
            high = np.asarray(Image.open(io.BytesIO(answer.content)))[:28].mean(axis=0)
            assert abs(int(high.argmax()) - place) <= max(1, window // width)
            loud.append(np.count_nonzero(high > high.max() - 20))
        assert len(tags) == 2
        assert loud[1] > loud[0], level


@pytest.mark.long
def test_tiles_are_kept_for_good_by_their_version(http: httpx.Client, path: str) -> None:
    """With the version that `levels` names; by any other name they are asked for again, and answered 304."""
    version = levels(http, f"{path}/waveform")["version"]
    url = f"{path}/waveform/tiles/4/0"
    kept = http.get(url, params={"version": version})
    assert kept.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert kept.headers["Vary"] == "Authorization, Cookie"
    other = http.get(url, params={"version": "art_of_before"})
    assert other.headers["Cache-Control"] == "private, no-cache"
    again = http.get(url, headers={"If-None-Match": other.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["waveform", "spectrogram"])
def test_what_is_no_tile_is_refused_by_its_field(http: httpx.Client, path: str, kind: str) -> None:
    """A level that there is not, a number past the last, and what is no number."""
    levels(http, f"{path}/{kind}")
    for level, number, field in (
        ("30", "0", "level"),
        ("99", "0", "level"),
        ("-1", "0", "level"),
        ("x", "0", "level"),
        ("5", "7", "number"),
        ("5", "-1", "number"),
        ("5", "99999999999999999999", "number"),
    ):
        answer = http.get(f"{path}/{kind}/tiles/{level}/{number}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), (level, number, answer.text)
    if kind == "spectrogram":
        for level, window, field in (
            ("2", "500", "window"),
            ("2", "1024.5", "window"),
            ("2", "", "window"),
            ("7", "512", "level"),
        ):
            answer = http.get(f"{path}/spectrogram/tiles/{level}/0", params={"window": window})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), (window, answer.text)
        assert http.get(f"{path}/spectrogram/tiles/1/0").json()["errors"][0]["field"] == "level"


@pytest.mark.long
def test_the_sound_comes_in_parts(http: httpx.Client, path: str, samples: np.ndarray) -> None:
    """Each from its own second on, to the sample, and a little into the next; what is none is refused by its field."""
    levels(http, f"{path}/waveform")
    both = (np.tile(samples, (2, 1)) / 32_768).astype(np.float32)
    for number in (0, 2, 5):
        answer = http.get(f"{path}/audio/parts/{number}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/flac")
        with Recording(io.BytesIO(answer.content)) as part:
            found = np.concatenate([block.samples for block in part.blocks()], axis=1)
        start = number * 30 * RATE_HZ
        assert np.array_equal(found, both[:, start : start + round(30.25 * RATE_HZ)]), number
        again = http.get(f"{path}/audio/parts/{number}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    for none in ("6", "-1", "x"):
        answer = http.get(f"{path}/audio/parts/{none}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "number"), answer.text


@pytest.mark.long
def test_others_have_no_tiles(http: httpx.Client, path: str, stranger: Any) -> None:
    """404 for another owner, whatever the version; 401 without a key."""
    version = levels(http, f"{path}/waveform")["version"]
    for name in ("waveform/levels", "audio/parts/0", f"waveform/tiles/0/0?version={version}", "spectrogram/tiles/2/0"):
        answer = httpx.get(
            f"{http.base_url}{path}/{name}".replace("//v1", "/v1"),
            headers={"Authorization": stranger._http.headers["Authorization"]},
            timeout=60,
        )
        assert answer.status_code == 404, name
        assert httpx.get(f"{http.base_url}{path}/{name}".replace("//v1", "/v1"), timeout=60).status_code == 401


@pytest.mark.long
def test_many_at_once_are_answered(http: httpx.Client, path: str) -> None:
    """As many as a page asks for, and more: each is right, and the recording is decoded once for all of them."""
    levels(http, f"{path}/waveform")
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda number: outline(http, path, 0, number), range(24)))
    assert all(len(each) == 4_096 for each in found)


@pytest.mark.long
@pytest.mark.parametrize("name", ["wav", "mkv", "flac"])
def test_late_parts_are_as_fine_as_early_ones(http: httpx.Client, name: str) -> None:
    """After a quarter of an hour each sample is there, and the columns of every level, beside a mark in silence."""
    rate_hz, marks_s = 500, (300.0, 1_000.25)
    silence = np.full(1_020 * rate_hz, 128, dtype=np.uint8)
    for at_s in marks_s:
        silence[round(at_s * rate_hz)] = 255
    path = uploaded(http, *_file(name, silence, rate_hz))
    found = levels(http, f"{path}/waveform")
    assert (found["detail_end_s"], found["duration_s"]) == (1_020.0, 1_020.0)
    for at_s in marks_s:
        at = round(at_s * rate_hz)
        for level in (0, 1, 2):
            number, place = divmod(at // 4**level, found["tile_items"])
            loud = np.flatnonzero(outline(http, path, level, number)[:, 1] > 0.5)
            assert loud.tolist() == [place], (at_s, level)
    finest = levels(http, f"{path}/spectrogram")["levels"][0]["level"]
    number, place = divmod(round(marks_s[1] * rate_hz) // 4**finest, 512)
    answer = http.get(f"{path}/spectrogram/tiles/{finest}/{number}")
    picture = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert abs(int(picture.sum(axis=0).argmax()) - place) <= 1


def _file(name: str, samples: np.ndarray, rate_hz: int) -> tuple[str, bytes]:
    """Samples of eight bits in a file; in FLAC two that are joined."""
    if name == "wav":
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(samples.itemsize)
            file.setframerate(rate_hz)
            file.writeframes(samples.tobytes())
        return "long.wav", buffer.getvalue()
    make, wide = Maker(), (samples.astype(np.int16) - 128)[None] << 8
    if name == "mkv":
        kind = Format("matroska", "pcm_s16le", "matroska", "audio/matroska")
        return "long.mkv", make.encode(kind, wide, rate_hz=rate_hz, at_once=500)
    pieces = np.split(wide, [700 * rate_hz], axis=1)
    return "two.flac", b"".join(make.encode(make.formats["flac"], piece, rate_hz=rate_hz) for piece in pieces)


def uploaded(http: httpx.Client, name: str, content: bytes) -> str:
    """The path of a track."""
    answer = http.post("/v1/tracks", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return f"/v1/tracks/{answer.json()['id']}"
