#!/usr/bin/env python3
"""Writes CycloneDX bills of what is shipped, with licences: ``python -m deploy.bills FOLDER``.

One for each image, as it is built without CUDA, one for the local stack, one for the bare package, which is the client,
and one for the page that `make page` built.
Of Python's packages they name those that ``deploy/requirements.py`` prints, with what their metadata says here, and
beside them the models that the package brings. Python itself and the system's packages of an image are in none.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from deploy.requirements import TORCH, Pin, chosen, closure, named, pins

SHIPPED = {
    "gateway": ("gateway", "otel"),
    "gpu-worker": ("gpu", "otel"),
    "cpu-worker": ("cpu", "otel"),
    "courier": ("courier", "otel"),
    "local": ("local",),
    "client": (),
}
"""The extras that each image, the local stack, and the client are installed with."""
MODELS = Path("models")
LICENSES = Path("services/gateway/phonoscope_gateway/web/static/licenses.txt")
_BY_HAND = {"protobuf": "BSD-3-Clause", "pyrage": "MIT", "sphn": "Apache-2.0"}
"""Licences that packages say in a file alone, or in words that are no licence's name."""
_OF_PAGE = re.compile(r"^={3,}\n(\S+) (\S+) \(([^)\n]+)\)\n", re.MULTILINE)

Bill = dict[str, Any]


def shipped_packages(extras: tuple[str, ...], held: Mapping[str, Pin]) -> set[str]:
    """The packages that these extras install on this system, with torch as its CPU build."""
    torch = closure(named(extras), held) & TORCH
    found = {pin.name for pin in chosen(extras, held, cpu=True)} | torch
    if torch:
        found |= {pin.name for pin in chosen(sorted(torch), held, cpu=True)}
    return {name for name in found if not held[name].marker or Marker(held[name].marker).evaluate()}


def installed() -> Bill:
    """The bill of all that is installed here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bill.json"
        options = (
            "--pyproject",
            "pyproject.toml",
            "--output-reproducible",
            "--no-validate",
            "--output-file",
            str(path),
        )
        program = Path(sys.executable).with_name("cyclonedx-py")
        subprocess.run([program, "environment", *options, sys.executable], check=True, capture_output=True)
        bill: Bill = json.loads(path.read_text())
    for part in bill["components"]:
        if not part.get("licenses") and (known := _BY_HAND.get(canonicalize_name(part["name"]))):
            part["licenses"] = [{"license": {"id": known}}]
    return bill


def shipped_models(folder: Path) -> list[Bill]:
    """The models that the package brings, as parts of a bill: each with its licence and the SHA-256 of its weights."""
    return [_model(path) for path in sorted(folder.glob("*/manifest.json"))]


def bill_of(name: str, packages: set[str], models: Sequence[Bill], whole: Bill) -> Bill:
    """The part of a bill about these packages, and these models.

    Ends the program where a package is not installed here.
    """
    parts = [part for part in whole["components"] if canonicalize_name(part["name"]) in packages]
    if absent := packages - {canonicalize_name(part["name"]) for part in parts}:
        sys.exit(f"{name} comes with {', '.join(sorted(absent))}, not installed here: its licence cannot be read")
    root = {**whole["metadata"]["component"], "name": f"phonoscope-{name}"}
    refs = {root["bom-ref"], *(part["bom-ref"] for part in parts)}
    depends = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", ()) if ref in refs]}
        for each in whole.get("dependencies", ())
        if each["ref"] in refs
    ]
    return {
        **whole,
        "metadata": {**whole["metadata"], "component": root},
        "components": [*parts, *models],
        "dependencies": [_with_models(each, models) if each["ref"] == root["bom-ref"] else each for each in depends],
    }


def bill_of_page(licenses: str, whole: Bill) -> Bill:
    """The bill of the packages whose licences the build has put beside the page's scripts."""
    parts = [
        {
            "bom-ref": f"{name}@{version}",
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:npm/{quote(name, safe='/')}@{version}",
            "licenses": [{"license": {"id": license_}}],
        }
        for name, version, license_ in _OF_PAGE.findall(licenses)
    ]
    root = {"bom-ref": "page", "type": "application", "name": "phonoscope-page"}
    depends = [{"ref": "page", "dependsOn": [part["bom-ref"] for part in parts]}]
    return {**whole, "metadata": {"component": root}, "components": parts, "dependencies": depends}


def check_bill(name: str, bill: Bill) -> None:
    """Ends the program where a bill is not as the schema of CycloneDX's that it names wants it."""
    version = SchemaVersion.from_version(bill["specVersion"])
    if error := JsonStrictValidator(version).validate_str(json.dumps(bill)):
        where = f"{error.data.message} at {error.data.json_path}"
        sys.exit(f"{name} is no bill of CycloneDX {bill['specVersion']}: {where}")


def write_bills(folder: Path) -> None:
    """Writes all bills into a folder; called in the repository's own."""
    folder.mkdir(parents=True, exist_ok=True)
    held, whole, models = pins(Path("constraints.txt").read_text()), installed(), shipped_models(MODELS)
    bills = {name: bill_of(name, shipped_packages(extras, held), models, whole) for name, extras in SHIPPED.items()}
    bills["page"] = bill_of_page(LICENSES.read_text(encoding="utf-8"), whole)
    for name, bill in bills.items():
        check_bill(name, bill)
        (folder / f"{name}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")


def _model(path: Path) -> Bill:
    card = json.loads(path.read_text(encoding="utf-8"))
    ref = f"model:{card['name']}"
    return {
        "bom-ref": ref,
        "type": "machine-learning-model",
        "name": card["name"],
        "version": str(card["version"]),
        "description": f"{card['kind']}; taught on {card['data']}",
        "licenses": [{"license": {"name": card["licence"]}}],
        "components": [
            {
                "bom-ref": f"{ref}/{file.name}",
                "type": "file",
                "name": file.name,
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
            }
            for file in sorted(path.parent.glob("*.safetensors"))
        ],
    }


def _with_models(depends: Bill, models: Sequence[Bill]) -> Bill:
    return {**depends, "dependsOn": [*depends["dependsOn"], *(model["bom-ref"] for model in models)]}


if __name__ == "__main__":
    write_bills(Path(sys.argv[1]))
