"""The bills of what is shipped: nothing is missing, nothing else is in them, and each part has a licence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.utils import canonicalize_name

from deploy.bills import (
    MODELS,
    SHIPPED,
    Bill,
    bill_of,
    bill_of_page,
    check_bill,
    installed,
    shipped_models,
    shipped_packages,
)
from deploy.requirements import TORCH, pins

ROOT = Path(__file__).parents[3]
HELD = pins((ROOT / "constraints.txt").read_text())
DEVELOPMENT = {"pytest", "mypy", "ruff", "import-linter", "cyclonedx-bom", "playwright", "hypothesis", "schemathesis"}
OF_WHEEL = {"local", "client"}
PAGE = """============================================================
@tanstack/query-core 5.1.0 (MIT)

MIT License

============================================================
react 19.3.1 (MIT)

Its text
"""


@pytest.fixture(scope="module")
def whole() -> Bill:
    """Of all that is installed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return installed()


def versions(bill: Bill) -> dict[str, str]:
    """The packages of a bill, by name."""
    return {
        canonicalize_name(part["name"]): part["version"] for part in bill["components"] if part["type"] == "library"
    }


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_a_bill_has_what_is_installed_and_no_more(whole: Bill, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the locked versions, each with a licence; no package that only develops or tests."""
    monkeypatch.chdir(ROOT)
    bill = bill_of(name, shipped_packages(SHIPPED[name], HELD), shipped_models(MODELS), whole)
    check_bill(name, bill)
    found = versions(bill)
    assert {"httpx", "pydantic"} <= found.keys()
    assert ("sqlalchemy" in found) == (name != "client")
    assert not DEVELOPMENT & found.keys()
    assert versions(whole).keys() > DEVELOPMENT, "they are installed here"
    for package, version in found.items():
        locked = re.match(r"[^=]+==(\S+)", HELD[package].lines[0])
        assert locked is not None
        assert version.partition("+")[0] == locked[1], package
    assert not [part["name"] for part in bill["components"] if not part.get("licenses")]
    refs = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert refs >= {ref for each in bill["dependencies"] for ref in (each["ref"], *each["dependsOn"])}


def test_each_bill_has_the_models_of_the_package(whole: Bill) -> None:
    """With the licences and digests that their manifests say; each weights file is under its model."""
    models = shipped_models(ROOT / MODELS)
    bill = bill_of("courier", {"pydantic"}, models, whole)
    found = {part["name"]: part for part in bill["components"] if part["type"] == "machine-learning-model"}
    cards = {path.parent.name: json.loads(path.read_text()) for path in (ROOT / MODELS).glob("*/manifest.json")}
    assert {name: part["licenses"][0]["license"]["name"] for name, part in found.items()} == {
        name: card["licence"] for name, card in cards.items()
    }
    assert {name: _digests(part) for name, part in found.items()} == {name: _said(card) for name, card in cards.items()}
    root = bill["metadata"]["component"]["bom-ref"]
    (depends,) = (each["dependsOn"] for each in bill["dependencies"] if each["ref"] == root)
    assert {part["bom-ref"] for part in found.values()} <= set(depends)


def test_each_bill_has_its_own_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch where networks run, what serves HTTP where the gateway is, and what sends traces in each image."""
    monkeypatch.chdir(ROOT)
    found = {name: shipped_packages(extras, HELD) for name, extras in SHIPPED.items()}
    assert {"gpu-worker", "local"} <= {name for name, packages in found.items() if packages & TORCH}
    assert not TORCH & (found["gateway"] | found["courier"])
    assert "fastapi" in found["gateway"]
    assert "fastapi" not in found["courier"]
    # greenlet, without which SQLAlchemy's asyncio is not there, and what instruments SQLAlchemy fails.
    tracing = {"greenlet", "opentelemetry-instrumentation-redis", "opentelemetry-instrumentation-sqlalchemy"}
    assert all({"opentelemetry-sdk", *tracing} <= found[name] for name in SHIPPED.keys() - OF_WHEEL)
    assert not [package for packages in found.values() for package in packages if package.startswith("nvidia-")]


def test_every_image_has_a_bill() -> None:
    """With the extras that its recipe is given, beside those for traces."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    extras = [service["build"]["args"]["EXTRA"] for service in services if "EXTRA" in _arguments(service)]
    assert set(extras) == {SHIPPED[name][0] for name in SHIPPED.keys() - OF_WHEEL}
    assert 'requirements.py "$EXTRA" otel' in (ROOT / "deploy" / "Dockerfile").read_text()
    assert {SHIPPED[name][1:] for name in SHIPPED.keys() - OF_WHEEL} == {("otel",)}


def _digests(part: Bill) -> dict[str, str]:
    assert all(file["hashes"][0]["alg"] == "SHA-256" for file in part["components"])
    return {file["name"]: file["hashes"][0]["content"] for file in part["components"]}


def _said(card: Bill) -> dict[str, str]:
    """The digests of the files of weights that a manifest names, wherever in it."""
    if "sha256" in card and "file" in card:
        return {card["file"]: card["sha256"]}
    values = [each for value in card.values() for each in (value if isinstance(value, list) else [value])]
    return {file: digest for value in values if isinstance(value, dict) for file, digest in _said(value).items()}


def _arguments(service: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return service.get("build", {}).get("args", {})


def test_a_package_that_is_not_installed_here_is_named(whole: Bill) -> None:
    """Its licence could not be read."""
    with pytest.raises(SystemExit, match="courier comes with nothing-like-it"):
        bill_of("courier", {"pydantic", "nothing-like-it"}, [], whole)


def test_the_page_s_bill_is_read_from_its_licences(whole: Bill) -> None:
    """Names with scopes too."""
    bill = bill_of_page(PAGE, whole)
    check_bill("page", bill)
    assert [(part["name"], part["version"], part["licenses"][0]["license"]["id"]) for part in bill["components"]] == [
        ("@tanstack/query-core", "5.1.0", "MIT"),
        ("react", "19.3.1", "MIT"),
    ]
    assert bill["components"][0]["purl"] == "pkg:npm/%40tanstack/query-core@5.1.0"


def test_a_bill_that_its_schema_refuses_is_not_written(whole: Bill) -> None:
    """As where a licence of the page's has no name that SPDX knows; the generator's own check sees none of this."""
    bill = bill_of_page(PAGE.replace("(MIT)", "(Whatever)", 1), whole)
    with pytest.raises(SystemExit, match=r"page is no bill of CycloneDX 1\.\d: .*Whatever"):
        check_bill("page", bill)
