"""The containers themselves: what they carry, who they run as, what they show to the outside."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compose.project import Project

pytestmark = pytest.mark.timeout(4500)

OWN = ("gateway", "gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker", "courier")
DECODERS = OWN[:5]
# TEST-NET-3 of RFC 5737, where nobody is.
ASKS_OUT = """
import socket
try: socket.create_connection(("203.0.113.1", 443), 3)
except OSError as error: print("nobody", error)
"""
MEASURES_IN_FORCE = "import json; from phonoscope.audio.attest import measures_in_force as m; print(json.dumps(m()))"
# Not root, and the engine's seccomp profile forbids namespaces; an older engine's forbids Landlock too.
MAY_BE_MISSING = {"own user", "own network", "no files"}
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


@pytest.mark.parametrize("service", DECODERS)
def test_the_sandbox_holds_in_a_container(project: Project, service: str) -> None:
    """Within the engine's own filter of calls, what reads files still takes ours, and all that needs no root."""
    assert {name for name, taken in _measures(project, service).items() if not taken} <= MAY_BE_MISSING


def test_doctor_says_what_a_container_lacks(project: Project) -> None:
    """Each measure that is missing has a line that says so, and none of them is a fault."""
    lines = project.inside("gateway", "phonoscope", "doctor").splitlines()
    for name, taken in _measures(project, "gateway").items():
        (line,) = [line for line in lines if f"sandbox: {name}:" in line]
        assert ("missing on this system" in line) != taken, line


def test_only_loopback_is_published(project: Project) -> None:
    """One port on the host, and not for other machines."""
    published = {name: _published(container) for name, container in project.containers().items()}
    assert {name: addresses for name, addresses in published.items() if addresses} == {"front": ["127.0.0.1"]}


@pytest.mark.parametrize("service", [*DECODERS, "courier", "front"])
def test_what_decodes_has_no_way_out(project: Project, service: str) -> None:
    """Its networks are internal; newer engines give these no route out, older ones a route whose packets they drop."""
    assert project.leads_out(service) == (service not in DECODERS)
    if service in DECODERS:
        assert project.inside(service, "python", "-c", ASKS_OUT).startswith("nobody")


def test_the_front_reaches_the_gateway_alone(project: Project) -> None:
    """It is not in the stores' network, and its environment holds no secret."""
    asks = "import socket\ntry: socket.getaddrinfo('postgres', 5432)\nexcept OSError: print('unknown')"
    assert project.inside("front", "python", "-c", asks) == "unknown"
    environment = project.inside("front", "env")
    assert not [name for name, secret in project.passwords.items() if secret in environment]


def test_no_two_containers_share_a_folder(project: Project) -> None:
    """What one leaves in /tmp no other one sees."""
    project.inside("gateway", "touch", "/tmp/left-by-the-gateway")
    for service in OWN[1:]:
        assert "left-by-the-gateway" not in project.inside(service, "ls", "/tmp")


def test_every_container_has_limits(project: Project) -> None:
    """The engine knows a limit of memory and one of processes for each."""
    limits = {
        name: (container["HostConfig"]["Memory"], container["HostConfig"]["PidsLimit"])
        for name, container in project.containers().items()
    }
    assert not [name for name, (memory, pids) in limits.items() if not memory or not pids or pids < 0]


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


def _measures(project: Project, service: str) -> dict[str, bool]:
    found: dict[str, bool] = json.loads(project.inside(service, "python", "-c", MEASURES_IN_FORCE))
    return found


def _fields(status: str) -> Iterator[tuple[str, str]]:
    for line in status.splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def _published(container: dict[str, Any]) -> list[str]:
    ports = container["NetworkSettings"]["Ports"] or {}
    return [binding["HostIp"] for bindings in ports.values() for binding in bindings or ()]
