"""The pages about models say what the manifests say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phonoscope.paths import bundled
from phonoscope_training.card import model_card

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted(bundled("models").glob("*/manifest.json"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.parent.name)
def test_a_models_page_is_its_manifest_in_words(path: Path) -> None:
    """``docs/models/<name>.md`` is written from the manifest and from nothing else."""
    page = ROOT / "docs" / "models" / f"{path.parent.name}.md"
    assert page.read_text() == model_card(json.loads(path.read_text()))
