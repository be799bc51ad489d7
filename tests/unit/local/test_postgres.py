"""PostgreSQL's folder: what a crash leaves in it, and root."""

import os
import time
from pathlib import Path

import psutil
import pytest

from phonoscope.errors import StackError
from phonoscope_local.postgres import Cluster
from phonoscope_local.programs import find_programs
from phonoscope_local.state import StackState


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster that seems to have been made."""
    made = Cluster(tmp_path, find_programs(), StackState(), os.environ)
    made.data.mkdir(parents=True)
    made._note_password()
    return made


def lock(cluster: Cluster, pid: int, started: float) -> Path:
    """PostgreSQL's lock file, as a server with this number leaves it."""
    path = cluster.data / "postmaster.pid"
    path.write_text(f"{pid}\n{cluster.data}\n{started:.0f}\n15002\n\n127.0.0.1\n")
    return path


def test_a_lock_whose_number_went_to_another_process_is_removed(cluster: Cluster) -> None:
    """After a crash the number may be anybody's: the lock goes, and that process is not touched."""
    path = lock(cluster, os.getppid(), time.time() - 1e6)
    cluster.prepare()
    assert not path.exists()
    assert psutil.Process(os.getppid()).is_running()


def test_a_lock_of_a_young_process_that_is_no_postgres_is_removed(cluster: Cluster) -> None:
    """A process created at the very time the lock tells of is still not ended unless it is PostgreSQL."""
    me = psutil.Process()
    path = lock(cluster, me.pid, me.create_time())
    cluster.prepare()
    assert not path.exists()


def test_a_lock_of_nobody_is_left_to_postgres(cluster: Cluster) -> None:
    """PostgreSQL judges a dead server's lock better: it knows of that server's shared memory."""
    path = lock(cluster, 2**22 + 1, time.time())
    cluster.prepare()
    assert path.exists()


def test_root_is_told_to_be_somebody_else(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where root cannot hand the server to another account, the error says what to do."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StackError, match="as an ordinary user"):
        cluster.command()


def test_no_secret_is_on_the_command_line(tmp_path: Path) -> None:
    """Every user of a machine can read command lines."""
    state = StackState()
    command = " ".join(Cluster(tmp_path, find_programs(), state, {}).command())
    assert state.database_password not in command
