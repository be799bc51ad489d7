"""The containers themselves: what they carry, who they run as, what they show to the outside."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compose.project import Project

pytestmark = pytest.mark.timeout(4500)

OWN = ("gateway", "gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker", "courier")
TORCH_IS_THERE = "import importlib.util as u; print(u.find_spec('torch') is not None)"


def test_everything_comes_up_healthy_by_itself(project: Project) -> None:
    """One command, in the right order; the one-shot migration is done."""
    assert project.not_healthy() == {}
    states = {name: container["State"] for name, container in project.containers().items()}
    assert states.pop("migrate")["ExitCode"] == 0
    assert {state["Health"]["Status"] for state in states.values()} == {"healthy"}


def test_the_gateway_carries_no_torch(project: Project) -> None:
    """Its image stays small; the worker that computes has it."""
    assert project.inside("gateway", "python", "-c", TORCH_IS_THERE) == "False"
    assert project.inside("gpu-worker", "python", "-c", TORCH_IS_THERE) == "True"


@pytest.mark.parametrize("part", ["gateway", "gpu", "cpu", "courier"])
def test_a_container_where_nothing_works_is_not_healthy(project: Project, part: str) -> None:
    """Each check fails in a container in which its process does not run, though the others do."""
    with pytest.raises(AssertionError):
        project.compose("run", "--rm", "--no-deps", "-T", "courier", "phonoscope-health", part)


@pytest.mark.parametrize("service", OWN)
def test_processes_are_nobody_and_write_nowhere(project: Project, service: str) -> None:
    """Not root, no capability to regain, and a root file system that cannot be written to."""
    assert project.inside(service, "id", "-u") == "10001"
    status = project.inside(service, "cat", "/proc/1/status")
    assert dict(_fields(status))["CapBnd"].strip("0") == ""
    assert dict(_fields(status))["NoNewPrivs"] == "1"
    assert project.containers()[service]["HostConfig"]["ReadonlyRootfs"]


def test_only_loopback_is_published(project: Project) -> None:
    """One port on the host, and not for other machines."""
    published = {name: _published(container) for name, container in project.containers().items()}
    assert {name: addresses for name, addresses in published.items() if addresses} == {"gateway": ["127.0.0.1"]}


def test_no_secret_is_on_a_command_line(project: Project) -> None:
    """Neither in what was asked for nor in what runs."""
    containers = project.containers()
    shown = {name: str([container["Path"], *container["Args"]]) for name, container in containers.items()}
    for name in (*OWN, "postgres", "valkey"):
        shown[name] += project.inside(name, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert not [name for name, text in shown.items() if any(secret in text for secret in project.passwords.values())]


def test_the_broker_asks_for_its_password(project: Project) -> None:
    """Who does not know it is refused."""
    probe = (
        "import socket; s = socket.create_connection(('valkey', 6379), 5); s.sendall(b'PING\\r\\n'); print(s.recv(99))"
    )
    assert "NOAUTH" in project.inside("courier", "python", "-c", probe)


def _fields(status: str) -> Iterator[tuple[str, str]]:
    for line in status.splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def _published(container: dict[str, Any]) -> list[str]:
    ports = container["NetworkSettings"]["Ports"] or {}
    return [binding["HostIp"] for bindings in ports.values() for binding in bindings or ()]
