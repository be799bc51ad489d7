"""Uploads that are costly to read hold up nobody but their owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from statistics import median
from time import perf_counter
from uuid import uuid4

import httpx
import pytest

from tests.support import RunningStack, tone_wav
from tests.unit.audio.hostile import HOSTILE
from tests.unit.audio.maker import Maker

UPLOADS = 48
KINDS = ("wav-after", "mp4-fragments", "mp4-free", "wav-before")


@pytest.mark.long
def test_costly_uploads_hold_up_no_other_owner(stack: RunningStack) -> None:
    """While one key's 48 files are read, another's uploads and the health check take about their usual time."""
    files = [HOSTILE[kind](Maker()) for kind in KINDS]
    costly, patient = f"costly-{uuid4()}", f"patient-{uuid4()}"
    with stack.http(costly) as hostile, stack.http(patient) as http, ThreadPoolExecutor(UPLOADS) as pool:
        usual_s = median(_upload_s(http, seed) for seed in range(5))
        sent = [pool.submit(_upload, hostile, files[at % len(files)] + bytes([at])) for at in range(UPLOADS)]
        next(as_completed(sent))
        upload_s = median(_upload_s(http, 100 + seed) for seed in range(5))
        health_s = max(_get_s(http, "/health/live") for _ in range(10))
        read_s = max(_get_s(http, "/v1/tracks") for _ in range(10))
        assert not all(one.done() for one in sent)
        assert {one.result().status_code for one in sent} <= {201, 422}
    # Seconds where it used to be minutes; the shares of a busy machine vary.
    assert upload_s < max(3 * usual_s, 20.0)
    assert max(health_s, read_s) < 20.0


def _upload(http: httpx.Client, content: bytes) -> httpx.Response:
    return http.post("/v1/tracks", files={"file": ("a", content)}, timeout=280)


def _upload_s(http: httpx.Client, seed: int) -> float:
    began = perf_counter()
    assert _upload(http, tone_wav(seed=seed)).status_code == 201
    return perf_counter() - began


def _get_s(http: httpx.Client, path: str) -> float:
    began = perf_counter()
    assert http.get(path).status_code == 200
    return perf_counter() - began
