"""A process that reads strangers' files has nothing to steal and nowhere to go."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from phonoscope.audio.attest import measures_in_force
from phonoscope.audio.sandbox import Sandbox
from phonoscope.confinement import MEASURES

ESCAPED = Path("/tmp/phonoscope-escaped")
ALONE = """
import sys
from phonoscope.confinement import enclosure
from phonoscope.confinement.kernel import SET_NO_NEW_PRIVILEGES, prctl
try:
    {measure}
except OSError:
    sys.exit({lacking})
try:
    {attempt}
except OSError as error:
    print(type(error).__name__)
else:
    print("done")
"""
WITHOUT_ROOT = """
import os
from phonoscope.confinement import enclose, leave_network
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
leave_network()
print([name for name, taken in enclose().items() if taken], flush=True)
os._exit(0)
"""
LACKING = 77
_PRIVILEGES = "prctl(SET_NO_NEW_PRIVILEGES, 1)"


@pytest.fixture(scope="module")
def in_force() -> dict[str, bool]:
    return measures_in_force()


def _call(function: str, number: float = 0.0) -> dict[str, object]:
    sandbox = Sandbox(f"tests.unit.audio.escapes:{function}", longest_s=60.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path.cwd()), prepend=os.pathsep)
        try:
            return sandbox.call(io.BytesIO(b"sound"), number)
        finally:
            sandbox.close()


def test_every_measure_of_this_kernel_is_taken(in_force: dict[str, bool]) -> None:
    """None is left out in silence: what is missing here is named."""
    assert in_force.keys() == MEASURES.keys()
    missing = [name for name, taken in in_force.items() if not taken]
    if missing:
        pytest.skip(f"this system lacks: {', '.join(missing)}")


def test_a_service_without_root_is_protected_too(in_force: dict[str, bool]) -> None:
    """Without root it has no user of its own; the network, files and calls are closed all the same."""
    if os.geteuid() or not in_force["no calls"]:
        pytest.skip("only root can become another user, or this system lacks: no calls (seccomp)")
    done = subprocess.run([sys.executable, "-c", WITHOUT_ROOT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {name for name, taken in in_force.items() if taken} - {"own user", "own network"} <= set(
        literal_eval(done.stdout)
    )


def test_no_attempt_to_escape_works(in_force: dict[str, bool]) -> None:
    """No socket, file, process, program, secret or privilege can be had, nor another process be touched."""
    if not in_force["no calls"]:
        pytest.skip("this system lacks: no calls (seccomp)")
    outcomes = _call("try_all", os.getpid())
    assert len(outcomes) > 30
    assert {name: outcome for name, outcome in outcomes.items() if outcome == "done"} == {}
    assert not ESCAPED.exists()


def test_the_process_holds_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither its environment nor an open descriptor leads to what its caller has."""
    monkeypatch.setenv("PHONOSCOPE_DATABASE_URL", "postgresql://user:password@host/name")
    with (tmp_path / "secret").open("w+b") as secret:
        os.set_inheritable(secret.fileno(), True)
        found = _call("environment")
    assert "password" not in str(found["environment"])
    # Three that lead nowhere, the parent's, the file and the answer.
    assert len(found["open"]) <= 6  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("measure", "attempt"),
    [
        ("enclosure.forbid_files()", "open('/etc/passwd')"),
        ("enclosure.forbid_files()", "open('/proc/self/environ')"),
        ("enclosure.forbid_files()", "open('/tmp/phonoscope-escaped', 'w')"),
        ("enclosure.forbid_files()", "import os; os.listdir('/')"),
        ("enclosure.forbid_files()", "import os; os.mkdir('/tmp/phonoscope-escaped')"),
        ("enclosure.forbid_calls()", "import os; os.fork()"),
        ("enclosure.forbid_calls()", "import socket; socket.socket()"),
        ("enclosure.forbid_calls()", "open('/etc/passwd')"),
        ("enclosure._change_user()", "open('/proc/1/environ')"),
        ("enclosure._change_user()", "import os; os.setuid(0)"),
        ("enclosure._limit()", "open('/tmp/phonoscope-limited', 'w').write('x' * 10_000_000)"),
        (
            "enclosure.unshare(enclosure._NEW_NETWORK)",
            "import socket; socket.create_connection(('127.0.0.1', {port}), 5)",
        ),
    ],
)
def test_each_measure_holds_alone(measure: str, attempt: str) -> None:
    """No measure relies on the others."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempt = attempt.format(port=server.getsockname()[1])
        script = ALONE.format(lacking=LACKING, measure=f"import socket, os; {_PRIVILEGES}; {measure}", attempt=attempt)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == LACKING:
        pytest.skip(f"this system does not allow: {measure}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"PermissionError", "OSError"}, done.stdout
