"""The part of ``page.py`` that answers a classifier's review by keys, on a local stack."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
from page_limits import Limits
from playwright.sync_api import Page

from phonoscope.audio.encode import Encoder
from phonoscope.client import Client
from phonoscope.contract.classifiers import ClassifierRequest

RECORDINGS, CONFIRMED, ANSWERS, LISTENED_S = 12, 3, 10, 3.0
PLAYERS = """
window.players = [];
window.Audio = class extends Audio { constructor(...given) { super(...given); players.push(this); } };
"""
"""Keeps the audio elements that the page makes."""
_RATE_HZ, _LASTS_S, _LOWEST_HZ = 16_000, 5, {"low": 90.0, "high": 1_800.0}
_ENDS_MS = 120_000
_ASKED = ".asked a"
_HEARD = """
([before, link]) => document.querySelector(link)?.textContent !== before
  && players.some((each) => !each.paused && each.currentTime > 0.05)
"""


def taught(client: Client, folder: Path) -> None:
    """Has a classifier taught from a few of an owner's tones; the others are asked about."""
    jobs = {}
    for label, lowest_hz in _LOWEST_HZ.items():
        for number in range(RECORDINGS):
            path = _tone(folder / f"{label} {number}.flac", lowest_hz * 1.17**number)
            jobs[label, number] = client.analyze(path, ["embed"])
    for (label, number), job in jobs.items():
        track_id = client.wait(job).recording
        if number < CONFIRMED:
            client.say_label(track_id, label)
    client.create_classifier(ClassifierRequest(name="pitch", labels=list(_LOWEST_HZ)))
    client.taught("pitch")


def show_review(limits: Limits, page: Page, url: str) -> None:
    """Answers ten windows, each after three seconds of its sound, and waits until they are taught."""
    page.goto(f"{url}/classifiers/pitch/review")
    page.wait_for_function(_HEARD, arg=["", _ASKED], timeout=_ENDS_MS, polling="raf")
    began, took_ms = time.perf_counter(), []
    for _ in range(ANSWERS):
        page.wait_for_timeout(LISTENED_S * 1000)
        asked = page.locator(_ASKED).first.text_content()
        pressed = time.perf_counter()
        page.keyboard.press("y")
        page.wait_for_function(_HEARD, arg=[asked, _ASKED], timeout=_ENDS_MS, polling="raf")
        took_ms.append((time.perf_counter() - pressed) * 1000)
    limits.show(
        f"review: {ANSWERS} answers, each after {LISTENED_S:g} s of sound", time.perf_counter() - began, 60, "s"
    )
    limits.show("review: from an answer to the next sound, median", statistics.median(took_ms), 1_000, "ms")
    rounds = page.get_by_role("region", name="Accuracy by version").get_by_role("listitem")
    rounds.nth(1).wait_for(timeout=_ENDS_MS)


def _tone(path: Path, hertz: float) -> Path:
    time_s = np.arange(_LASTS_S * _RATE_HZ) / _RATE_HZ
    noise = 0.01 * np.random.default_rng(round(hertz)).standard_normal(len(time_s))
    with path.open("wb") as file, Encoder(file, _RATE_HZ, channels=1) as encoder:
        encoder.write((0.3 * np.sin(2 * np.pi * hertz * time_s) + noise)[None].astype(np.float32))
    return path
