"""Names and notes that owners give their recordings, over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Scope, TrackChange
from tests.support import RunningStack, tone_wav


def new_track(http: httpx.Client, seed: int, name: str = "take-3.wav") -> str:
    answer = http.post("/v1/tracks", files={"file": (name, tone_wav(0.2, rate_hz=8_000, seed=seed))})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def change(http: httpx.Client, track_id: str, **body: object) -> httpx.Response:
    return http.patch(f"/v1/tracks/{track_id}", json=body)


def found(http: httpx.Client, **asked: str) -> list[str]:
    return [each["id"] for each in http.get("/v1/tracks", params=asked).json()["items"]]


def test_a_name_is_shown_found_and_sorted_by(http: httpx.Client) -> None:
    """Beside the file's own, which is kept; both are found, in every form of Unicode; downloads have it."""
    one, other = new_track(http, 900), new_track(http, 901, "m.wav")
    made = change(http, one, name="  Zoe\u0308 / live ").json()
    assert (made["name"], made["filename"], made["revision"]) == ("Zoë / live", "take-3.wav", 1)
    assert [found(http, q=text) for text in ("ZOË", "zoe\u0308 /", "take-3", "zoo")] == [[one], [one], [one], []]
    assert found(http, sort="name") == [other, one]
    searched = http.post("/v1/search", json={"text": "tone", "filters": {"words": "zoë"}})
    assert searched.status_code in (200, 422), searched.text
    audio = http.get(made["audio"]["url"])
    assert "Zo%C3%AB%20-%20live.wav" in audio.headers["Content-Disposition"]
    assert change(http, one, name=None).json()["name"] is None
    assert found(http, q="zoë") == []


def test_notes_are_lines(http: httpx.Client) -> None:
    """In one form; what is left out stays, null and nothing remove them, and no change is none."""
    track_id = new_track(http, 902)
    assert change(http, track_id, notes="one\r\ne\u0301t\u00e9 \n").json()["notes"] == "one\n\u00e9t\u00e9"
    named = change(http, track_id, name="bell").json()
    assert (named["notes"], named["revision"]) == ("one\nété", 2)
    assert change(http, track_id, name="bell").json()["revision"] == 2
    assert change(http, track_id, notes=None).json()["notes"] == ""
    assert http.patch(f"/v1/tracks/{track_id}").json()["name"] == "bell"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "e\u0301" * 5_000}, "name"),
        ({"name": 3}, "name"),
        ({"notes": "a\x00b"}, "notes"),
        ({"notes": "a\x1b[2J"}, "notes"),
        ({"notes": "x" * 4_001}, "notes"),
        ({"filename": "other.wav"}, "filename"),
    ],
)
def test_what_is_no_name_is_refused_by_field(http: httpx.Client, body: dict[str, object], field: str) -> None:
    """422, and nothing is changed."""
    track_id = new_track(http, 903)
    answer = change(http, track_id, **body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert http.get(f"/v1/tracks/{track_id}").json()["revision"] == 0


def test_a_change_that_came_first_is_not_lost(http: httpx.Client, stranger: Client) -> None:
    """412 by its revision; another owner's recording does not exist."""
    track_id = new_track(http, 904)
    path = f"/v1/tracks/{track_id}"
    first = http.patch(path, json={"name": "one"}, headers={"If-Match": '"0"'})
    late = http.patch(path, json={"name": "two"}, headers={"If-Match": '"0"'})
    assert (first.status_code, late.status_code, late.json()["code"]) == (200, 412, "precondition_failed")
    assert http.patch(path, json={"name": "two"}, headers={"If-Match": "3"}).status_code == 422
    assert http.get(path).json()["name"] == "one"
    with pytest.raises(ApiError) as refusal:
        stranger.change_track(track_id, TrackChange(name="mine"))
    assert refusal.value.status_code == 404


def test_the_audit_log_says_what_was_changed(stack: RunningStack, tmp_path: Path) -> None:
    """By which key, and not to what: the log outlives what it is about."""
    path = tmp_path / "tone.wav"
    path.write_bytes(tone_wav(0.2, rate_hz=8_000, seed=905))
    with Client(stack.url, stack.new_key("named", [*Scope])) as client:
        track_id = client.upload(path).id
        client.change_track(track_id, TrackChange(name="secret name", notes="secret notes"), 0)
        [entry] = client.audit(action="track.changed").items
    assert (entry.subject, entry.details) == (track_id, {"changed": ["name", "notes"]})
