"""Examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "ml/phonoscope_ml",
    "ops/phonoscope_cli",
    "ops/phonoscope_local",
    "shared/phonoscope",
    "services/gateway/phonoscope_gateway",
    "training/phonoscope_training",
    "workers/common/phonoscope_worker",
    "workers/courier/phonoscope_courier",
    "workers/cpu/phonoscope_cpu",
    "workers/gpu/phonoscope_gpu",
]


def _modules_with_examples() -> Iterator[str]:
    for package in PACKAGES:
        folder = ROOT / package
        for path in sorted(folder.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(folder.parent).with_suffix("").parts
                yield ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("name", list(_modules_with_examples()))
def test_examples_do_what_they_show(name: str) -> None:
    """Each example in the module gives what stands below it."""
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def test_the_packages_are_where_they_are_looked_for() -> None:
    """A package that moved is not passed over in silence."""
    assert all((ROOT / package / "__init__.py").is_file() for package in PACKAGES)
    assert {"phonoscope_local.parts", "phonoscope_ml.networks", "phonoscope_gateway.ranges"} <= set(
        _modules_with_examples()
    )
