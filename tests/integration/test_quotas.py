"""Quotas over HTTP, before a gateway whose owners may do little."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import ApiError, Client
from phonoscope.contract import Quota
from tests.support import RunningStack, tone_wav

BURST = 50


@pytest.fixture
def owner(limited: RunningStack) -> Iterator[Client]:
    with limited.client(f"owner-{uuid4()}") as client:
        yield client


@pytest.fixture
def http(limited: RunningStack) -> Iterator[httpx.Client]:
    with limited.http(f"owner-{uuid4()}") as client:
        yield client


def wav(tmp_path: Path, seed: int) -> Path:
    path = tmp_path / f"{seed}.wav"
    path.write_bytes(tone_wav(0.5, seed=seed))
    return path


def refused(call: Callable[[], object]) -> str:
    """The code of the quota that refuses the call, after a look at its answer."""
    with pytest.raises(ApiError) as error:
        call()
    assert error.value.status_code == 429
    assert error.value.retry_in_s >= 1
    assert error.value.problem["retryable"] is True
    return error.value.code


@pytest.mark.long
def test_requests_are_limited_by_owner_and_say_so(limited: RunningStack, http: httpx.Client) -> None:
    """A burst is served, then 429 with all headers; another owner is served; after the wait there is one again."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: http.get("/v1/models"), range(BURST + 250)))
    served = [answer for answer in answers if answer.status_code == 200]
    over = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(over) == len(answers)
    assert BURST <= len(served) < len(answers)
    assert over[-1].json()["code"] == "request_quota_exceeded"
    assert re.fullmatch(r'"requests";q=50;w=10', over[-1].headers["RateLimit-Policy"])
    assert re.fullmatch(r'"requests";r=0;t=\d+', over[-1].headers["RateLimit"])
    assert int(over[-1].headers["Retry-After"]) >= 1
    left = [int(re.findall(r"r=(\d+)", answer.headers["RateLimit"])[0]) for answer in served]
    assert max(left) == BURST - 1
    with limited.http(f"another-{uuid4()}") as another:
        assert another.get("/v1/models").status_code == 200
    sleep(int(over[-1].headers["Retry-After"]))
    assert http.get("/v1/models").status_code == 200


@pytest.mark.long
def test_what_an_owner_stores_and_queues_is_limited(owner: Client, tmp_path: Path) -> None:
    """Each quota refuses by its own code, and what is freed can be used again; usage says all of it."""
    tracks = [owner.upload(wav(tmp_path, seed)) for seed in range(3)]
    assert refused(lambda: owner.upload(wav(tmp_path, 3))) == "stored_tracks_quota_exceeded"
    assert owner.upload(wav(tmp_path, 0)).id == tracks[0].id
    owner.delete_track(tracks[2].id)
    tracks[2] = owner.upload(wav(tmp_path, 4))
    usage = {quota.name: quota for quota in owner.usage().quotas}
    assert set(usage) == set(Quota)
    assert (usage[Quota.STORED_TRACKS].used, usage[Quota.STORED_TRACKS].limit) == (3, 3)
    assert usage[Quota.STORED_BYTES].used == sum(track.size_bytes for track in tracks)
    assert (usage[Quota.UPLOADS].used, usage[Quota.UPLOADS].limit) == (6, 12)
    assert usage[Quota.UPLOADS].resets_at is not None
    for seed in range(5, 11):
        with pytest.raises(ApiError):
            owner.upload(wav(tmp_path, seed))
    assert refused(lambda: owner.upload(wav(tmp_path, 0))) == "upload_quota_exceeded"
    assert refused(lambda: owner.analyze(wav(tmp_path, 0))) == "upload_quota_exceeded"


@pytest.mark.long
def test_open_streams_are_limited_and_closing_one_frees_it(
    stack: RunningStack, limited: RunningStack, tmp_path: Path
) -> None:
    """The second stream is refused while the first is open; a stream at its end is closed by itself."""
    key = stack.new_key(f"owner-{uuid4()}")
    with (
        Client(limited.url, key) as owner,
        httpx.Client(base_url=limited.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
    ):
        path = tmp_path / "long.wav"
        path.write_bytes(tone_wav(60.0, seed=9))
        job = owner.analyze(path, ["classify", "describe"])
        with http.stream("GET", f"/v1/jobs/{job.id}/events") as first:
            assert first.status_code == 200
            second = http.get(f"/v1/jobs/{job.id}/events")
            if second.status_code != 204:
                assert (second.status_code, second.json()["code"]) == (429, "open_stream_quota_exceeded")
        deadline = monotonic() + 30
        while {quota.name: quota.used for quota in owner.usage().quotas}[Quota.OPEN_STREAMS]:
            assert monotonic() < deadline
            sleep(0.3)
        assert owner.wait(job).status.ended


def test_test_deliveries_are_limited(owner: Client) -> None:
    hook = owner.create_webhook("https://8.8.8.8/hook")
    owner.test_webhook(hook.id)
    assert refused(lambda: owner.test_webhook(hook.id)) == "delivery_test_quota_exceeded"


def test_wrong_keys_are_slowed_and_right_ones_are_served(limited: RunningStack, http: httpx.Client) -> None:
    """After twenty within a minute 429; a right key from there and a wrong one from elsewhere are treated as ever."""
    wrong = {"Authorization": "Bearer psk_nobody_nothing"}

    def guesses(source: str, count: int) -> list[httpx.Response]:
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=30) as client:
            return [client.get(f"{limited.url}/v1/tracks", headers=wrong) for _ in range(count)]

    answers = guesses("127.0.0.7", 30)
    assert [answer.status_code for answer in answers[:20]] == [401] * 20
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "too_many_wrong_keys"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert guesses("127.0.0.8", 1)[0].status_code == 401
    with httpx.Client(
        transport=httpx.HTTPTransport(local_address="127.0.0.7"), headers=http.headers, timeout=30
    ) as right:
        assert right.get(f"{limited.url}/v1/tracks").status_code == 200
