"""The programs of the service, with a collector that their spans come to."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from phonoscope.client import Client
from phonoscope.contract import Job
from phonoscope.db.access.engine import Database
from phonoscope.settings import Settings
from phonoscope_local.processes import wait_until
from tests.collector import CollectedSpan, Collector, collecting
from tests.integration.gateway_process import Gateway, gateway_with
from tests.integration.life import empty
from tests.support import environment, tone_wav

LIMIT_S = 120.0


@dataclass
class Traced:
    """A gateway, a CPU worker and a courier, whose spans come to one collector.

    Attributes:
        told: the headers of each event that an endpoint has got, and its body.
    """

    collector: Collector
    gateway: Gateway
    settings: Settings
    receiver: str
    logs: dict[str, Path]
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def client(self, owner: str, headers: dict[str, str] | None = None) -> Client:
        client = Client(self.gateway.url, self.gateway.new_key(owner))
        client._http.headers.update(headers or {})
        return client


@contextmanager
def receiving(told: list[tuple[dict[str, str], bytes]]) -> Iterator[str]:
    """The address of an endpoint that thanks for every event, but below ``refused``, where it has none."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            refused = self.path.endswith("refused")
            if not refused:
                told.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(500 if refused else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/told"
        server.shutdown()
        thread.join()


@contextmanager
def program(name: str, settings: Settings, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another program of the service, until the end."""
    command = [sys.executable, "-m", f"phonoscope_{name}", *words]
    environ = os.environ | environment(settings)
    with log.open("wb") as file, subprocess.Popen(command, env=environ, stderr=file) as process:
        try:
            yield process
        finally:
            started = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                for each in (*started, psutil.Process(process.pid)):
                    with suppress(psutil.Error):
                        each.kill()


@contextmanager
def traced_service(server_settings: Settings, database_url: str, folder: Path, **changes: object) -> Iterator[Traced]:
    """The programs on these servers, with an empty database and a collector that is there."""
    database = Database(database_url, pool_size=1)
    empty(database)
    database.close()
    told = list[tuple[dict[str, str], bytes]]()
    logs = {name: folder / f"{name}.log" for name in ("gateway", "cpu", "courier")}
    with pytest.MonkeyPatch.context() as patch, collecting() as collector, receiving(told) as receiver:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        # FastAPI's own telemetry would send paths and queries there.
        patch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        own = {"otlp_endpoint": collector.url, "metrics_port": 0, "log_format": "json", "cache_dir": folder}
        settings = server_settings.model_copy(update=own | changes)
        with ExitStack() as running:
            gateway = running.enter_context(gateway_with(settings, logs["gateway"]))
            running.enter_context(program("cpu", settings, logs["cpu"], "--lane", "short"))
            running.enter_context(program("courier", settings, logs["courier"]))
            yield Traced(collector, gateway, settings, receiver, logs, told)


def recording(folder: Path, seed: int) -> Path:
    path = folder / f"confidential-{seed}.wav"
    path.write_bytes(tone_wav(1.0, rate_hz=8_000, seed=seed))
    return path


def described(traced: Traced, client: Client, path: Path, webhook_url: str = "") -> Job:
    """A job in one request with its recording, ended, whose event is delivered."""
    client.make_default_secret()
    with path.open("rb") as file:
        form = {"tasks": "describe", "webhook_url": webhook_url or traced.receiver}
        answer = client._http.post("/v1/jobs", data=form, files={"file": (path.name, file)})
    assert answer.status_code == 202, answer.text
    return client.wait(client.job(answer.json()["id"]))


def spans_of(traced: Traced, trace: str, *needed: str) -> list[CollectedSpan]:
    """All spans of a trace, once some with these names have come."""

    def found() -> list[CollectedSpan]:
        return [each for each in list(traced.collector.spans) if each.trace == trace]

    assert wait_until(lambda: set(needed) <= {each.name for each in found()}, LIMIT_S), found()
    return found()
