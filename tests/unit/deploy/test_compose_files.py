"""What must hold in the compose files, read without an engine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from phonoscope.settings import DEVELOPMENT_SECRET, Settings

ROOT = Path(__file__).parents[3]
BASE = ROOT / "docker-compose.yml"
GPU = ROOT / "docker-compose.gpu.yml"
STORES = {"postgres", "valkey", "minio"}
IN_THE_IMAGE = {"models_dir", "more_models_dir", "cache_dir"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services of the base file, its anchors resolved, its variables not."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(BASE.read_text())["services"]
    return found


def test_every_setting_and_nothing_else_is_passed_on(services: dict[str, dict[str, Any]]) -> None:
    """Whatever a deployment sets reaches each process; a misspelt or a forgotten setting does not go unseen."""
    known = {f"PHONOSCOPE_{name.upper()}" for name in Settings.model_fields.keys() - IN_THE_IMAGE}
    for name in services.keys() - STORES:
        assert services[name]["environment"].keys() == known, name


def test_a_secret_left_unset_is_visibly_for_development() -> None:
    """No password of the file's own could be taken for a real one."""
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|TOKEN)\w*)(:-)?([^}]*)\}", BASE.read_text() + GPU.read_text())
    assert {name for name, _, _ in secrets} >= {
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
        "MINIO_ROOT_PASSWORD",
        "SIGNING_SECRET",
    }
    assert {default for _, _, default in secrets} == {DEVELOPMENT_SECRET}


def test_no_secret_is_on_a_command_line(services: dict[str, dict[str, Any]]) -> None:
    """Command lines are read by everybody on the machine; ``$$`` is left to the shell in the container."""
    for name, service in services.items():
        assert not re.search(r"(?<!\$)\$\{", str(service.get("command", ""))), name


def test_only_the_gateway_is_published_and_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    """Nothing is reachable from another machine unless somebody asks for it."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_every_service_has_a_health_check_or_runs_once(services: dict[str, dict[str, Any]]) -> None:
    """`docker compose ps` tells the truth about each."""
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"migrate"}
    assert services["migrate"]["restart"] == "no"


def test_processes_wait_for_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    """Nothing starts before the stores are healthy and the tables are there."""
    for name in services.keys() - STORES - {"migrate"}:
        conditions = {other: needed["condition"] for other, needed in services[name]["depends_on"].items()}
        assert conditions == dict.fromkeys(STORES, "service_healthy") | {"migrate": "service_completed_successfully"}


def test_containers_may_do_little(services: dict[str, dict[str, Any]]) -> None:
    """No capability that is not asked for, no new privileges; our own cannot write to their root file system."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) == (name not in STORES), name
        assert "stores" in service["networks"], name


def test_images_are_a_choice_of_one_line(services: dict[str, dict[str, Any]]) -> None:
    """Each store's image is named once, through a variable with a default."""
    for name in STORES:
        assert re.fullmatch(rf"\$\{{{name.upper()}_IMAGE:-[\w./]+:[\w.-]+\}}", services[name]["image"])


def test_the_build_context_has_what_the_package_is_made_of() -> None:
    """A folder that the wheel takes in is not kept from the image."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {path.split("/")[0] for path in [*wheel["packages"], *wheel["force-include"]]}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert needed <= let_in


@pytest.mark.parametrize("files", [[BASE], [BASE, GPU]], ids=["base", "gpu"])
def test_compose_accepts_the_files(files: list[Path]) -> None:
    """Compose itself reads them, alone and with the GPU's."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    options = [option for file in files for option in ("--file", str(file))]
    subprocess.run([program, *options, "config", "--quiet"], check=True, timeout=60, capture_output=True)


@pytest.mark.parametrize("service", ["gpu-worker", "gpu-long-worker"])
def test_the_gpu_file_reserves_a_device_and_takes_cuda(service: str) -> None:
    """The workers of both lanes get the GPU, and torch that can use it."""
    worker = yaml.safe_load(GPU.read_text())["services"][service]
    devices = worker["deploy"]["resources"]["reservations"]["devices"]
    assert [(device["driver"], device["capabilities"]) for device in devices] == [("nvidia", ["gpu"])]
    assert worker["build"]["args"] == {"TORCH": "cuda"}
    assert worker["environment"] == {"PHONOSCOPE_DEVICE": "cuda"}
