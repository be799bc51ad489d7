"""An attack on a gateway: files, addresses, sockets and requests, while its health and memory are watched."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

from tests.attack.addresses import forbidden_urls
from tests.attack.files import hostile_files
from tests.attack.misbehaviours import misbehave, misbehaviours, slow_crowd, tls_hello
from tests.attack.requests import Request, Requests
from tests.support import RunningStack, tone_wav

_OWNERS = 4
_THREADS = 6
_LOOKS_EVERY_S = 0.05
_ANSWERS_WITHIN_S = 90.0
_ENDS_WITHIN_S = 600.0
_CROWD = 300


@dataclass
class Report:
    """What an attack met.

    Args:
        faults: what must never be: a status of 500 and more, a reset of a right request, an address let in.
        worst_stall_s: the longest time that ``/health/live`` took to answer.
        peak_bytes: the gateway's largest resident memory, without its children.
    """

    sent: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    jobs: set[tuple[str, str]] = field(default_factory=set)
    lost_jobs: list[str] = field(default_factory=list)
    worst_stall_s: float = 0.0
    stalled_during: str = ""
    peak_bytes: int = 0
    seconds: float = 0.0


class Attack:
    """Attacks one gateway of a stack.

    Args:
        gateway: the gateway's process.
    """

    def __init__(self, stack: RunningStack, gateway: psutil.Process, seed: int) -> None:
        self._stack = stack
        self._gateway = gateway
        self._seed = seed
        self._keys = [stack.new_key(f"attacker-{number}") for number in range(_OWNERS)]
        self._port = httpx.URL(stack.url).port or 80
        self._phase = "nothing"
        self._client = httpx.Client(base_url=stack.url, timeout=_ANSWERS_WITHIN_S)
        self.report = Report()

    def run(self, *, files: int, addresses: int, sockets: int, requests: int) -> Report:
        """Everything, one kind after the other; then waits for the accepted jobs. Raises nothing for what it finds."""
        begun = time.monotonic()
        with self._client, self._watched():
            self._do("requests", self._requests, requests)
            self._do("addresses", self._addresses, addresses)
            self._do("sockets", self._sockets, sockets)
            self._do("files", self._files, files)
            self._phase = "the end of the jobs"
            self._settle()
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _do(self, phase: str, what: Callable[[int], None], count: int) -> None:
        self._phase = phase
        what(count)

    def _requests(self, count: int) -> None:
        source = Requests(self._seed, self._known())
        self._each(self._request, source.some(count))

    def _known(self) -> Mapping[str, str]:
        """A track with a job, and a webhook, of the first owner."""
        headers = self._headers(0)
        sound = {"file": ("a.wav", tone_wav(1.0, seed=self._seed))}
        uploaded = self._client.post("/v1/jobs", files=sound, data={"tasks": "describe"}, headers=headers)
        made = self._client.post("/v1/webhooks", json={"url": "https://example.org/"}, headers=headers)
        job, hook = uploaded.raise_for_status().json(), made.raise_for_status().json()
        self.report.jobs.add((headers["Authorization"], job["id"]))
        return {"track_id": job["track_id"], "job_id": job["id"], "webhook_id": hook["id"], "name": "kinds"}

    def _request(self, number: int, request: Request) -> None:
        headers = self._headers(number) | dict(request.headers) if number % 10 else dict(request.headers)
        self._send("requests", str(request), headers, request.method, request.path, content=request.body)

    def _addresses(self, count: int) -> None:
        self._each(self._address, iter(forbidden_urls(count)))

    def _address(self, number: int, url: str) -> None:
        for where, body in (("/v1/webhooks", {"url": url}), ("/v1/jobs", {"track_id": "trk_none", "webhook_url": url})):
            status = self._send("addresses", url, self._headers(number), "POST", where, json=body)
            if status is not None and status < 400:
                self.report.faults.append(f"{where} let in {url!r}")

    def _sockets(self, count: int) -> None:
        crowd = slow_crowd(self._port, _CROWD)
        try:
            for how in [*misbehaviours()][:count]:
                self.report.sent["sockets"] += 1
                if not misbehave(self._port, how):
                    self.report.faults.append(f"socket: {how.name}: the server's fault")
            tls_hello(self._port)
            self._send("requests", "after the sockets", self._headers(0), "GET", "/v1/tracks")
        finally:
            for client in crowd:
                client.close()

    def _files(self, count: int) -> None:
        self._each(self._file, hostile_files(count, self._seed))

    def _file(self, number: int, file: tuple[str, bytes]) -> None:
        form = {"files": {"file": file}, "data": {"tasks": "describe"}}
        self._send("files", file[0], self._headers(number), "POST", "/v1/jobs", **form)

    def _each(self, what: Callable[[int, object], None] | Callable[..., None], items: Iterator[object]) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(what, number, item) for number, item in enumerate(items)]:
                done.result()

    def _send(
        self, kind: str, what: str, headers: Mapping[str, str], method: str, path: str, **sent: object
    ) -> int | None:
        """Sends one request; notes what its answer says. Its status, where it has one."""
        self.report.sent[kind] += 1
        try:
            with self._client.stream(method, path, headers=dict(headers), **sent) as answer:  # type: ignore[arg-type]
                streams = answer.headers.get("content-type", "").startswith("text/event-stream")
                body = b"" if streams else answer.read()
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError):
            return None
        except httpx.HTTPError as error:
            self.report.faults.append(f"{kind}: {what}: {type(error).__name__}")
            return None
        self.report.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.report.faults.append(f"{kind}: {what}: {answer.status_code} {body[:200]!r}")
        if method == "POST" and path == "/v1/jobs" and answer.status_code == 202:
            self.report.jobs.add((headers["Authorization"], httpx.Response(200, content=body).json()["id"]))
        return answer.status_code

    def _headers(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[number % len(self._keys)]}"}

    def _settle(self) -> None:
        """Waits until each accepted job has ended; one that does not is lost."""
        deadline = time.monotonic() + _ENDS_WITHIN_S
        for authorization, job_id in sorted(self.report.jobs):
            while not self._has_ended(authorization, job_id):
                if time.monotonic() > deadline:
                    self.report.lost_jobs.append(job_id)
                    break

    def _has_ended(self, authorization: str, job_id: str) -> bool:
        headers = {"Authorization": authorization}
        answer = self._client.get(f"/v1/jobs/{job_id}", params={"wait": 5}, headers=headers)
        if answer.status_code == 429:
            time.sleep(1.0)
            return False
        # A generated request may have erased the track, and its jobs with it.
        return answer.status_code == 404 or answer.json()["status"] in {"succeeded", "failed", "cancelled"}

    @contextmanager
    def _watched(self) -> Iterator[None]:
        stop = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(stop,))
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOKS_EVERY_S):
            begun = time.monotonic()
            while not self._lives() and not stop.is_set():
                pass
            stall_s = time.monotonic() - begun
            if stall_s > self.report.worst_stall_s:
                self.report.worst_stall_s, self.report.stalled_during = stall_s, self._phase
            self.report.peak_bytes = max(self.report.peak_bytes, self._gateway.memory_info().rss)

    def _lives(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWERS_WITHIN_S)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
