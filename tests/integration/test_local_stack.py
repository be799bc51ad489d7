"""The local stack with its real servers, through the commands that people use."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
from redis import Redis
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.errors import StackError
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_local import read_credentials, stack_settings
from phonoscope_local.control import running, start_detached, stop
from phonoscope_local.lock import is_free
from phonoscope_local.state import Run, StackState
from tests.integration.stacks import alive, eventually, key_of, listening, status, tree
from tests.support import RunningStack, phonoscope

PARTS = ("postgres", "valkey", "objects", "gateway", "gpu", "gpu-long", "cpu", "cpu-short", "courier")
OBJECT = bytes(range(256)) * 4096

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the servers have run before, so that they start quickly; its name is awkward on purpose."""
    folder = (tmp_path_factory.mktemp("servers") / 'a "strange" name: #1').resolve()
    start_detached(folder, servers_only=True)
    stop(folder, lambda _: None)
    return folder


@pytest.fixture
def servers(prepared: Path) -> Iterator[Path]:
    """Running servers without the product."""
    start_detached(prepared, servers_only=True)
    yield prepared
    stop(prepared, lambda _: None)


def leave_data(folder: Path) -> None:
    """Something in each server."""
    settings = stack_settings(folder)
    database = Database(settings.database_url.get_secret_value())
    with database.transaction() as session:
        session.execute(text("CREATE TABLE kept (word text)"))
        session.execute(text("INSERT INTO kept VALUES ('here')"))
    database.close()
    with Redis.from_url(settings.broker_url.get_secret_value()) as valkey:
        valkey.set("kept", "here")
    ObjectStore(settings).put("kept/object", io.BytesIO(OBJECT), "audio/wav")


def find_data(folder: Path) -> tuple[object, object, bytes]:
    """What ``leave_data`` left, which is taken away."""
    settings = stack_settings(folder)
    database, store = Database(settings.database_url.get_secret_value()), ObjectStore(settings)
    with database.transaction() as session:
        row = session.scalar(text("SELECT word FROM kept"))
        session.execute(text("DROP TABLE kept"))
    database.close()
    with Redis.from_url(settings.broker_url.get_secret_value()) as valkey:
        value = valkey.getdel("kept")
    body = b"".join(store.read("kept/object", 1000, 5000).chunks)
    store.delete(["kept/object"])
    return row, value, body


FOUND = ("here", b"here", OBJECT[1000:6000])


def test_everything_is_healthy_when_the_command_returns(stack: RunningStack) -> None:
    """The gateway is ready, every part runs and has a log of its own."""
    assert status(f"{stack.url}/health/ready") == 200
    run = running(stack.folder)
    assert run is not None
    assert (run.phase, sorted(run.parts)) == ("running", sorted(PARTS))
    assert all(part.find() for part in run.parts.values())
    assert all((stack.folder / "logs" / f"{part}.log").exists() for part in (*PARTS, "supervisor"))


def test_the_credentials_open_the_gateway(stack: RunningStack) -> None:
    """The key written is a key of this gateway, and without one nobody gets in."""
    kept = read_credentials(stack.folder)
    assert kept is not None
    assert kept.url == stack.url
    assert (status(f"{kept.url}/v1/tracks", kept.api_key), status(f"{kept.url}/v1/tracks")) == (200, 401)


def test_the_folder_is_private(stack: RunningStack) -> None:
    """Nobody but the owner can enter the folder or read what lies in it; the one above keeps its mode."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (stack.folder, *stack.folder.iterdir())}
    assert not [name for name, mode in modes.items() if mode & 0o077]
    assert (modes[stack.folder.name], modes["credentials.json"], modes["stack.json"]) == (0o700, 0o600, 0o600)


def test_only_loopback_addresses_are_listened_on(stack: RunningStack) -> None:
    """No port of any process can be reached from another machine. After a death others take the port of the metrics."""
    state = StackState.read(stack.folder)
    assert state is not None
    ports = set(state.ports.model_dump().values())

    def found() -> set[tuple[str, int]]:
        # A gateway that a test has started beside may have taken the port of the metrics.
        all_ = (each.laddr for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
        return listening(stack.folder) | {(at.ip, at.port) for at in all_ if at and at.port in ports}

    assert eventually(lambda: {port for _, port in found()} >= ports)
    assert {address for address, _ in found()} == {"127.0.0.1"}


def test_secrets_are_on_no_command_line_and_in_no_log(stack: RunningStack) -> None:
    """What other users of the machine can list, and what people send when they ask for help, holds no secret."""
    state = StackState.read(stack.folder)
    assert state is not None
    kept = (state.database_password, state.broker_password, state.s3_secret_key, state.signing_secret)
    secrets = (*kept, key_of(stack.folder))
    lines = ""
    for process in tree(stack.folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            lines += "\n".join(process.cmdline()) + "\n"
    logs = "\n".join(path.read_text(errors="replace") for path in (stack.folder / "logs").iterdir())
    assert not [secret for secret in secrets if secret in lines or secret in logs]


def test_commands_reach_the_servers(stack: RunningStack) -> None:
    """The settings for admin commands open the database with pgvector, the broker and the store."""
    settings = stack_settings(stack.folder)
    database = Database(settings.database_url.get_secret_value())
    assert re.fullmatch(r"0\.\d+\.\d+", database.ping())
    database.close()
    Waker(settings.broker_url.get_secret_value()).ping()
    ObjectStore(settings).ping()


def test_the_store_gives_back_what_it_just_took(stack: RunningStack) -> None:
    """Objects, small and in several parts, are there at once, in ranges too, and gone once deleted."""
    store = ObjectStore(stack_settings(stack.folder))
    large = os.urandom(1 << 20) * 40
    for key, body in {"test/small": OBJECT, "test/large": large, "test/empty": b""}.items():
        store.put(key, io.BytesIO(body), "audio/wav")
    assert b"".join(store.read("test/large", 33_000_001, 70_000).chunks) == large[33_000_001:33_070_001]
    assert b"".join(store.read("test/small", 0, len(OBJECT)).chunks) == OBJECT
    store.put("test/small", io.BytesIO(b"new"), "audio/wav")
    assert b"".join(store.read("test/small", 0, 3).chunks) == b"new"
    assert store.keys("test/") == ["test/empty", "test/large", "test/small"]
    store.delete(["test/small", "test/large", "test/empty"])
    assert store.keys("test/") == []
    store.ping()


@pytest.mark.long
def test_up_on_a_running_stack_says_so(stack: RunningStack) -> None:
    """In the background and in the foreground it succeeds with the address, and nothing else is started."""
    before = running(stack.folder)
    for words in (("--detach",), ()):
        again = phonoscope("up", "--data-dir", stack.folder, *words)
        assert again.returncode == 0
        assert f"already runs at {stack.url}" in again.stdout
    assert running(stack.folder) == before


@pytest.mark.parametrize("part", ["gateway", "postgres", "valkey"])
def test_a_part_that_dies_is_restarted_and_said_so(stack: RunningStack, part: str) -> None:
    """After ``kill -9`` of one part it runs again, the log says so, nothing is lost and the gateway is ready again."""
    leave_data(stack.folder)
    log = stack.folder / "logs" / "supervisor.log"
    said = len(log.read_text())
    run = running(stack.folder)
    assert run is not None
    run.parts[part].find().kill()  # type: ignore[union-attr]
    assert eventually(lambda: f"{part} is ready again" in log.read_text()[said:])
    assert f"{part} was ended by SIGKILL; it starts again in " in log.read_text()[said:]
    assert eventually(lambda: status(f"{stack.url}/health/ready") == 200)
    assert find_data(stack.folder) == FOUND
    after = running(stack.folder)
    assert after is not None
    assert {name for name in PARTS if after.parts[name] != run.parts[name]} == {part}


def test_two_stacks_live_side_by_side(stack: RunningStack, servers: Path) -> None:
    """Another folder's stack has its own ports and secrets, and its end does not touch the first."""
    mine, theirs = StackState.read(stack.folder), StackState.read(servers)
    assert mine is not None
    assert theirs is not None
    assert not set(mine.ports.model_dump().values()) & set(theirs.ports.model_dump().values())
    leave_data(stack.folder)
    leave_data(servers)
    assert (find_data(stack.folder), find_data(servers)) == (FOUND, FOUND)
    before = tree(stack.folder)
    assert stop(servers, lambda _: None) == "stopped"
    assert alive(before) == before
    assert status(f"{stack.url}/health/ready") == 200


@pytest.mark.long
def test_a_taken_port_is_a_clear_error(stack: RunningStack, prepared: Path) -> None:
    """Somebody else's port fails at once, with the port's number and what to do, and leaves no process."""
    port = httpx.URL(stack.url).port
    for words in (("--detach",), ()):
        refused = phonoscope("up", "--data-dir", prepared, "--port", str(port), *words)
        assert refused.returncode == 1
        assert f"port {port} on 127.0.0.1 cannot be used" in " ".join(refused.stderr.split())
    assert running(prepared) is None


@pytest.mark.long
def test_a_killed_tree_starts_again_by_itself(prepared: Path) -> None:
    """After ``kill -9`` of every process `up` works with the same key and all data; Ctrl-C then leaves no process."""
    with foreground(prepared):
        leave_data(prepared)
        key = key_of(prepared)
        killed = tree(prepared)
        assert len(killed) > len(PARTS)
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    assert eventually(lambda: not alive(killed))
    with foreground(prepared) as up:
        assert key_of(prepared) == key
        assert find_data(prepared) == FOUND
        everything = tree(prepared)
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=100) == 0
    assert not alive(everything)
    assert not (prepared / "run.json").exists()


@pytest.mark.long
def test_two_starts_at_once_make_one_stack(prepared: Path) -> None:
    """Both succeed with the same address; one of them waits for the other's stack and says so."""
    with ThreadPoolExecutor() as threads:
        starts = [threads.submit(start_detached, prepared, servers_only=True) for _ in range(2)]
        one, other = (start.result() for start in starts)
    only_one = eventually(lambda: len([*filter(partial(_supervises, prepared), psutil.process_iter())]) == 1, 60.0)
    stop(prepared, lambda _: None)
    assert (one.url, {one.already, other.already}, only_one) == (other.url, {True, False}, True)


@pytest.mark.long
def test_a_killed_supervisor_is_replaced(servers: Path) -> None:
    """What a killed supervisor leaves is ended, not doubled, and the data is there for the next."""
    leave_data(servers)
    supervisor, *orphans = tree(servers)
    supervisor.kill()
    assert eventually(lambda: not alive([supervisor]))
    assert alive(orphans)
    assert not start_detached(servers, servers_only=True).already
    assert not alive(orphans)
    assert find_data(servers) == FOUND


@pytest.mark.long
def test_a_copy_beside_the_original_leaves_it_alone(prepared: Path, tmp_path: Path) -> None:
    """Copied with what says which processes run: it has the same data, and ends only its own, also once moved."""
    copy, moved = tmp_path / "copy", tmp_path / "moved"
    start_detached(prepared, servers_only=True)
    leave_data(prepared)
    stop(prepared, lambda _: None)
    # With the owners of files: PostgreSQL's are not root's.
    subprocess.run(["cp", "-a", prepared, copy], check=True)
    start_detached(prepared, servers_only=True)
    try:
        for name in ("run.json", "postgres/data/postmaster.pid"):
            subprocess.run(["cp", "-a", prepared / name, copy / name], check=True)
        before = tree(prepared)
        assert running(copy) is None
        assert not start_detached(copy, servers_only=True).already
        assert find_data(copy) == FOUND
        supervisor, *orphans = tree(copy)
        supervisor.kill()
        assert eventually(lambda: is_free(copy))
        copy.rename(moved)
        assert stop(moved, lambda _: None) == "leftovers"
        assert not alive(orphans)
        assert not start_detached(moved, servers_only=True).already
        assert stop(moved, lambda _: None) == "stopped"
        assert alive(before) == before
        assert find_data(prepared) == FOUND
    finally:
        stop(moved, lambda _: None)
        stop(prepared, lambda _: None)


def test_down_ends_what_a_killed_supervisor_left(servers: Path) -> None:
    """`down` leaves no process even when nobody supervises them any more, and says what it found."""
    supervisor, *orphans = tree(servers)
    supervisor.kill()
    assert eventually(lambda: not alive([supervisor]))
    ended = phonoscope("down", "--data-dir", servers)
    assert (ended.returncode, alive(orphans)) == (0, [])
    assert "processes that a killed one had left are ended" in ended.stdout


def test_down_leaves_no_process(servers: Path) -> None:
    """Everything has ended when `down` returns; a second one finds nothing and is content."""
    everything = tree(servers)
    first, second = phonoscope("down", "--data-dir", servers), phonoscope("down", "--data-dir", servers)
    assert (first.returncode, second.returncode, alive(everything)) == (0, 0, [])
    assert "has stopped" in first.stdout
    assert "Nothing runs" in second.stdout


def test_down_where_nothing_ever_ran(tmp_path: Path) -> None:
    """It says so, succeeds and makes no folder."""
    ended = phonoscope("down", "--data-dir", tmp_path / "absent")
    assert (ended.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "Nothing runs" in ended.stdout


@pytest.mark.long
def test_a_start_can_be_called_off(prepared: Path) -> None:
    """SIGTERM while parts are starting ends the command and leaves no process."""
    words = ("-m", "phonoscope_local", "--servers-only", "--data-dir", str(prepared))
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL) as up:
        assert eventually(lambda: bool((run := Run.read(prepared)) and run.parts))
        everything = tree(prepared)
        up.terminate()
        assert up.wait(timeout=100) == 0
    assert not alive(everything)
    assert running(prepared) is None


@pytest.mark.long
def test_a_taken_port_of_old_is_replaced(prepared: Path) -> None:
    """A port that somebody took while the stack was down is chosen anew; the others are kept."""
    before = StackState.read(prepared)
    assert before is not None
    with socket.create_server(("127.0.0.1", before.ports.valkey)):
        start_detached(prepared, servers_only=True)
        after = StackState.read(prepared)
        stop(prepared, lambda _: None)
    assert after is not None
    changed = {name for name, port in after.ports.model_dump().items() if port != getattr(before.ports, name)}
    assert changed == {"valkey"}


@pytest.mark.long
def test_a_part_that_cannot_start_fails_the_command(prepared: Path) -> None:
    """The error names the part, quotes its log and says where that is; the parts that did start are stopped."""
    version = prepared / "postgres" / "data" / "PG_VERSION"
    whole = version.read_text()
    version.write_text("damaged")
    try:
        with pytest.raises(StackError) as caught:
            start_detached(prepared, servers_only=True)
    finally:
        version.write_text(whole)
    assert caught.value.detail.startswith("postgres: it ended with status 1 before it was ready")
    assert "PG_VERSION" in caught.value.detail
    assert str(prepared / "logs" / "postgres.log") in caught.value.detail
    assert running(prepared) is None
    assert not [process for process in psutil.process_iter() if _works_in(process, prepared)]


@contextlib.contextmanager
def foreground(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`phonoscope up` in the foreground, once it says that everything runs."""
    words = (str(Path(sys.executable).with_name("phonoscope")), "up", "--data-dir", str(folder))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as up:
        assert up.stdout is not None
        try:
            said = list(itertools.takewhile(lambda line: not line.startswith("Ctrl-C stops"), up.stdout))
            assert any("Phonoscope runs at http://127.0.0.1:" in line for line in said)
            yield up
        finally:
            up.terminate()
            up.wait(timeout=100)


def _supervises(folder: Path, process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return {"phonoscope_local", str(folder)} <= set(process.cmdline())
    return False


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.cwd().startswith(str(folder))
    return False
