"""What a stack keeps of itself."""

import stat
import subprocess
from pathlib import Path

import pytest

from phonoscope.errors import StackError
from phonoscope_local import read_credentials, stack_settings
from phonoscope_local.processes import ProcessId
from phonoscope_local.state import Credentials, Ports, Run, StackState

SECRETS = ("database_password", "broker_password", "s3_secret_key", "signing_secret")


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """What is written is what is read, in a file for its owner alone."""
    state = StackState(ports=Ports(gateway=15001))
    state.write(tmp_path)
    assert StackState.read(tmp_path) == state
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


def test_no_two_stacks_share_a_secret() -> None:
    """Every secret is random, so that the key to one stack opens no other."""
    one, other = StackState(), StackState()
    assert not {getattr(one, name) for name in (*SECRETS, "id")} & {getattr(other, name) for name in (*SECRETS, "id")}


def test_secrets_do_not_show() -> None:
    """A value that ends up in a message or a traceback gives no secret away."""
    state, credentials = StackState(), Credentials(url="http://127.0.0.1:1", api_key="psk_a_b")
    shown = f"{state} {state!r} {credentials} {credentials!r}"
    assert not [name for name in SECRETS if getattr(state, name) in shown]
    assert "psk_a_b" not in shown


def test_settings_reach_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands get the stack's own addresses and secrets whatever the environment says of others."""
    monkeypatch.setenv("PHONOSCOPE_BROKER_URL", "redis://elsewhere:6379/0")
    monkeypatch.setenv("PHONOSCOPE_DEVICE", "cpu")
    state = StackState(ports=Ports(gateway=15001, postgres=15002, valkey=15003, objects=15004))
    state.write(tmp_path)
    settings = stack_settings(tmp_path)
    assert settings.database_url.get_secret_value() == state.database_url()
    assert settings.broker_url.get_secret_value() == f"redis://:{state.broker_password}@127.0.0.1:15003/0"
    assert settings.s3_endpoint_url == "http://127.0.0.1:15004"
    assert (settings.environment, settings.device) == ("development", "cpu")


def test_no_stack_is_said(tmp_path: Path) -> None:
    """Asking for a stack that was never made names the folder and the command that makes one."""
    with pytest.raises(StackError, match="phonoscope up"):
        stack_settings(tmp_path / "absent")
    assert read_credentials(tmp_path / "absent") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A file cut short is a sentence with its path, never its content."""
    (tmp_path / "stack.json").write_text('{"database_password": "hush", ')
    with pytest.raises(StackError, match=r"stack\.json cannot be read") as caught:
        StackState.read(tmp_path)
    assert "hush" not in caught.value.detail


def test_a_run_is_kept(tmp_path: Path) -> None:
    """Who runs is read back by whoever comes next."""
    run = Run(
        supervisor=ProcessId(pid=7, created=1.5),
        phase="running",
        url="http://127.0.0.1:1",
        parts={"valkey": ProcessId(pid=8, created=2.25)},
    )
    run.write(tmp_path)
    assert Run.read(tmp_path) == run


def test_a_run_that_came_with_a_copy_is_none(tmp_path: Path) -> None:
    """Processes that work in the folder of which this one is a copy are those of that one."""
    folders = tmp_path / "original", tmp_path / "copy"
    for folder in folders:
        folder.mkdir()
    with subprocess.Popen(["/bin/sleep", "60"], cwd=folders[0]) as part:
        try:
            known = ProcessId.of(part.pid)
            assert known is not None
            run = Run(supervisor=known, phase="running", url="http://127.0.0.1:1", parts={"valkey": known})
            for folder in folders:
                run.write(folder)
            assert [Run.read(folder) for folder in folders] == [run, None]
        finally:
            part.kill()
