"""Classifiers of one's own, over HTTP on a whole stack: taught, read, taught again, reviewed, removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.support import RunningStack, tone_wav

LOW_HZ, HIGH_HZ = (220.0, 233.0, 247.0), (2_960.0, 3_100.0, 3_300.0)


def uploaded(http: httpx.Client, hertz: float, seconds: float = 1.0) -> str:
    """The id of a new track of one tone."""
    name = f"{hertz:g} Hz.wav"
    content = tone_wav(seconds, hertz=hertz, rate_hz=16_000, seed=int(hertz))
    answer = http.post("/v1/tracks", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def embedded(http: httpx.Client, track_id: str) -> str:
    job = http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["embed"]}).json()
    assert http.get(f"/v1/jobs/{job['id']}", params={"wait": 60}).json()["status"] == "succeeded"
    return track_id


def confirmed(http: httpx.Client, track_id: str, label: str, **span: float) -> None:
    said = http.post(f"/v1/tracks/{track_id}/labels", json={"label": label, **span})
    assert said.status_code == 200, said.text


def asked(http: httpx.Client, name: str, **changes: Any) -> httpx.Response:
    return http.post("/v1/classifiers", json={"name": name, **changes})


def until(http: httpx.Client, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The card, once something holds of it."""
    deadline = time.monotonic() + 120.0
    while True:
        card: dict[str, Any] = http.get(f"/v1/classifiers/{name}").json()
        if holds(card):
            return card
        assert time.monotonic() < deadline, card
        time.sleep(0.2)


def taught(http: httpx.Client, name: str, version: int = 1) -> dict[str, Any]:
    return until(http, name, lambda card: card["state"] == "ready" and card["version"] == version)


def test_a_classifier_is_taught_from_labels(http: httpx.Client, stack: RunningStack) -> None:
    """Recordings without vectors are embedded first; another owner sees none of it."""
    for hertz in LOW_HZ:
        confirmed(http, embedded(http, uploaded(http, hertz)), "low")
    for hertz in HIGH_HZ:
        confirmed(http, uploaded(http, hertz), "high")
    other = embedded(http, uploaded(http, 900.0, 3.0))
    made = asked(http, "pitch")
    assert made.status_code == 202, made.text
    assert made.headers["Location"] == "/v1/classifiers/pitch"
    assert (made.json()["state"], made.json()["version"], made.json()["figures"]) == ("embedding", 0, None)
    card = taught(http, "pitch")
    assert card["labels"] == ["high", "low"]
    assert card["figures"]["recordings"] == 6
    assert all(label["too_few"] for label in card["figures"]["labels"])
    assert card["figures"]["left_out"] == []
    assert card["space"]["id"] > 0
    job = http.get(f"/v1/jobs/{card['job_id']}").json()
    (task,) = job["tasks"]
    assert (task["name"], task["result"]["version"], task["result"]["labels"]) == ("teach", 1, ["high", "low"])
    assert {"gather_s", "teach_s", "choose_s"} <= task["timings"].keys()
    queue = http.get("/v1/classifiers/pitch/queue", params={"limit": 3}).json()
    assert queue["version"] == 1
    assert {item["track_id"] for item in queue["items"]} == {other}
    assert http.head(queue["items"][0]["audio_url"].partition("#")[0]).status_code == 200
    (version,) = http.get("/v1/classifiers/pitch/versions").json()["items"]
    assert (version["version"], version["digest"]) == (1, task["result"]["digest"])
    with stack.http("somebody-else") as stranger:
        assert stranger.get("/v1/classifiers").json() == {"items": []}
        for path in ("", "/versions", "/queue"):
            assert stranger.get(f"/v1/classifiers/pitch{path}").status_code == 404
        assert stranger.post("/v1/classifiers/pitch/teach").status_code == 404
        assert stranger.delete("/v1/classifiers/pitch").status_code == 404
    confirmed(http, other, "low", start_s=0.0, end_s=3.0)
    assert http.get("/v1/classifiers/pitch/queue").json()["items"] == []
    assert http.post("/v1/classifiers/pitch/teach").status_code == 202
    assert taught(http, "pitch", 2)["figures"]["recordings"] == 7
    assert [each["version"] for each in http.get("/v1/classifiers/pitch/versions").json()["items"]] == [2, 1]
    assert http.delete("/v1/classifiers/pitch").status_code == 204
    assert http.get("/v1/classifiers/pitch").status_code == 404
