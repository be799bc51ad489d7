"""What one owner must not do to another, and to limits: the other's uploads and jobs are timed beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier
from time import monotonic

import httpx

from phonoscope.contract import Scope
from tests.attack.report import Report
from tests.support import RunningStack, id_of, tone_wav
from tests.unit.audio.hostile import HOSTILE
from tests.unit.audio.maker import FORMATS, Maker

_MAKE = Maker()
_COSTLY = ("wav-after", "mp4-fragments", "mp4-free", "wav-before")
_LONGEST_S = 30.0
"""Another owner's upload or clip takes less on the slowest machine; without limits it took minutes."""
_STREAMS_END_WITHIN_S = 50.0
_MINUTES_OF_TONE = 90
_STORED = 3
"""What the limited gateway lets an owner store."""
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Neighbours:
    """Attacks by one owner, beside which others work.

    Args:
        limited: a gateway of the stack with small quotas.
        report: what is found is added to it.
    """

    def __init__(self, stack: RunningStack, limited: RunningStack, report: Report, seed: int) -> None:
        self._stack = stack
        self._limited = limited
        self._report = report
        self._seed = seed * 1000

    def beside_costly_uploads(self, count: int) -> None:
        """So many uploads at once by one key that are costly to read; another owner goes on uploading."""
        files = [HOSTILE[kind](_MAKE) for kind in _COSTLY]
        with self._http("costly") as hostile, self._http("patient") as patient, ThreadPoolExecutor(count) as pool:
            self._upload(patient, "another owner's upload, usually")
            sent = [pool.submit(_post, hostile, files[at % len(files)] + bytes([at])) for at in range(count)]
            while not all(one.done() for one in sent):
                self._upload(patient, f"another owner's upload beside {count} costly ones")
            self._note("costly uploads", sent, {201, 422, 429})

    def beside_silence(self, hours: float) -> None:
        """Hours of silence, less one minute, are classified; another owner's clip is not held up."""
        with self._http("silent") as silent, self._http("neighbour") as neighbour:
            self._classify(neighbour, "another owner's clip, usually")
            began = monotonic()
            job_id = self._job(silent, "classify,embed", repeated(0.0, round(hours * 60) - 1))
            for _ in range(5):
                self._classify(neighbour, f"another owner's clip beside {hours:g} h of silence")
            self._until_ended(silent, job_id, 400.0)
            self._report.waited(f"{hours:g} h of silence", monotonic() - began)

    def pass_quota(self, count: int) -> None:
        """So many uploads at the same moment by an owner who may store three: three are stored."""
        owner, start = f"greedy-{self._seed}", Barrier(count)

        def upload(number: int) -> httpx.Response:
            content = tone_wav(0.1, seed=self._seed + number)
            start.wait()
            return _post(http, content)

        with self._http(owner, self._limited) as http, ThreadPoolExecutor(count) as pool:
            sent = [pool.submit(upload, number) for number in range(count)]
            self._note("uploads beyond the quota", sent, {201, 429})
        with self._http(owner) as http:
            stored = len(http.get("/v1/tracks").raise_for_status().json()["items"])
        if stored != _STORED:
            self._report.faults.append(f"{stored} recordings of an owner who may store {_STORED}")

    def keep_streams(self, count: int) -> None:
        """A key is revoked under its open streams, then one with its job: the streams and the job end."""
        if not count:
            return
        owner = f"revoked-{self._seed}"
        with self._http(owner) as http, self._http(owner) as streaming, self._http(owner, scopes=[*Scope]) as admin:
            job_id = self._job(http, "separate", repeated(0.3, _MINUTES_OF_TONE), seen_by=admin)
            with _streams(streaming, job_id, count) as streams:
                _revoke(admin, streaming, {})
                began = monotonic()
                ended = Counter(one.result() for one in streams)
            self._report.sent["streams"] += count
            self._report.waited("streams after their key was revoked", monotonic() - began)
            if ended != {"": count} or monotonic() - began > _STREAMS_END_WITHIN_S:
                self._report.faults.append(f"streams of a revoked key: {dict(ended)}")
            _revoke(admin, http, {"cancel": "key"})
            began = monotonic()
            self._until_ended(admin, job_id, _STREAMS_END_WITHIN_S)
            self._report.waited("a job after its key was revoked", monotonic() - began)

    def _http(self, owner: str, gateway: RunningStack | None = None, scopes: list[Scope] | None = None) -> httpx.Client:
        key = self._stack.new_key(owner, scopes or [Scope.READ, Scope.WRITE])
        limits = httpx.Limits(max_connections=200)
        url = (gateway or self._stack).url
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=280, limits=limits)

    def _upload(self, http: httpx.Client, what: str) -> None:
        self._seed += 1
        began = monotonic()
        answer = _post(http, tone_wav(seed=self._seed))
        self._timed(what, monotonic() - began)
        if answer.status_code != 201:
            self._report.faults.append(f"{what}: {answer.status_code} {answer.text[:200]}")

    def _classify(self, http: httpx.Client, what: str) -> None:
        self._seed += 1
        began = monotonic()
        self._until_ended(http, self._job(http, "classify", tone_wav(seed=self._seed)), 300.0)
        self._timed(what, monotonic() - began)

    def _job(self, http: httpx.Client, tasks: str, content: bytes, seen_by: httpx.Client | None = None) -> str:
        """Asks for a job, which must end by itself; its id. ``seen_by`` has a key that is valid to the end."""
        answer = http.post("/v1/jobs", data={"tasks": tasks}, files={"file": ("a", content)})
        job_id = str(answer.raise_for_status().json()["id"])
        self._report.jobs.add(((seen_by or http).headers["Authorization"], job_id))
        return job_id

    def _timed(self, what: str, seconds: float) -> None:
        self._report.waited(what, seconds)
        if seconds > _LONGEST_S:
            self._report.faults.append(f"{what}: {seconds:.0f} s")

    def _until_ended(self, http: httpx.Client, job_id: str, within_s: float) -> None:
        deadline = monotonic() + within_s
        while http.get(f"/v1/jobs/{job_id}", params={"wait": 5}).raise_for_status().json()["status"] not in _ENDED:
            if monotonic() > deadline:
                self._report.faults.append(f"{job_id} has not ended after {within_s:.0f} s")
                return

    def _note(self, kind: str, sent: list[Future[httpx.Response]], right: set[int]) -> None:
        answers = Counter(one.result().status_code for one in sent)
        self._report.sent[kind] += len(sent)
        self._report.statuses += answers
        if wrong := answers.keys() - right:
            self._report.faults.append(f"{kind}: {sorted(wrong)}")


def repeated(level: float, minutes: int) -> bytes:
    """So many minutes of silence or of a tone as FLAC at 8 kHz, in a few bytes a second."""
    kind = replace(FORMATS["flac"], rate_hz=8_000)
    minute = _MAKE.encode(kind, level * _MAKE.tone(8_000, 60.0))
    return minute + minute[minute.index(b"\xff\xf8") :] * (minutes - 1)


def _post(http: httpx.Client, content: bytes) -> httpx.Response:
    return http.post("/v1/tracks", files={"file": ("a", content)})


@contextmanager
def _streams(http: httpx.Client, job_id: str, count: int) -> Iterator[list[Future[str]]]:
    """Open streams of a job's events. At its end each gives what was wrong: a status, or that the job completed."""
    opened = Barrier(count + 1)

    def follow() -> str:
        with http.stream("GET", f"/v1/jobs/{job_id}/events") as events:
            lines = events.iter_lines()
            first = next(lines, "")
            opened.wait(60.0)
            last = [line for line in (first, *lines) if line == "event: completed"]
            return f"{events.status_code}" if events.status_code != 200 else "".join(last)

    with ThreadPoolExecutor(count) as pool:
        streams = [pool.submit(follow) for _ in range(count)]
        opened.wait(60.0)
        yield streams


def _revoke(admin: httpx.Client, client: httpx.Client, how: dict[str, str]) -> None:
    key_id = id_of(client.headers["Authorization"].removeprefix("Bearer "))
    admin.delete(f"/v1/keys/{key_id}", params=how).raise_for_status()
