"""The chart as Helm renders it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "kubernetes"
VALUES = {path.stem: path for path in sorted((Path(__file__).parent / "values").glob("*.yaml"))}
DECODERS = {"gateway", "gpu-worker", "gpu-long-worker", "cpu-worker", "cpu-short-worker"}
PARTS = DECODERS | {"courier", "migrate"}
COMPONENT = "app.kubernetes.io/component"

Object = dict[str, Any]


@cache
def helm() -> str:
    """The program; skips where there is none, but fails in continuous integration."""
    program = shutil.which("helm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no helm; `python deploy/install_helm.py` installs it")
    return program


def run_helm(*words: str, values: str = "minimal", changed: Mapping[str, object] | None = None) -> tuple[int, str]:
    """The exit status of a command of Helm's on the chart, and what it printed.

    Args:
        changed: values beside those of the file, as ``yaml`` writes them.
    """
    command = [helm(), *words, str(CHART), "--values", str(VALUES[values]), "--values", "-"]
    given = yaml.safe_dump(dict(changed or {}))
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=250, check=False)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


def render(values: str = "minimal", changed: Mapping[str, object] | None = None) -> list[Object]:
    """All objects of a release named ``test``."""
    status, text = run_helm("template", "test", values=values, changed=changed)
    assert status == 0, text
    return [found for found in yaml.safe_load_all(text) if found]


def refusal(changed: Mapping[str, object], values: str = "minimal") -> str:
    """What Helm says against values that it must refuse."""
    status, text = run_helm("template", "test", values=values, changed=changed)
    assert status != 0, f"not refused: {changed}"
    return text


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    return [found for found in objects if found["kind"] == kind]


def component(found: Object) -> str:
    """The part of the service that an object belongs to."""
    name: str = found["metadata"]["labels"][COMPONENT]
    return name


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pod of each part: of deployments and of the job."""
    return {component(found): found["spec"]["template"] for found in objects if "template" in found.get("spec", {})}


def container(pod: Object) -> Object:
    """A pod's only container."""
    (found,) = pod["spec"]["containers"]
    return dict(found)


def environment(pod: Object) -> dict[str, Any]:
    """A container's variables: values, or references."""
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container(pod)["env"]}


def selects(selector: Object, pod: Object) -> bool:
    """Whether labels to match, of which there may be none, are a pod's."""
    wanted = selector.get("matchLabels", {}).items()
    return bool(wanted <= pod["metadata"]["labels"].items())


def jobs_queries(values: str = "autoscaled", changed: Mapping[str, object] | None = None) -> dict[str, str]:
    """What KEDA asks PostgreSQL for each pool's workers."""
    scaled = of_kind(render(values, changed), "ScaledObject")
    return {component(found): found["spec"]["triggers"][0]["metadata"]["query"] for found in scaled}
