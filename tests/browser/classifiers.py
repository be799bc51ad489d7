"""Classifiers of a visit's owner: what they are taught from, and what the API says of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import expect

from tests.browser.visit import Visit
from tests.support import authorities, tone_wav

PATIENCE_MS = 120_000
"""For a teaching."""


def api(here: Visit, path: str, **body: Any) -> Any:
    """What the API answers to this owner: to a POST where there is a body."""
    headers = {"Authorization": f"Bearer {here.key}"}
    with httpx.Client(base_url=here.url, headers=headers, timeout=60, verify=authorities()) as http:
        answer = http.post(path, json=body) if body else http.get(path)
        answer.raise_for_status()
        return answer.json()


def tone_library(here: Visit, folder: Path, count: int) -> dict[str, str]:
    """The ids of so many low and high tones, by name; three of each are confirmed to be that."""
    jobs = {}
    for name, lowest_hz in (("low", 90.0), ("high", 1_800.0)):
        for number in range(count):
            path = folder / f"{name}-{number}.wav"
            path.write_bytes(tone_wav(1.0, hertz=lowest_hz * 1.17**number, rate_hz=16_000, seed=number))
            jobs[path.stem] = here.client.analyze(path, ["embed"])
    tracks = {name: here.client.wait(job).recording for name, job in jobs.items()}
    for name in ("low", "high"):
        for number in range(3):
            here.client.say_label(tracks[f"{name}-{number}"], name)
    return tracks


def taught(here: Visit, name: str = "pitch", **more: Any) -> None:
    """Has one taught from the confirmed labels, and waits for it on its card."""
    api(here, "/v1/classifiers", name=name, labels=["low", "high"], **more)
    here.go(f"/classifiers/{name}")
    await_version(here, 1)


def await_version(here: Visit, version: int) -> None:
    state = here.page.get_by_role("status").filter(has_text=re.compile(rf"Version {version}, taught [^.]+\.\s*$"))
    expect(state).to_be_visible(timeout=PATIENCE_MS)


def said_of(here: Visit, track_id: str) -> set[tuple[str, str]]:
    return {(each.label, each.state.value) for each in here.client.labels(track_id).labels}


def await_said(here: Visit, track_id: str, labels: set[tuple[str, str]]) -> None:
    for _ in range(600):
        if said_of(here, track_id) == labels:
            return
        here.page.wait_for_timeout(100)
    assert said_of(here, track_id) == labels
