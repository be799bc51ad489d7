"""Scores an exported head again on the sets of its recipe that are only scored."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from phonoscope.catalogue import MANIFEST, Catalogue, HeadChoice, HeadManifest, read_manifest
from phonoscope.catalogue.bodies import headed
from phonoscope.errors import BodyAbsent
from phonoscope_ml.heads import HeadedNetwork
from phonoscope_ml.registry import Model, load_body, load_head, read_head
from phonoscope_training.errors import InvalidRun
from phonoscope_training.heads.answers import checked_answers
from phonoscope_training.heads.features import Listener
from phonoscope_training.sounds import SoundSettings
from phonoscope_training.sounds.read import Watch


def check_head(folder: Path, models: Catalogue, root: Path, watch: Watch = iter) -> dict[str, Any]:
    """Writes into a head's manifest what it answers for its recipe's checks; returns the manifest.

    Each choice whose bodies are there is scored; the figures of the others stay as they are.

    Args:
        root: the folder that the checks' paths start from.

    Raises:
        BodyAbsent: no choice has all its bodies.
        InvalidDataset: a recording is missing or cannot be read.
        InvalidManifest, WeightsMismatch: the head or a body cannot be loaded.
        InvalidRun: the folder has no head, or its recipe has no checks.
    """
    head = read_manifest(folder / MANIFEST)
    if not isinstance(head, HeadManifest):
        raise InvalidRun(f"{folder} is not a head's folder: its manifest is of another kind of model")
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    checks = [SoundSettings.model_validate(each) for each in manifest.get("recipe", {}).get("checks", [])]
    if not checks:
        raise InvalidRun(f"{folder}: the head's recipe has no sets that are only scored")
    absences: list[BodyAbsent] = []
    for choice, written in zip(head.on, manifest["on"], strict=True):
        try:
            served = _load(head, choice, folder, models)
        except BodyAbsent as absence:
            absences.append(absence)
            continue
        taught = [row for row in written["metrics"].get("answers_by_set", []) if not row.get("only_scored")]
        written["metrics"]["answers_by_set"] = taught + _answers(served, checks, root, watch)
    if len(absences) == len(head.on):
        raise absences[0]
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def _load(head: HeadManifest, choice: HeadChoice, folder: Path, models: Catalogue) -> Model:
    """The head on one choice of bodies. Raises ``BodyAbsent`` when these are not there."""
    served = headed(head.model_copy(update={"on": [choice]}), models.bodies)
    bodies = [load_body(body, models.folder(body.name), torch.device("cpu")) for body in served.bodies]
    return load_head(served, read_head(served, folder), bodies)


def _answers(served: Model, checks: list[SoundSettings], root: Path, watch: Watch) -> list[dict[str, Any]]:
    assert isinstance(served.network, HeadedNetwork)
    with TemporaryDirectory() as cache:
        heard = Listener(served.bodies, root, Path(cache), seed=0, watch=watch).hear(checks)
    return checked_answers(served.network.head, heard, [each.name for each in checks])
