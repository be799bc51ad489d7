"""What the packages offer to others, and what importing them does not bring along."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import phonoscope
from phonoscope_gateway.openapi import openapi_document

ROOT = Path(__file__).parents[2]
SURFACES = {
    "phonoscope_gateway": ["create_app"],
    "phonoscope_local": ["Credentials", "default_data_dir", "read_credentials", "stack_settings"],
    "phonoscope.storage": ["ObjectStore", "StoredRange"],
    "phonoscope_worker": [
        "Context",
        "Handler",
        "Handlers",
        "Work",
        "outcome_of",
        "run_worker",
        "spool",
        "typed_resource_errors",
    ],
}
TORCH = ["torch", "torchaudio", "phonoscope_ml"]
NETWORKS = [*TORCH, "safetensors"]
STORES = ["sqlalchemy", "celery", "minio", "psycopg2", "alembic"]
LEFT_OUT = [
    (["phonoscope_gateway.__main__", "phonoscope.text"], [*TORCH, "celery.bin"]),
    (["phonoscope_courier.__main__", "phonoscope_gpu.__main__", "phonoscope_cpu.__main__"], NETWORKS),
    (["phonoscope.client", "phonoscope_cli"], [*NETWORKS, *STORES, "numpy", "av", "fastapi"]),
    (["phonoscope.catalogue", "phonoscope.audio.decode"], [*NETWORKS, *STORES]),
    (["phonoscope_ml.registry"], STORES),
]
_IMPORT = """
import importlib, json, sys
modules, left_out = json.loads(sys.argv[1])
brought = {}
for module in modules:
    importlib.import_module(module)
    brought |= {name: module for name in left_out if name in sys.modules and name not in brought}
print(json.dumps(brought))
"""


@pytest.mark.parametrize("name", sorted(SURFACES))
def test_a_package_offers_what_it_says(name: str) -> None:
    """Its ``__all__`` is the curated surface, in order, each name with a sentence on what it is for."""
    package = importlib.import_module(name)
    assert package.__all__ == SURFACES[name]
    for public in package.__all__:
        offered = getattr(package, public)
        assert not isinstance(offered, ModuleType)
        assert offered.__doc__ or not isinstance(offered, type | FunctionType)
    assert package.__doc__


def test_the_version_is_the_project_s() -> None:
    """What is installed is what the sources say, and so do chart, page and document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert phonoscope.__version__ == project["version"]
    chart = (ROOT / "deploy" / "kubernetes" / "Chart.yaml").read_text()
    assert re.findall(r"^(?:appV|v)ersion: (.*)$", chart, re.MULTILINE) == [project["version"]] * 2
    page, lock = (
        json.loads((ROOT / "services" / "web" / name).read_text()) for name in ("package.json", "package-lock.json")
    )
    assert {each["version"] for each in (page, lock, lock["packages"][""])} == {project["version"]}
    module, _, function = project["scripts"]["phonoscope"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(("modules", "left_out"), LEFT_OUT)
def test_importing_brings_along_only_what_is_needed(modules: list[str], left_out: list[str]) -> None:
    """In a process of its own, neither directly nor by way of others: each image carries only what it runs.

    Modules that must not bring the same are imported in one process.
    """
    command = [sys.executable, "-c", _IMPORT, json.dumps([modules, left_out])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == {}


def test_the_openapi_document_is_up_to_date() -> None:
    """What is kept for readers and for generated clients is what the gateway serves; ``make openapi`` writes it."""
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi_document()
