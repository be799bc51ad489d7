"""What must hold in the compose files, read without an engine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.front import MOST_CONNECTIONS
from phonoscope.settings import DEVELOPMENT_SECRET, Settings

ROOT = Path(__file__).parents[3]
BASE = ROOT / "docker-compose.yml"
GPU = ROOT / "docker-compose.gpu.yml"
STORES = {"postgres", "valkey", "minio"}
OWN = {"migrate", "gateway", "gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker", "courier"}
IN_THE_IMAGE = {"models_dir", "more_models_dir", "cache_dir", "metrics_dir"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services of the base file, its anchors resolved, its variables not."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(BASE.read_text())["services"]
    return found


def test_every_setting_and_nothing_else_is_passed_on(services: dict[str, dict[str, Any]]) -> None:
    """Whatever a deployment sets reaches each process; a misspelt or a forgotten setting does not go unseen."""
    known = {f"PHONOSCOPE_{name.upper()}" for name in Settings.model_fields.keys() - IN_THE_IMAGE}
    assert services.keys() == STORES | OWN | {"front"}
    for name in OWN:
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


def test_only_the_front_is_published_and_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    """Nothing is reachable from another machine unless somebody asks for it."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["front"]
    assert all(port.startswith("127.0.0.1:") for port in published["front"])


def test_what_decodes_has_no_way_out(services: dict[str, dict[str, Any]]) -> None:
    """The courier, which decodes nothing, and the front, which holds nothing, are in a network that leads out."""
    networks = yaml.safe_load(BASE.read_text())["networks"]
    outward = {name for name, network in networks.items() if not (network or {}).get("internal")}
    assert {name for name, service in services.items() if outward & set(service["networks"])} == {"courier", "front"}
    assert not services["front"].keys() & {"environment", "volumes", "env_file"}
    assert set(services["front"]["networks"]) == {"front", *outward}


def test_no_two_containers_share_a_folder(services: dict[str, dict[str, Any]]) -> None:
    """Each of our containers has a /tmp of its own; each store's volume is its own."""
    volumes = [volume for service in services.values() for volume in service.get("volumes", ()) if ":" in volume]
    assert len({volume.split(":")[0] for volume in volumes}) == len(volumes) == len(STORES)
    assert all(services[name]["volumes"] == ["/tmp"] for name in OWN)


def test_every_container_has_limits(services: dict[str, dict[str, Any]]) -> None:
    """Memory is bounded by a variable with a default, processes by a number: docker-compose 1 takes no variable."""
    for name, service in services.items():
        assert re.fullmatch(r"\$\{[A-Z_]+_MEMORY:-\d+[gm]\}", service["mem_limit"]), name
        assert isinstance(service["pids_limit"], int), name


def test_idle_connections_give_way_behind_the_front(services: dict[str, dict[str, Any]]) -> None:
    """All have its address: a limit by address that is reached first would refuse everybody instead."""
    settings = services["gateway"]["environment"]
    limit = re.fullmatch(r"\$\{\w+:-(\d+)\}", settings["PHONOSCOPE_MAX_CONNECTIONS_PER_ADDRESS"])
    assert limit is not None
    assert int(limit[1]) > MOST_CONNECTIONS > Settings.model_fields["max_connections"].default


def test_every_service_has_a_health_check_or_runs_once(services: dict[str, dict[str, Any]]) -> None:
    """`docker compose ps` tells the truth about each."""
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"migrate"}
    assert services["migrate"]["restart"] == "no"


def test_processes_wait_for_what_they_need(services: dict[str, dict[str, Any]]) -> None:
    """Nothing starts before the stores are healthy and the tables are there."""
    for name in OWN - {"migrate"}:
        conditions = {other: needed["condition"] for other, needed in services[name]["depends_on"].items()}
        assert conditions == dict.fromkeys(STORES, "service_healthy") | {"migrate": "service_completed_successfully"}


def test_containers_may_do_little(services: dict[str, dict[str, Any]]) -> None:
    """No capability that is not asked for, no new privileges; our own cannot write to their root file system."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only", False) == (name not in STORES), name
        assert "stores" in service["networks"] or name == "front", name


def test_images_are_a_choice_of_one_line(services: dict[str, dict[str, Any]]) -> None:
    """Each store's image is named once, through a variable with a default."""
    for name in STORES:
        assert re.fullmatch(rf"\$\{{{name.upper()}_IMAGE:-[\w./]+:[\w.-]+\}}", services[name]["image"])
    for name in services.keys() - STORES:
        python = services[name]["build"]["args"]["PYTHON_IMAGE"]
        assert re.fullmatch(r"\$\{PYTHON_IMAGE:-[\w./]+:[\w.-]+\}", python)
    froms = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert froms[0] == "${PYTHON_IMAGE}"
    assert set(froms[1:]) == {"base"}


DOCKER = """#!/bin/sh
case "$1 $2" in
"pull --quiet") echo "$3" ;;
"image inspect") [ "$5" = "$WITHOUT" ] || echo "${5%%:*}@sha256:$(printf %064d 7)" ;;
esac
"""


def test_images_are_pinned_by_digest(tmp_path: Path) -> None:
    """The script writes each variable once and keeps the file's other lines; an image without a digest ends it."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    env = tmp_path / "env"
    env.write_text("SIGNING_SECRET=x\nVALKEY_IMAGE=old\n")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = [ROOT / "deploy" / "pin-images.sh", env]
    for _ in range(2):
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)
    lines = env.read_text().splitlines()
    assert lines[0] == "SIGNING_SECRET=x"
    assert {line.split("=")[0] for line in lines[1:]} == {
        f"{name}_IMAGE" for name in ("POSTGRES", "VALKEY", "MINIO", "PYTHON")
    }
    assert len(lines) == 5
    assert f"PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:{7:064d}" in lines
    failed = subprocess.run(
        command,
        env=environment | {"WITHOUT": "valkey/valkey:8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (failed.returncode, "valkey/valkey:8 has no digest" in failed.stderr) == (1, True)
    assert env.read_text().splitlines() == lines


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
