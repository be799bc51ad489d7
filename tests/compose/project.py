"""A compose project of the tests' own, driven through the programs that a person would use."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phonoscope_local.ports import choose_port

ROOT = Path(__file__).parents[2]
BUILD_S = 3000
_COMMAND_S = 300
_HEALTHY_S = 420


def engine_fault() -> str | None:
    """Why no container can be started here, or nothing."""
    if shutil.which("docker") is None or _compose_command() is None:
        return "docker and docker-compose are not both installed"
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=60, check=False)
    return "no Docker engine answers (DOCKER_HOST, or the default socket)" if answer.returncode else None


@dataclass(frozen=True)
class Project:
    """One project: its name, its port and its passwords, as a production ``.env`` would hold them.

    Attributes:
        root: the folder with the sources that its images are built of.
        tag: the images' tag.
    """

    name: str = field(default_factory=lambda: f"phonoscope-test-{secrets.token_hex(4)}")
    port: int = field(default_factory=lambda: choose_port(0))
    passwords: Mapping[str, str] = field(
        default_factory=lambda: {
            name: secrets.token_hex(16)
            for name in ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "MINIO_ROOT_PASSWORD", "SIGNING_SECRET")
        }
    )
    root: Path = ROOT
    tag: str = "compose-test"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str, timeout_s: float = _COMMAND_S) -> str:
        """What ``docker-compose`` prints. Raises ``AssertionError`` with its last lines when it fails."""
        return self._run([*(_compose_command() or []), "--project-name", self.name, *arguments], timeout_s)

    def up(self, *options: str) -> None:
        """Everything started and healthy.

        Raises ``AssertionError``, which names what is not healthy in time and shows its log.
        """
        self.compose("up", "--detach", *options, timeout_s=BUILD_S)
        give_up = time.monotonic() + _HEALTHY_S
        while faults := self.not_healthy():
            assert time.monotonic() < give_up, f"{faults}\n{self.compose('logs', '--tail=40', *faults)}"
            time.sleep(2)

    def not_healthy(self) -> dict[str, str]:
        """State by service, of those that are neither healthy nor done."""
        return {
            service: state
            for service, container in self.containers().items()
            if (state := _state(container["State"])) not in {"healthy", "exited 0"}
        }

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each service's container."""
        found = json.loads(self._run(["docker", "inspect", *self.compose("ps", "--all", "--quiet").split()]))
        return {container["Config"]["Labels"]["com.docker.compose.service"]: container for container in found}

    def leads_out(self, service: str) -> bool:
        """Whether one of a service's networks is not internal to the engine."""
        names = self.containers()[service]["NetworkSettings"]["Networks"]
        networks = json.loads(self._run(["docker", "network", "inspect", *names]))
        return not all(network["Internal"] for network in networks)

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in a service's container."""
        return self.compose("exec", "-T", service, *command).strip()

    def once(self, *command: str, volume: str, deps: bool = True) -> str:
        """What a command prints in a container of its own that can reach the stores and has a folder of the host.

        Args:
            volume: as ``HOST:CONTAINER``.
            deps: whether the stores are started before.
        """
        options = ["--rm", "-T", *([] if deps else ["--no-deps"]), "--volume", volume]
        return self.compose("run", *options, "migrate", *command)

    def _run(self, command: list[str], timeout_s: float = _COMMAND_S) -> str:
        environment = {
            **os.environ,
            **self.passwords,
            "GATEWAY_PORT": str(self.port),
            "IMAGE_TAG": self.tag,
            "PHONOSCOPE_ENVIRONMENT": "production",
        }
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"{command[-4:]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


def _compose_command() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60, check=False)
    return None if plugin.returncode else ["docker", "compose"]


def _state(state: dict[str, Any]) -> str:
    if state["Status"] == "exited":
        return f"exited {state['ExitCode']}"
    return str(state.get("Health", state)["Status"])
