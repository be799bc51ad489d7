"""The pages about models say what the manifests say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phonoscope.catalogue import BODY
from phonoscope.paths import bundled
from phonoscope_training.bodies.export import body_card
from phonoscope_training.card import model_card
from phonoscope_training.heads.card import head_card

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted(bundled("models").glob("*/manifest.json"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.parent.name)
def test_a_models_page_is_its_manifest_in_words(path: Path) -> None:
    """``docs/models/<name>.md`` is written from the manifest and from nothing else; its pictures lie beside it."""
    page = ROOT / "docs" / "models" / f"{path.parent.name}.md"
    assert page.read_text() == _card(json.loads(path.read_text()))
    pictures = [line.rpartition("(")[2].rstrip(")") for line in page.read_text().splitlines() if line.startswith("![")]
    assert all((page.parent / picture).is_file() for picture in pictures)


def _card(manifest: dict[str, Any]) -> str:
    if "on" in manifest:
        return head_card(manifest)
    return body_card(manifest) if manifest["kind"] == BODY else model_card(manifest)
