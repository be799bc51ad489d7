"""A stack whose files were damaged starts and stops all the same, keeps its data, and says what it mended."""

from __future__ import annotations

import io
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from redis import Redis
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.service import keys
from phonoscope.storage import ObjectStore
from phonoscope_local import read_credentials, stack_settings
from phonoscope_local.control import running, start_detached, stop
from phonoscope_local.processes import wait_until
from phonoscope_local.state import Run, StackState
from tests.support import phonoscope

MODELS_SHIPPED = Path(__file__).parents[2] / "models"
FILES = ("stack.json", "run.json", "credentials.json")
OBJECT = b"recording" * 1000

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stopped stack of servers with something in the database, the broker and the store."""
    made = (tmp_path_factory.mktemp("damaged") / "stack").resolve()
    start_detached(made, servers_only=True)
    leave_data(made)
    stop(made, lambda _: None)
    yield made
    stop(made, lambda _: None)


def leave_data(folder: Path) -> None:
    """A row, a message and an object."""
    settings = stack_settings(folder)
    database = Database(settings.database_url.get_secret_value())
    with database.transaction() as session:
        session.execute(text("CREATE TABLE kept AS SELECT 'here' AS word"))
    database.close()
    with Redis.from_url(settings.broker_url.get_secret_value()) as valkey:
        valkey.set("kept", "here")
    ObjectStore(settings).put("kept/object", io.BytesIO(OBJECT), "audio/wav")


def works(folder: Path) -> bool:
    """Whether all data are there, the key opens the database and the broker answers."""
    settings, credentials = stack_settings(folder), read_credentials(folder)
    assert credentials is not None
    database = Database(settings.database_url.get_secret_value())
    with database.transaction() as session:
        assert session.scalar(text("SELECT word FROM kept")) == "here"
        assert keys.authenticate(session, credentials.api_key)
    database.close()
    with Redis.from_url(settings.broker_url.get_secret_value()) as valkey:
        assert valkey.ping()
    assert b"".join(ObjectStore(settings).read("kept/object", 0, len(OBJECT)).chunks) == OBJECT
    return True


def wrong_types(path: Path) -> None:
    """JSON that is none of ours."""
    path.write_text('{"id": [], "supervisor": {"pid": "x"}, "url": 1, "api_key": {}, "ports": "none"}')


def cut(path: Path) -> None:
    """The first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def manifest(valkey: Path) -> None:
    (valkey / "appendonlydir" / "appendonly.aof.manifest").write_bytes(b"\xff\x00damaged")


def last_file(valkey: Path) -> None:
    for path in (valkey / "appendonlydir").glob("*.incr.aof"):
        path.write_bytes(b"*3\r\n$3\r\nSET\r\ngarbage" + bytes(range(256)) * 20)


def first_file(valkey: Path) -> None:
    for path in (valkey / "appendonlydir").glob("*.base.*"):
        path.write_bytes(b"REDIS0012" + bytes(range(256)) * 20)


def a_file_for_the_folder(valkey: Path) -> None:
    valkey.rename(valkey.with_name("elsewhere"))
    valkey.write_text("no folder")


ROUNDS: Mapping[str, tuple[Callable[[Path], object], Callable[[Path], None]]] = {
    "empty": (lambda path: path.write_bytes(b""), manifest),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), last_file),
    "cut short": (cut, first_file),
    "wrong types": (wrong_types, a_file_for_the_folder),
    "folders": (a_folder, manifest),
}


@pytest.mark.long
@pytest.mark.parametrize("damage", ROUNDS)
def test_everything_damaged_at_once_is_mended(folder: Path, damage: str) -> None:
    """`up` makes new secrets, sets them in the cluster, makes a key, empties the broker, and says each of these."""
    of_files, of_broker = ROUNDS[damage]
    before = StackState.read(folder)
    (folder / "run.json").write_text("{}")
    for name in FILES:
        of_files(folder / name)
    of_broker(folder / "valkey")
    said = list[str]()
    start_detached(folder, servers_only=True, say=said.append)
    assert works(folder)
    after = StackState.read(folder)
    assert after is not None
    assert before is not None
    assert after.database_password != before.database_password
    text = "\n".join(said)
    for name in FILES:
        assert f"{name} was damaged and is now {name}.damaged-" in text
    assert "signed links end" in text
    assert "the broker's data were damaged and are now valkey.damaged-" in text
    assert len(said) == 4
    assert stop(folder, lambda _: None) == "stopped"
    assert not (folder / "run.json").exists()


@pytest.mark.long
def test_a_mended_stack_says_nothing_more(folder: Path) -> None:
    """The next start finds everything whole."""
    said = list[str]()
    start_detached(folder, servers_only=True, say=said.append)
    stop(folder, lambda _: None)
    assert said == []


@pytest.mark.long
def test_anothers_password_is_replaced(folder: Path) -> None:
    """A whole state of another stack is taken too: the cluster gets its password."""
    StackState().write(folder)
    start_detached(folder, servers_only=True)
    assert works(folder)
    password = StackState.read(folder)
    assert password is not None
    assert password.database_password not in (folder / "logs" / "postgres.log").read_text(errors="replace")
    stop(folder, lambda _: None)


@pytest.mark.long
def test_a_running_stack_mends_its_files(folder: Path) -> None:
    """Damaged while it runs: a second `up` shows the key, a broken broker comes back, `down` stops it."""
    start_detached(folder, servers_only=True)
    run = running(folder)
    assert run is not None
    for name in FILES:
        (folder / name).write_bytes(b"\x00\xff")
    manifest(folder / "valkey")
    broker = run.parts["valkey"].find()
    assert broker is not None
    broker.kill()
    again = phonoscope("up", "--detach", "--data-dir", folder)
    assert (again.returncode, "already runs at" in again.stdout) == (0, True), again.stderr
    assert "/#key=psk_" in again.stdout
    log = folder / "logs" / "supervisor.log"
    assert wait_until(lambda: "valkey is ready again" in log.read_text().rpartition("valkey.damaged-")[2], 60.0)
    assert works(folder)
    for name in FILES:
        (folder / name).write_bytes(b"\x00\xff")
    ended = phonoscope("down", "--data-dir", folder)
    assert (ended.returncode, "has stopped" in ended.stdout) == (0, True), ended.stderr


@pytest.mark.long
def test_what_a_killed_supervisor_left_is_ended_without_its_files(folder: Path) -> None:
    """No file tells which processes belong to the stack; `down` ends them, says what it mended, and `up` goes on."""
    start_detached(folder, servers_only=True)
    run = Run.read(folder)
    assert run is not None
    supervisor = psutil.Process(run.supervisor.pid)
    orphans = supervisor.children(recursive=True)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait(60)
    for name in FILES:
        (folder / name).write_bytes(b"")
    ended = phonoscope("down", "--data-dir", folder)
    assert ended.returncode == 0, ended.stderr
    assert "stack.json was damaged and is now stack.json.damaged-" in ended.stdout
    assert "processes that a killed one had left are ended" in ended.stdout
    assert not [process for process in orphans if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    start_detached(folder, servers_only=True)
    assert works(folder)
    stop(folder, lambda _: None)


@pytest.mark.long
@pytest.mark.parametrize("content", [None, b"\xff\x00damaged"], ids=["a folder", "binary"])
def test_one_unreadable_manifest_takes_only_its_worker(
    folder: Path, tmp_path: Path, cache_dir: Path, content: bytes | None
) -> None:
    """`up` names the file, everything else runs, and the worker starts by itself once the file is there again."""
    models = tmp_path / "models"
    shutil.copytree(MODELS_SHIPPED, models)
    path = models / "mobilenet" / "manifest.json"
    whole = path.read_bytes()
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    settings = {
        "PHONOSCOPE_MODELS_DIR": str(models),
        "PHONOSCOPE_MORE_MODELS_DIR": str(tmp_path / "none"),
        "PHONOSCOPE_CACHE_DIR": str(cache_dir),
    }
    started = phonoscope("up", "--detach", "--data-dir", folder, settings=settings)
    try:
        assert started.returncode == 0, started.stderr
        assert "gpu cannot work yet, everything else runs: " in started.stdout
        assert str(path) in started.stdout.replace("\n", "")
        run = running(folder)
        assert run is not None
        assert run.parts.keys() >= {"gateway", "cpu", "cpu-short", "courier"}
        path.rmdir() if content is None else path.unlink()
        path.write_bytes(whole)
        log = folder / "logs" / "supervisor.log"
        assert wait_until(lambda: "gpu is ready again" in log.read_text().rpartition("gpu cannot work")[2], 240.0)
    finally:
        phonoscope("down", "--data-dir", folder)


@pytest.mark.long
def test_long_logs_are_cut_while_the_stack_runs(folder: Path) -> None:
    """A log that grew past its limit is copied and emptied by the running supervisor."""
    start_detached(folder, servers_only=True)
    log = folder / "logs" / "objects.log"
    with log.open("ab") as file:
        file.truncate(9 << 20)
    try:
        deadline = time.monotonic() + 60
        while log.stat().st_size > 1 << 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert log.stat().st_size < 1 << 20
        assert log.with_name("objects.log.1").stat().st_size >= 9 << 20
    finally:
        stop(folder, lambda _: None)
