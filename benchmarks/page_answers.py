"""What ``page.py`` answers to a page's API requests: a library of 10,000 recordings."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route

TRACKS, PAGE, LABELS = 10_000, 100, 50


def answer(route: Route) -> None:
    address = urlsplit(route.request.url)
    first = int(parse_qs(address.query).get("cursor", ["0"])[0])
    answers: dict[str, Any] = {
        "tracks": {
            "items": [_track(number) for number in range(first, first + PAGE)],
            "next_cursor": str(first + PAGE) if first + PAGE < TRACKS else None,
        },
        "waveform": {"min": [-0.5] * 32, "max": [0.1 + number % 10 / 10 for number in range(32)], "rms": [0.1] * 32},
        "jobs": {"items": [], "next_cursor": None},
        "models": {"items": []},
        "collections": {"items": [], "next_cursor": None},
        "session": {"sign_in": None, "user": None},
        "library": {
            "tracks": TRACKS,
            "labels": [{"label": f"label_{at}", "tracks": TRACKS // LABELS} for at in range(LABELS)],
        },
        "map": {"model": "environment-50", "method": "umap", "trustworthiness": 0.94, "missing": 0, "points": _POINTS}
        | {"drawn_at": "2026-01-01T00:00:00Z", "job_id": None},
    }
    route.fulfill(status=200, content_type="application/json", body=json.dumps(answers[address.path.split("/")[-1]]))


def _track(number: int) -> dict[str, Any]:
    facts = {"media_type": "audio/wav", "container": "wav", "codec": "pcm_s16le", "warnings": [], "channels": 1}
    sizes = {"size_bytes": 441_044, "sample_rate_hz": 44_100, "duration_s": 5.0, "sha256": "0" * 64}
    name = {"id": f"trk_{number}", "filename": f"take-{number:05}.wav", "label": f"label_{number % LABELS}"}
    return name | facts | sizes | {"created_at": "2026-01-01T00:00:00Z"}


def _points() -> list[dict[str, Any]]:
    chance = random.Random(1)
    spread = [(chance.uniform(-0.8, 0.8), chance.uniform(-0.8, 0.8), chance.uniform(0.02, 0.15)) for _ in range(LABELS)]
    points = []
    for number in range(TRACKS):
        x, y, reach = spread[number % LABELS]
        place = {"x": chance.gauss(x, reach), "y": chance.gauss(y, reach)}
        place = {axis: max(-1.0, min(1.0, value)) for axis, value in place.items()}
        track = _track(number)
        points.append(
            {"track_id": track["id"]} | {key: track[key] for key in ("filename", "label", "duration_s")} | place
        )
    return points


_POINTS = _points()
