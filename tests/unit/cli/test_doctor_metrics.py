"""What ``phonoscope doctor`` says of the metrics, without a service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from phonoscope.settings import Settings
from phonoscope_cli.doctor import metrics_findings
from phonoscope_local.ports import choose_port

GIVEN: dict[str, Any] = {
    "database_url": "postgresql+psycopg2://a:b@127.0.0.1/c",
    "broker_url": "redis://127.0.0.1/0",
    "s3_endpoint_url": "http://127.0.0.1:9000",
    "s3_access_key": "a",
    "s3_secret_key": "b",
    "signing_secret": "c" * 16,
}
OURS = 'phonoscope_processes{program="gateway",version="1"} 2.0\nphonoscope_processes{program="gpu",version="1"} 0.0\n'


def found(folder: Path, port: int, host: str = "127.0.0.1") -> dict[str, tuple[bool, str]]:
    settings = Settings(**GIVEN, metrics_port=port, metrics_host=host, metrics_dir=folder)
    return {each.subject: (each.well, each.found) for each in metrics_findings(settings)}


@pytest.fixture
def serving(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of somebody who answers everything with a status and a text."""
    status, text = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_off_is_no_fault(tmp_path: Path) -> None:
    """It is said how they are turned on."""
    assert found(tmp_path, 0) == {"metrics": (True, "off; PHONOSCOPE_METRICS_PORT turns them on")}


@pytest.mark.parametrize("serving", [(200, OURS)], indirect=True)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_port_that_serves_says_for_whom(tmp_path: Path, serving: int, host: str) -> None:
    """The programs that live, whatever the address says; a folder that is not there yet is no fault."""
    said = found(tmp_path / "not" / "yet", serving, host)
    assert said["metrics folder"] == (True, str(tmp_path / "not" / "yet"))
    assert said["metrics"][0]
    assert said["metrics"][1].startswith("2 gateway at ")
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    ("serving", "said"),
    [
        ((200, "<html>"), "is no Prometheus text"),
        ((200, "up 1\n"), "another program has"),
        ((500, "the folder of metrics cannot be read: No such file or directory\n"), "answers 500: the folder"),
    ],
    indirect=["serving"],
)
def test_what_is_wrong_at_the_port_is_said(tmp_path: Path, serving: int, said: str) -> None:
    """Another program, or one that cannot read its folder."""
    well, text = found(tmp_path, serving)["metrics"]
    assert not well
    assert said in text


def test_nobody_at_the_port_is_a_fault(tmp_path: Path) -> None:
    """The address is named."""
    port = choose_port(0)
    well, text = found(tmp_path, port)["metrics"]
    assert not well
    assert f"nobody answers at 127.0.0.1:{port}" in text


def test_a_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    """Such as a file in its place."""
    (tmp_path / "metrics").write_text("")
    well, text = found(tmp_path / "metrics", choose_port(0))["metrics folder"]
    assert not well
    assert f"nothing can be written in {tmp_path / 'metrics'}" in text
