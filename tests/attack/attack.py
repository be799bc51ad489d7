"""An attack on a gateway: files, addresses, sockets and requests, while its health and memory are watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import psutil

from tests.attack.addresses import forbidden_urls
from tests.attack.crowds import endless_bodies, endless_lines, idle_clients, send_without_end, slow_clients
from tests.attack.files import hostile_files
from tests.attack.misbehaviours import SERVER_FAULT, Misbehaviour, misbehave, misbehaviours, tls_hello
from tests.attack.neighbours import Neighbours
from tests.attack.report import Report
from tests.attack.requests import Request, Requests, routes_with_json
from tests.attack.watch import watched
from tests.support import RunningStack, tone_wav

ATTACKED: Mapping[str, object] = {"webhook_allow": "", "webhook_http": True}
"""Settings of the gateway that is attacked."""
MOST_BYTES = 600 << 20
"""What it may take of memory; 400 MB that are read do not fit in."""
_OWNERS = 4
_THREADS = 6
_ANSWERS_WITHIN_S = 90.0
_ENDS_WITHIN_S = 600.0


@dataclass(frozen=True)
class Sizes:
    """How much of each kind is sent; at most, where there is only so much.

    Attributes:
        routes: those whose bodies in JSON have no end.
        endless_bytes: the size of such bodies, and of lines.
        idle: connections on which nothing is sent.
        costly: uploads by one key that are costly to read.
        silent_h: hours of silence that are classified beside another owner's clip.
        parallel: uploads at once by an owner who may store three.
        streams: open streams of events of a key that is revoked.
        lingers_s: seconds for which slow and idle clients stay.
    """

    requests: int
    files: int
    addresses: int
    sockets: int
    routes: int
    endless_bytes: int
    slow: int
    idle: int
    costly: int
    silent_h: float
    parallel: int
    streams: int
    lingers_s: float


class Attack:
    """Attacks one gateway of a stack.

    Args:
        gateway: the gateway's process.
        limited: another gateway of the stack, whose owners may store three recordings.
    """

    def __init__(self, stack: RunningStack, gateway: psutil.Process, limited: RunningStack, seed: int) -> None:
        self._stack = stack
        self._gateway = gateway
        self._seed = seed
        self._keys = [stack.new_key(f"attacker-{number}") for number in range(_OWNERS)]
        self._port = httpx.URL(stack.url).port or 80
        self._client = httpx.Client(base_url=stack.url, timeout=_ANSWERS_WITHIN_S)
        self.report = Report()
        self._neighbours = Neighbours(stack, limited, self.report, seed)

    def run(self, sizes: Sizes) -> Report:
        """Everything, one kind after the other; then waits for the accepted jobs. Raises nothing for what it finds."""
        phases: dict[str, Callable[[], None]] = {
            "nothing": lambda: time.sleep(2.0),
            "requests": lambda: self._requests(sizes.requests),
            "addresses": lambda: self._addresses(sizes.addresses),
            "sockets": lambda: self._sockets(sizes.sockets),
            "bodies and lines without end": lambda: self._endless(sizes.routes, sizes.endless_bytes),
            "slow clients": lambda: self._slow(sizes.slow, sizes.lingers_s),
            "idle clients": lambda: self._idle(sizes.idle, sizes.lingers_s),
            "files": lambda: self._files(sizes.files),
            "costly uploads": lambda: self._neighbours.beside_costly_uploads(sizes.costly),
            "hours of silence": lambda: self._neighbours.beside_silence(sizes.silent_h),
            "uploads beyond the quota": lambda: self._neighbours.pass_quota(sizes.parallel),
            "streams of revoked keys": lambda: self._neighbours.keep_streams(sizes.streams),
            "the end of the jobs": self._settle,
        }
        with self._client, watched(self._port, self._gateway, self.report.seen):
            for name, attack in phases.items():
                with self.report.phase(name):
                    attack()
        self.report.close()
        return self.report

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
        self._each(self._socket, iter([*misbehaviours()][:count]))
        tls_hello(self._port)
        self._go_on("after the sockets", 0.0)

    def _socket(self, _: int, how: Misbehaviour) -> None:
        self.report.count("sockets")
        if not misbehave(self._port, how):
            self.report.faults.append(f"socket: {how.name}: the server's fault")

    def _endless(self, routes: int, size: int) -> None:
        heads = [*endless_lines(), *endless_bodies(iter(routes_with_json()[:routes]), size, self._keys[0])]
        self._each(lambda _, head: self._endless_one(head, size), iter(heads))
        self._go_on("after what has no end", 0.0)

    def _endless_one(self, named: tuple[str, bytes], size: int) -> None:
        name, head = named
        self.report.count("bodies and lines without end")
        answer = send_without_end(self._port, head, size)
        if SERVER_FAULT.search(answer) or answer.startswith(b"HTTP/1.1 2"):
            self.report.faults.append(f"{name} without end: {answer[:200]!r}")

    def _slow(self, count: int, lingers_s: float) -> None:
        self.report.sent["slow clients"] += count
        with slow_clients(self._port, count, self._keys[0]):
            self._go_on("beside slow clients", lingers_s)

    def _idle(self, count: int, lingers_s: float) -> None:
        self.report.sent["idle clients"] += count
        with idle_clients(self._port, count):
            self._go_on("beside idle clients", lingers_s)

    def _go_on(self, when: str, lasts_s: float) -> None:
        """Right requests of another owner for so long, one at least, each on a connection of its own."""
        ends = time.monotonic() + lasts_s
        while True:
            began = time.monotonic()
            headers = self._headers(1) | {"Connection": "close"}
            status = self._send("right requests", when, headers, "GET", "/v1/tracks")
            if status not in {200, None}:
                self.report.faults.append(f"right requests: {when}: {status}")
            self.report.waited(f"longest right request {when}", time.monotonic() - began)
            if time.monotonic() >= ends:
                return
            time.sleep(0.05)

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
        self.report.count(kind)
        try:
            with self._client.stream(method, path, headers=dict(headers), **sent) as answer:  # type: ignore[arg-type]
                streams = answer.headers.get("content-type", "").startswith("text/event-stream")
                body = b"" if streams else answer.read()
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError):
            return None
        except httpx.HTTPError as error:
            self.report.faults.append(f"{kind}: {what}: {type(error).__name__}")
            return None
        self.report.count(kind, answer.status_code)
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
